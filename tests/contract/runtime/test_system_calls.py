"""Every call that the table refuses is tried by programs, in the sandbox and in a container of a real engine."""

from __future__ import annotations

import errno
import json
import platform
import signal
from collections.abc import Sequence

import pytest
from docker.api.client import APIClient

from contract.runtime.conftest import DockerRuns, Runs
from whiteroom.runtime.system_calls import ABSENT, JUDGED, MACHINES, REFUSED

REFUSED_ANSWERS = {errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT}
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the programs are for x86-64")
COLUMN = MACHINES["x86_64"].column

CALLS = """
import ctypes, json, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def call(number, *arguments):
    ctypes.set_errno(0)
    given = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return 0 if libc.syscall(ctypes.c_long(number), *given) >= 0 else ctypes.get_errno()

def apart(act):
    "How a process of its own fared: its answer, or minus the signal that ended it."
    end, other = os.pipe()
    pid = os.fork()
    if not pid:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        os.write(other, str(act()).encode())
        os._exit(0)
    os.close(other)
    told = os.read(end, 64)
    os.close(end)
    _, status = os.waitpid(pid, 0)
    return int(told) if told else -(status & 127)
"""

WHOLE = (
    CALLS
    + """
answers = {name: apart(lambda: call(number, *[-1] * 6)) for name, number in %(calls)r.items()}
path = b"/tmp/x"
open(path, "w").close()
judged = {
    "vsock": call(41, 40, 1, 0), "netlink audit": call(41, 16, 3, 9), "packet": call(41, 17, 3, 0),
    "pair": call(53, 2, 1, 0), "set-uid": call(90, path, 0o4755), "set-gid": call(91, os.open(path, 0), 0o2755),
    "set-uid, new": call(257, -100, b"/tmp/y", 0o101, 0o4755), "device": call(133, b"/tmp/d", 0o020666, 0x103),
    "namespace": call(272, 0x10000000), "terminal": call(16, 0, 0x5412, 0), "persona": call(135, 8),
}
fine = {
    "unix": call(41, 1, 1, 0), "route": call(41, 16, 3, 0), "mode": call(90, path, 0o755),
    "fifo": call(133, b"/tmp/f", 0o010644, 0), "ioctl": call(16, 0, 0x5413, 0),
}
import mmap
def gate():
    "getpid by the 32-bit gate."
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes([0xB8, 20, 0, 0, 0, 0xCD, 0x80, 0xC3]))
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
print(json.dumps([answers, judged, fine, apart(gate)]))
"""
)


def calls() -> dict[str, int]:
    tables = {**REFUSED, **ABSENT}
    return {name: number for name, numbers in tables.items() if (number := numbers[COLUMN]) is not None}


def every_refused_call_is(runs: Runs | DockerRuns) -> None:
    run_id = runs.start(WHOLE % {"calls": calls()})
    end = runs.finish(run_id)
    assert end.exit_code == 0, (end, runs.text(run_id, "stderr"))
    answers, judged, fine, gate = json.loads(runs.text(run_id))
    assert {name for name, answer in answers.items() if answer not in REFUSED_ANSWERS} == set()
    assert {name for name, answer in judged.items() if answer not in REFUSED_ANSWERS} == set()
    assert {name for name, answer in fine.items() if answer in {errno.EPERM, errno.ENOSYS}} == set()
    assert gate == -signal.SIGSYS


def test_the_sandbox_refuses_every_call_of_the_table(runs: Runs) -> None:
    every_refused_call_is(runs)


def test_a_container_refuses_every_call_of_the_table(docker_runs: DockerRuns) -> None:
    every_refused_call_is(docker_runs)


SURVEY = (
    CALLS
    + """
print(json.dumps({number: apart(lambda: call(number, *[-1] * 6)) for number in %(numbers)r}))
"""
)


def test_a_container_has_no_call_that_the_engines_own_profile_refuses(docker_runs: DockerRuns) -> None:
    # Those that are judged by their arguments are tried above.
    numbers = sorted(set(range(462)) - {judged.numbers[COLUMN] for judged in JUDGED.values()})
    program = SURVEY % {"numbers": numbers}
    run_id = docker_runs.start(program)
    end = docker_runs.finish(run_id, 60)
    assert end.exit_code == 0, (end, docker_runs.text(run_id, "stderr"))
    ours = open_calls(json.loads(docker_runs.text(run_id)))
    theirs = open_calls(json.loads(by_default(docker_runs, program)))
    assert len(theirs) > 200
    assert ours - theirs == set()


def open_calls(answers: dict[str, int]) -> set[int]:
    return {int(number) for number, answer in answers.items() if answer not in {errno.EPERM, errno.ENOSYS}}


def by_default(runs: DockerRuns, program: str, command: Sequence[str] = ("/opt/ml/code/train",)) -> str:
    """What the program prints in a container with the engine's own profile, and no capability either."""
    digest = runs.build(program)
    api = APIClient(base_url=f"unix://{runs.socket}", version="auto", timeout=60)
    host = api.create_host_config(cap_drop=["ALL"], security_opt=["no-new-privileges"], network_mode="none")
    container = api.create_container(digest, entrypoint=list(command), user="1000", host_config=host)["Id"]
    try:
        api.start(container)
        assert api.wait(container, timeout=60)["StatusCode"] == 0
        return bytes(api.logs(container, stdout=True, stderr=False)).decode()
    finally:
        api.remove_container(container, force=True)
        api.close()

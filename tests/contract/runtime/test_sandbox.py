"""The port's contract, and what hostile programs try against the sandbox (sandbox.md)."""

import json
import os
import shutil
import signal
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from contract.runtime.conftest import LIMITS, MIB, Runs
from contract.runtime.programs import SLEEP, ProgramContract
from whiteroom.domain.execution.runs import EndReason, Phase
from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.sandbox.runtime import SandboxRuntime
from whiteroom.runtime.supervisor import meters


class TestSandbox(ProgramContract):
    adapters = (SandboxRuntime,)


def read_in_sandbox(runs: Runs, program: str, **changes: object) -> Any:
    run_id = runs.start("import json\n" + program + "\nprint(json.dumps(answer))", **changes)
    end = runs.finish(run_id)
    assert end.exit_code == 0, (end, runs.text(run_id, "stderr"))
    return json.loads(runs.text(run_id))


def test_a_dead_supervisor_takes_its_run_with_it_and_the_run_is_lost(runs: Runs) -> None:
    run_id = runs.start(SLEEP)
    runs.until_logged(run_id, "up")
    marker = json.loads((runs.run_folder(run_id) / "supervisor.json").read_text())
    os.kill(marker["pid"], signal.SIGKILL)
    end = runs.finish(run_id, 5)
    assert end.reason is EndReason.LOST
    # Counted against the job's maximum runtime: when it was released, and its last sign of life.
    assert 0 < end.started_at_ms <= end.ended_at_ms <= time.time() * 1000
    assert not meters.lives(marker["first"][0][0])


@pytest.mark.slow
def test_a_program_that_makes_more_files_than_it_may_is_ended_and_its_end_told_for_all_of_them(runs: Runs) -> None:
    end = runs.finish(
        runs.start(
            "import os\nos.mkdir('/tmp/many')\nos.chdir('/tmp/many')\nn = 0\n"
            "while True:\n    os.close(os.open(str(n), os.O_CREAT))\n    n += 1\n",
            limits=replace(LIMITS, volume_bytes=10**9, max_runtime_seconds=120),
        ),
        120,
    )
    assert end.reason is EndReason.VOLUME
    assert end.message == "It made more than 250,000 files and folders."


def test_a_supervisor_that_dies_before_its_marker_has_begun_nothing_and_the_run_is_lost_not_gone(runs: Runs) -> None:
    runs.runtime.supervises = "whiteroom.nothing"  # it ends at once, as one that is killed
    run_id = runs.start("print('never')")
    end = runs.finish(run_id, 5)
    assert end.reason is EndReason.LOST
    assert not (runs.run_folder(run_id) / "supervisor.json").exists()
    assert end.started_at_ms == 0, "nothing of the job's time was spent"
    runs.runtime.forget(run_id)
    assert runs.runtime.observe(run_id).phase is Phase.ABSENT


@pytest.mark.parametrize("file", ["supervisor.json", "end.json"])
def test_what_a_power_cut_left_empty_is_a_death_of_the_machine(runs: Runs, file: str) -> None:
    """A file whose name reached the disk, and whose bytes did not."""
    run_id = runs.start("print('done')")
    runs.finish(run_id)
    runs.until(lambda: not meters.lives(runs.supervisor_of(run_id)))
    folder = runs.run_folder(run_id)
    (folder / "end.json").write_text("")
    (folder / file).write_text("")
    assert runs.finish(run_id, 5).reason is EndReason.LOST
    runs.runtime.forget(run_id)
    assert runs.runtime.observe(run_id).phase is Phase.ABSENT


def test_a_program_holds_no_capability_and_no_root(runs: Runs) -> None:
    answer = read_in_sandbox(
        runs,
        "import os\nanswer = [os.getuid(), [l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')],\n"
        "  'NoNewPrivs:\\t1' in open('/proc/self/status').read()]",
    )
    assert answer == [1000, ["0000000000000000"] * 5, True]


def test_nothing_of_the_host_is_in_the_first_process(runs: Runs) -> None:
    answer = read_in_sandbox(
        runs,
        "answer = [open('/proc/1/environ').read(), open('/proc/1/cmdline').read(), dict(__import__('os').environ)]",
    )
    assert answer[0] == ""
    assert str(runs.folder) not in json.dumps(answer)


UNWRITABLE = (
    "/dev/x /opt/venv/x /usr/x /usr/bin/x /bin/x /lib/x /sys/devices/system/cpu/x /etc/ssl/certs/x "
    "/opt/ml/input/data/train/x /opt/ml/input/data/train/part-0.csv /opt/ml/input/config/x /proc/sys/kernel/hostname"
)


def test_nothing_else_can_be_written(runs: Runs) -> None:
    answer = read_in_sandbox(
        runs,
        f"answer = []\nfor path in {UNWRITABLE!r}.split():\n"
        "  try: open(path, 'w').write('x'); answer.append(path)\n  except OSError: pass",
    )
    assert answer == []


def test_the_files_that_sagemakers_toolkits_write_to_etc_can_be_written(runs: Runs) -> None:
    answer = read_in_sandbox(
        runs,
        "answer = []\nfor name in ('mms', 'ts'):\n"
        "  path = f'/etc/sagemaker-{name}.properties'\n"
        "  open(path, 'w').write(name); answer.append(open(path).read())",
    )
    assert answer == ["mms", "ts"]


@pytest.mark.skipif(shutil.which("java") is None, reason="takes Java")
def test_javas_settings_are_where_it_looks_for_them(runs: Runs) -> None:
    answer = read_in_sandbox(
        runs,
        "import subprocess\n"
        "answer = subprocess.run(['java', '-version'], capture_output=True, text=True, check=True).stderr",
    )
    assert "version" in answer


CALLS = {
    "keyctl": 250, "add_key": 248, "request_key": 249, "io_uring_setup": 425, "userfaultfd": 323, "bpf": 321,
    "perf_event_open": 298, "ptrace": 101, "process_vm_readv": 310, "mount": 165, "setns": 308, "open_tree": 428,
    "fsopen": 430, "kcmp": 312, "pidfd_getfd": 438, "open_by_handle_at": 304, "syslog": 103, "chroot": 161,
}  # fmt: skip


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers are x86_64's")
def test_dangerous_system_calls_are_refused(runs: Runs) -> None:
    answer = read_in_sandbox(
        runs,
        "import ctypes, os, socket, stat, subprocess, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def call(*a):\n"
        "  r = libc.syscall(*[ctypes.c_long(x) for x in a]); return ctypes.get_errno() if r < 0 else 'done'\n"
        f"answer = {{name: call(number, 0, 0, 0, 0, 0) for name, number in {CALLS!r}.items()}}\n"
        "answer['clone3'] = call(435, 0, 0)\nanswer['shmget'] = call(29, 0, 4096, 0o1600)\n"
        "answer['unshare'] = call(272, 0x10000000)\nanswer['clone'] = call(56, 0x10000000 | 17, 0, 0, 0, 0)\n"
        "answer['personality'] = call(135, 0x0040000)\n"
        "def family(*a):\n  try: socket.socket(*a).close(); return 'done'\n  except OSError as e: return e.errno\n"
        "answer['vsock'] = family(40, 1)\nanswer['packet'] = family(17, 3)\nanswer['alg'] = family(38, 5)\n"
        "answer['netlink audit'] = family(16, 3, 9)\nanswer['netlink route'] = family(16, 3, 0)\n"
        "def chmod():\n  open('/tmp/f', 'w').close()\n  try: os.chmod('/tmp/f', 0o4755); return 'done'\n"
        "  except OSError as e: return e.errno\nanswer['setuid'] = chmod()\n"
        "def node():\n"
        "  try: os.mknod('/tmp/n', stat.S_IFCHR, 0); return 'done'\n  except OSError as e: return e.errno\n"
        "answer['whiteout'] = node()\n"
        "x32 = 'import ctypes; ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39))'\n"
        "answer['x32'] = subprocess.run([sys.executable, '-c', x32]).returncode",
    )
    eperm, enosys, eafnosupport = 1, 38, 97
    assert {name: answer.pop(name) for name in CALLS} == dict.fromkeys(CALLS, eperm)
    assert answer == {
        "clone3": enosys, "shmget": enosys, "unshare": eperm, "clone": eperm, "personality": eperm,
        "vsock": eafnosupport, "packet": eafnosupport, "alg": eafnosupport, "netlink audit": eafnosupport,
        "netlink route": "done", "setuid": eperm, "whiteout": eperm, "x32": -signal.SIGSYS,
    }  # fmt: skip


def test_there_is_no_network_but_the_runs_own_loopback(runs: Runs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answer = read_in_sandbox(
            runs,
            "import socket\n"
            "def reach(host, port):\n"
            "  try: socket.create_connection((host, port), 1).close(); return 'reached'\n"
            "  except OSError as e: return 'not'\n"
            "own = socket.create_server(('127.0.0.1', 0))\n"
            f"answer = [reach('127.0.0.1', {port}), reach('192.0.2.1', 80), reach('algo-1', own.getsockname()[1]),\n"
            "  [name for _, name in socket.if_nameindex()]]",
        )
    assert answer[:3] == ["not", "not", "reached"]
    assert "eth0" not in answer[3]


@pytest.mark.parametrize(
    "eater",
    [
        "held = []\nwhile True: held.append(bytearray(b'x') * (8 << 20))",
        "import os\nf = os.memfd_create('x')\nwhile True: os.write(f, b'x' * (8 << 20))",
        "f = open('/dev/shm/x', 'wb')\nwhile True: f.write(b'x' * (1 << 20))",
    ],
)
def test_memory_is_limited(runs: Runs, eater: str) -> None:
    end = runs.run(eater, limits=replace(LIMITS, memory_bytes=96 * MIB, volume_bytes=4096 * MIB))
    assert end.reason is EndReason.MEMORY or (end.exit_code == 1 and "/dev/shm" in eater)


def test_a_fork_bomb_stays_small_and_keeps_nobody_else_from_starting(runs: Runs) -> None:
    bomb = runs.start(
        "import os, time\nn = 0\n"
        "while n < 200:\n"
        "  try:\n"
        "    if os.fork() == 0: time.sleep(3600)\n    n += 1\n"
        "  except OSError: break\n"
        "print('forked', n, flush=True)\ntime.sleep(3600)"
    )
    runs.until_logged(bomb, "forked")
    assert int(runs.text(bomb).split()[1]) <= LIMITS.processes + 2
    assert runs.run("import subprocess\nsubprocess.run(['/bin/true'], check=True)").exit_code == 0
    runs.runtime.stop(bomb, 0)
    assert runs.finish(bomb).reason is EndReason.STOPPED


FILLERS = {
    "one file": "f = open('/opt/ml/model/x', 'wb')\nwhile True: f.write(b'x' * MIB)",
    "unlinked files": """
fs = []
while True:
  f = open('/tmp/x', 'wb'); os.unlink('/tmp/x'); fs.append(f); f.write(b'x' * 8 * MIB); f.flush(); time.sleep(0.01)
""",
    "many files": """
n = 0
while True:
  n += 1; open(f'/opt/ml/output/data/{n}', 'wb').write(b'x' * 4 * MIB); time.sleep(0.01)
""",
    "files in a folder that is shut": """
os.mkdir('/tmp/shut')
fs = [open(f'/tmp/shut/{n}', 'wb') for n in range(8)]
os.chmod('/tmp/shut', 0)
for f in fs: f.write(b'x' * 4 * MIB); f.flush()
time.sleep(3600)
""",
    "empty files": """
n = 0
while True:
  n += 1; os.close(os.open(f'/opt/ml/output/data/{n}', os.O_CREAT))
""",
}


SCRATCH_FILLERS = {
    "beside the program": "f = open('/opt/ml/code/x', 'wb')\nwhile True: f.write(b'x' * MIB)",
    "the root": """
n = 0
while True:
  n += 1; open(f'/x{n}', 'wb').write(b'x' * 4 * MIB); time.sleep(0.01)
""",
}


def filled(runs: Runs, filler: str) -> EndReason:
    """How a run ends that writes without end."""
    limits = replace(LIMITS, memory_bytes=1024 * MIB, volume_bytes=16 * MIB)
    return runs.run("import os, time\nMIB = 1 << 20\n" + filler, limits=limits).reason


@pytest.mark.parametrize("filler", FILLERS.values(), ids=FILLERS)
def test_disk_is_limited(runs: Runs, filler: str) -> None:
    assert filled(runs, filler) is EndReason.VOLUME


@pytest.mark.parametrize("filler", SCRATCH_FILLERS.values(), ids=SCRATCH_FILLERS)
def test_what_is_written_beside_a_program_counts_as_its_disk(runs: Runs, filler: str) -> None:
    assert filled(runs, filler) is EndReason.VOLUME


def test_what_a_program_leaves_behind_can_be_forgotten(runs: Runs) -> None:
    run_id = runs.start(
        "import os\nos.chdir('/opt/ml/output/data')\n"
        "os.symlink('/etc', 'out')\nos.symlink('loop', 'loop')\nos.mkfifo('fifo')\n"
        "f = open('sparse', 'wb'); f.truncate(60 << 20)\n"
        "os.mkdir('locked'); open('locked/x', 'w').close(); os.chmod('locked', 0)\n"
        "os.mkdir('wide')\nfor n in range(20000): os.close(os.open(f'wide/{n}', os.O_CREAT))\n"
        "for n in range(3000): os.mkdir('d'); os.chdir('d')\n"
        "os.chmod('/opt/ml/model', 0)\nos.chmod('/opt/ml/output', 0)\n"
    )
    end = runs.finish(run_id)
    assert (end.reason, end.exit_code) == (EndReason.EXITED, 0), runs.text(run_id, "stderr")
    assert not list(runs.left(run_id)[0][0].iterdir())
    runs.runtime.forget(run_id)
    assert not runs.run_folder(run_id).exists()


def test_the_output_folder_cannot_be_swapped_for_a_link(runs: Runs) -> None:
    run_id = runs.start(
        "import os\nfor f in ('/opt/ml/output/data', '/opt/ml/model'):\n"
        "  for act in (os.rmdir, lambda p: os.rename(p, p + '2')):\n"
        "    try: act(f); print('done')\n    except OSError: pass\n"
    )
    runs.finish(run_id)
    assert runs.text(run_id) == ""
    assert not runs.left(run_id)[0][1].is_symlink()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        ("os.symlink('/etc/passwd', f)", ""),
        ("os.mkfifo(f)", ""),
        ("os.mkdir(f)", ""),
        ("open(f, 'wb').write(b'\\xff' + b'y' * (40 << 20))", "\ufffd" + "y" * 4095),
    ],
)
def test_a_hostile_failure_file_is_read_safely(runs: Runs, make: str, expected: str) -> None:
    assert runs.run(f"import os\nf = '/opt/ml/output/failure'\n{make}").failure == expected


def test_a_hostile_log_is_kept_within_bounds(runs: Runs) -> None:
    runs.runtime = SandboxRuntime(runs.folder / "data", runs.data, log_limit_bytes=100_000, log_line_characters=1000)
    run_id = runs.start(
        "import sys\no = sys.stdout.buffer\no.write(b'x' * (50 << 20) + b'\\n')\no.write(b'\\xff\\x00\\n')\n"
        "o.write(b'10%\\r20%\\r30%\\n')\no.flush()\nfor n in range(20000): print('line', n)\nprint('end')"
    )
    assert runs.finish(run_id).exit_code == 0
    lines = [line.text for line in runs.runtime.logs(run_id)]
    assert lines[0] == "x" * 1000 + " [cut at 1,000 characters]"
    assert lines[1:3] == ["\ufffd\x00", "30%"]
    assert "is not kept" in lines[-1]
    assert (runs.folder / "data/logs" / f"{run_id}.jsonl").stat().st_size < 101_000


def test_a_daemon_does_not_outlive_its_run(runs: Runs) -> None:
    run_id = runs.start(
        "import os, time\n"
        "if os.fork() == 0:\n  os.setsid()\n"
        "  if os.fork(): os._exit(0)\n"
        "  os.close(1); os.close(2)\n"
        "  f = open('/opt/ml/model/pulse', 'wb', 0)\n"
        "  while True: f.write(b'x')\n"
        "while not os.path.exists('/opt/ml/model/pulse'): time.sleep(0.01)\n"
    )
    assert runs.finish(run_id).exit_code == 0
    pulse = runs.left(run_id)[0][0] / "pulse"
    size = pulse.stat().st_size
    time.sleep(0.05)
    assert pulse.stat().st_size == size


def test_an_image_that_a_run_uses_stays_until_the_run_has_ended(runs: Runs) -> None:
    run = runs.run_of(SLEEP)
    runs.runtime.start(run)
    runs.until_logged(run.id, "up")
    name = runs.runtime.images.list()[0].name
    assert not runs.runtime.images.remove(name)
    runs.runtime.stop(run.id, 0)
    runs.finish(run.id)
    runs.build("pass")
    with pytest.raises(ImageNotFound):
        runs.runtime.images.by_digest(run.image_digest)


def test_a_run_whose_image_is_gone_ends_with_the_reason(runs: Runs) -> None:
    run = runs.run_of("pass")
    runs.runtime.images.remove(runs.runtime.images.list()[0].name)
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert end.reason is EndReason.IMAGE
    assert "removed" in end.message


def test_the_unsafe_mode_says_so_in_each_log_and_in_the_report(runs: Runs) -> None:
    runs.runtime = SandboxRuntime(runs.folder / "data", runs.data, unsafe_no_sandbox=True)
    run_id = runs.start(
        "import os\nopen(os.environ['SM_MODEL_DIR'] + '/w', 'w').write('w')\nprint('ran')",
        entrypoint=("python", "/opt/ml/code/train"),
    )
    assert runs.finish(run_id).exit_code == 0, list(runs.runtime.logs(run_id))
    assert "ran" in runs.text(run_id)
    assert "unsafe-no-sandbox" in runs.text(run_id, "platform")
    assert (runs.left(run_id)[0][0] / "w").read_text() == "w"
    assert any(finding.name == "unsafe-no-sandbox" for finding in runs.runtime.report().findings)

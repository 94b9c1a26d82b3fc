"""Several containers of one run: their private network, their common start, and what is left of them."""

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from docker.api.client import APIClient

from contract.runtime.conftest import LIMITS, DockerRuns
from contract.runtime.test_several_instances import ME, SLEEP, said
from contract.runtime.test_transforms import SERVER, transform
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import ChannelMount, EndReason, InputMode, Phase, RunId
from whiteroom.ports.runtime import RunRefused
from whiteroom.runtime.docker.runtime import DockerRuntime
from whiteroom.runtime.docker.spec import load
from whiteroom.runtime.supervisor import meters

TOGETHER = ("algo-1", "algo-2")


@pytest.fixture
def runs(docker_runs: DockerRuns) -> DockerRuns:
    return docker_runs


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine, open to TCP and UDP on every address; and what was heard there."""
    heard: list[str] = []
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as stream,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as datagrams,
    ):
        port = stream.getsockname()[1]
        datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        datagrams.bind(("::", port))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    peer, address = stream.accept()
                    peer.close()
                    heard.append(f"TCP from {address[0]}")

        def receive() -> None:
            with suppress(OSError):
                while True:
                    said, address = datagrams.recvfrom(100)
                    heard.append(f"UDP from {address[0]}: {said!r}")
                    if said == b"end":
                        return

        threads = [threading.Thread(target=accept, daemon=True), threading.Thread(target=receive, daemon=True)]
        for thread in threads:
            thread.start()
        yield port, heard
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", ("127.0.0.1", port))
        threads[1].join(10)
        stream.shutdown(socket.SHUT_RDWR)
        threads[0].join(10)


def addresses_of_this_machine() -> list[str]:
    found = {line.split()[-1] for line in Path("/proc/net/fib_trie").read_text().splitlines() if "|--" in line}
    return sorted(address for address in found if not address.startswith(("127.", "0.")))


KNOCKING = """
import os
while not os.path.exists('/tmp/targets'): time.sleep(0.01)
def knock(kind, target):
    try:
        if kind == 'TCP': socket.create_connection((target, int(sys.argv[1])), 0.5).close()
        else:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            s.sendto(b'knock', (target, int(sys.argv[1])))
            return
        print('reached', kind, target)
    except OSError: pass
for target in open('/tmp/targets').read().split():
    knock('TCP', target); knock('UDP', target)
for name in ('algo-1', 'algo-2'): print(name, len(socket.gethostbyname(name).split('.')))
began = time.monotonic()
try: socket.gethostbyname('example.com'); print('resolved')
except OSError: pass
print('soon' if time.monotonic() - began < 3 else 'late')
"""


def test_containers_of_a_run_reach_no_port_of_this_machine_and_no_other_runs(runs: DockerRuns) -> None:
    with listening() as (port, heard):
        serving = runs.start(
            ME + "print(socket.gethostbyname(me), flush=True)\n"
            f"server = socket.create_server(('0.0.0.0', {port}))\n"
            "while True: server.accept(); print('reached', flush=True)",
            instance_count=2,
        )
        knocking = runs.start(ME + KNOCKING, instance_count=2, arguments=(str(port),), entrypoint=("train",))
        runs.until(lambda: all(said(runs, serving, host) for host in TOGETHER))
        others = [said(runs, serving, host) for host in TOGETHER]
        gateway = f"{others[0].rpartition('.')[0]}.1"
        targets = [*addresses_of_this_machine(), *others, gateway, "255.255.255.255", "224.0.0.1", "198.19.255.255"]
        folder = runs.run_folder(knocking) / "work"
        for host in TOGETHER:
            (folder / host / "tmp/targets.new").write_text("\n".join(targets))
            (folder / host / "tmp/targets.new").rename(folder / host / "tmp/targets")
        end = runs.finish(knocking, 60)
        assert end.exit_code == 0, runs.text(knocking, "stderr")
        assert [said(runs, knocking, host) for host in TOGETHER] == ["algo-1 4\nalgo-2 4\nsoon"] * 2
        # What another run's instances were asked, they would have said.
        assert [said(runs, serving, host) for host in TOGETHER] == others
        runs.runtime.stop(serving, 0)
        runs.finish(serving)
    assert [one for one in heard if "knock" in one or "TCP" in one] == []


def test_no_program_runs_where_one_container_cannot_be_made(runs: DockerRuns, api: APIClient) -> None:
    run = runs.run_of(ME + "print('started', flush=True)\n" + SLEEP, instance_count=3)
    label = runs.docker._label
    api.create_container_from_config({"Image": run.image_digest, "Cmd": ["x"]}, f"whiteroom-{label}-{run.id}.algo-2")
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert end.reason is EndReason.SANDBOX
    assert "algo-2" in end.message
    assert runs.text(run.id) == ""


def test_no_program_runs_before_every_container_does(runs: DockerRuns, api: APIClient) -> None:
    run_id = runs.start(ME + "print(time.time(), flush=True)\n" + SLEEP, instance_count=3)
    hosts = [*TOGETHER, "algo-3"]
    runs.until(lambda: all(said(runs, run_id, host) for host in hosts))
    states = [api.inspect_container(container["Id"])["State"] for container in api.containers()]
    # To the microsecond; an engine counts nanoseconds.
    started = [datetime.fromisoformat(f"{state['StartedAt'][:26].rstrip('Z')}+00:00") for state in states]
    assert len(started) == 3
    assert max(started).timestamp() <= min(float(said(runs, run_id, host)) for host in hosts)
    runs.runtime.stop(run_id, 0)
    assert runs.finish(run_id).reason is EndReason.STOPPED


def test_gpus_that_the_engine_cannot_give_are_refused_before_anything_is_made(runs: DockerRuns) -> None:
    facts = runs.docker._facts()
    if facts is None or facts.has_cdi:
        pytest.skip("this engine hands out devices by CDI")
    run = runs.run_of("pass", limits=replace(LIMITS, gpus=1))
    with pytest.raises(RunRefused, match="CDI"):
        runs.runtime.start(run)
    assert runs.runtime.observe(run.id).phase is Phase.ABSENT


def test_a_model_server_may_write_what_sagemakers_toolkits_write_to_etc(runs: DockerRuns) -> None:
    writing = "".join(f"open('/etc/sagemaker-{name}.properties', 'w').write('x')\n" for name in ("mms", "ts"))
    run = transform(runs, "1\n", program=writing + SERVER)
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0, list(runs.runtime.logs(run.id))


class Traces:
    """What a run could leave behind on this machine, outside its own folder and in it."""

    def __init__(self, runs: DockerRuns, api: APIClient) -> None:
        self._runs, self._api = runs, api
        self.bridges: set[str] = set()
        self._before = self.outside()

    def outside(self) -> dict[str, set[str]]:
        volumes = self._api.volumes()["Volumes"] or []
        return {
            "containers": {one["Id"] for one in self._api.containers(all=True)},
            "networks": {one["Id"] for one in self._api.networks()},
            "volumes": {one["Name"] for one in volumes},
            "bridges": {name for name in self.bridges if Path("/sys/class/net", name).exists()},
            "mounts": {
                line.split()[4]
                for line in Path("/proc/self/mountinfo").read_text().splitlines()
                if str(self._runs.folder) in line or str(Path(self._runs.socket).parent) in line
            },
            "processes": {
                folder.name
                for folder in Path("/proc").iterdir()
                if folder.name.isdigit()
                and str(self._runs.folder) in command_of(folder)
                and meters.lives(int(folder.name))
            },
        }

    def left(self) -> dict[str, set[str]]:
        return {kind: now - self._before[kind] for kind, now in self.outside().items() if now - self._before[kind]}

    def fifos(self) -> list[str]:
        return [path.name for path in (self._runs.folder / "data").rglob("*") if path.is_fifo()]


def command_of(process: Path) -> str:
    with suppress(OSError):
        return (process / "cmdline").read_text(errors="replace")
    return ""


def two_with_everything(runs: DockerRuns, traces: Traces, program: str) -> RunId:
    rows = runs.rows("rows")
    (rows / "part-0.csv").write_text("1\n")
    digest = runs.image({"train": "#!/opt/venv/bin/python\n" + ME + program}, "VOLUME /volume")
    run = replace(
        runs.run_of("pass", instance_count=2),
        image_digest=digest,
        checkpoints=DataRef(DataKind.CHECKPOINT, "model"),
        channels=(ChannelMount("train", runs.ref(rows), InputMode.PIPE), ChannelMount("more", runs.ref(rows))),
    )
    runs.runtime.start(run)
    traces.bridges.add(load((runs.run_folder(run.id) / "spec").read_bytes()).bridge)
    return run.id


def test_nothing_is_left_when_a_run_has_ended(runs: DockerRuns, api: APIClient) -> None:
    traces = Traces(runs, api)
    run_id = two_with_everything(
        runs, traces, "open('/opt/ml/model/w', 'w')\nprint(open('/opt/ml/input/data/train_0').read())"
    )
    assert runs.finish(run_id).exit_code == 0, runs.text(run_id, "stderr")
    runs.until(lambda: not traces.left().get("processes"))
    assert traces.left() == {}
    assert traces.fifos() == ["control"]
    runs.runtime.forget(run_id)
    assert traces.fifos() == []


@pytest.mark.parametrize("how", ["stopped", "forgotten", "supervisor killed", "server and supervisor killed"])
def test_nothing_is_left_of_a_run_that_was(runs: DockerRuns, api: APIClient, how: str) -> None:
    traces = Traces(runs, api)
    run_id = two_with_everything(runs, traces, "print('up', flush=True)\n" + SLEEP)
    runs.until(lambda: all(said(runs, run_id, host) == "up" for host in TOGETHER))
    assert traces.left().keys() >= {"containers", "networks", "bridges", "volumes", "processes"}
    if how == "stopped":
        runs.runtime.stop(run_id, 0)
        assert runs.finish(run_id).reason is EndReason.STOPPED
    elif how == "forgotten":
        runs.runtime.forget(run_id)
    else:
        os.kill(runs.supervisor_of(run_id), signal.SIGKILL)
        if how.startswith("server"):
            # As another server finds it.
            runs.runtime = runs.reopen()
        assert runs.finish(run_id, 10).reason is EndReason.LOST
    runs.until(lambda: not traces.left().get("processes"))
    assert traces.left() == {}
    assert set(traces.fifos()) <= {"control"}
    runs.runtime.forget(run_id)
    assert list(runs.docker.runs()) == []


COUNTING = """
n = 0
while not os.path.exists('/tmp/go'):
    print(n, flush=True)
    n += 1
    time.sleep(0.005)
"""
STARTING = """
import pickle, sys
from pathlib import Path
from whiteroom.data.folder import FolderData
from whiteroom.runtime.docker.runtime import DockerRuntime
run = pickle.load(open(sys.argv[1], 'rb'))
DockerRuntime(Path(sys.argv[2]), FolderData(Path(sys.argv[2])), socket=sys.argv[3]).start(run)
print('started', flush=True)
sys.stdin.read()
"""


def test_several_instances_go_on_without_the_server_and_another_takes_them_to_their_end(runs: DockerRuns) -> None:
    run = runs.run_of(ME + COUNTING, instance_count=4)
    described = runs.folder / "run.pickle"
    described.write_bytes(pickle.dumps(run))
    command = [sys.executable, "-c", STARTING, str(described), str(runs.folder / "data"), runs.socket]
    hosts = [f"algo-{number}" for number in range(1, 5)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"started\n"
        runs.until(lambda: all(len(said(runs, run.id, host)) > 50 for host in hosts))
        server.kill()
    seen = len(said(runs, run.id, "algo-4").splitlines())
    runs.until(lambda: len(said(runs, run.id, "algo-4").splitlines()) > seen + 20)
    other: DockerRuntime = runs.reopen()
    assert other.observe(run.id).phase is Phase.RUNNING
    for host in hosts:
        (runs.run_folder(run.id) / "work" / host / "tmp/go").touch()
    end = runs.finish(run.id)
    assert (end.exit_code, end.instances) == (0, 4)
    for host in hosts:
        numbers = [int(line) for line in said(runs, run.id, host).splitlines()]
        assert numbers == list(range(len(numbers)))

"""Several instances of one run: they find each other, they start together, and one that fails stops them all."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from contract.runtime.conftest import LIMITS, MIB, Runs
from whiteroom.domain.execution.runs import ChannelMount, Distribution, EndReason, InputMode, Phase, RunId
from whiteroom.ports.runtime import RunRefused
from whiteroom.runtime import spec as specs
from whiteroom.runtime.sandbox.plan import write_run
from whiteroom.runtime.sandbox.runtime import SandboxRuntime
from whiteroom.runtime.supervisor import meters

ME = "import json, os, socket, sys, time\nme = socket.gethostname()\n"
SLEEP = "time.sleep(3600)\n"


def said(runs: Runs, run_id: RunId, host: str, stream: str = "stdout") -> str:
    return "\n".join(line.text for line in runs.runtime.logs(run_id) if (line.host, line.stream) == (host, stream))


def test_every_instance_finds_the_contract_with_its_own_name_and_all_others(runs: Runs) -> None:
    run_id = runs.start(
        ME + "r = json.load(open('/opt/ml/input/config/resourceconfig.json'))\n"
        "names = [name for _, name in socket.if_nameindex()]\n"
        "print(json.dumps([me, os.environ['SM_CURRENT_HOST'], r['current_host'], r['hosts'],\n"
        "  r['instance_groups'][0]['hosts'], r['network_interface_name'] in names,\n"
        "  [socket.gethostbyname(host) for host in r['hosts']]]))",
        instance_count=3,
    )
    assert runs.finish(run_id).exit_code == 0
    hosts = ["algo-1", "algo-2", "algo-3"]
    addresses = json.loads(said(runs, run_id, "algo-1"))[-1]
    assert len(set(addresses)) == 3
    for host in hosts:
        assert json.loads(said(runs, run_id, host)) == [host, host, host, hosts, hosts, True, addresses]


def test_instances_reach_each_other_by_name_and_nothing_else(runs: Runs) -> None:
    run_id = runs.start(
        ME + "if me == 'algo-1':\n"
        "  server = socket.create_server(('algo-1', 7777))\n"
        "  peer, address = server.accept()\n"
        "  peer.sendall(b'sum ' + str(sum(json.loads(peer.makefile().readline()))).encode() + b'\\n')\n"
        "else:\n"
        "  while True:\n"
        "    try: peer = socket.create_connection(('algo-1', 7777), source_address=('algo-2', 0)); break\n"
        "    except ConnectionRefusedError: time.sleep(0.01)\n"
        "  peer.sendall(b'[1, 2, 3]\\n')\n"
        "  print(peer.makefile().readline().strip(), peer.getsockname()[0] == socket.gethostbyname('algo-2'))\n"
        "  try: socket.create_connection(('192.0.2.1', 80), 1)\n  except OSError: print('alone')\n",
        instance_count=2,
    )
    assert runs.finish(run_id).exit_code == 0, runs.text(run_id, "stderr")
    assert said(runs, run_id, "algo-2") == "sum 6 True\nalone"


def test_instances_share_no_files_and_each_has_its_own_output(runs: Runs) -> None:
    run_id = runs.start(
        ME + "open('/opt/ml/model/' + me, 'w').write(me)\nopen('/tmp/x', 'x')\nopen('/opt/ml/output/data/x', 'x')\n"
        "print(len([p for p in os.listdir('/proc') if p.isdigit()]))",
        instance_count=2,
    )
    assert runs.finish(run_id).exit_code == 0, runs.text(run_id, "stderr")
    left = runs.runtime.output(run_id)
    assert [(one.host, list(runs.data.list(one.model))) for one in left] == [
        ("algo-1", ["algo-1"]),
        ("algo-2", ["algo-2"]),
    ]
    assert int(said(runs, run_id, "algo-1")) == int(said(runs, run_id, "algo-2")) <= 3


def test_one_that_fails_stops_the_others_and_is_named_with_its_own_words(runs: Runs) -> None:
    run_id = runs.start(
        ME + "if me == 'algo-2':\n  open('/opt/ml/output/failure', 'w').write('bad column')\n  sys.exit(7)\n"
        "import signal\n"
        "def bye(*_): print('stopped'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, bye)\nprint('up', flush=True)\n" + SLEEP,
        instance_count=3,
    )
    end = runs.finish(run_id)
    assert (end.reason, end.host, end.exit_code, end.failure) == (EndReason.EXITED, "algo-2", 7, "bad column")
    assert end.instances == 3
    notes = [line for line in runs.runtime.logs(run_id) if line.stream == "platform"]
    assert any("algo-2 has failed" in line.text for line in notes)


def test_limits_are_each_instances_own_and_the_one_that_breaks_one_is_named(runs: Runs) -> None:
    run_id = runs.start(
        ME + "if me == 'algo-1': " + SLEEP + "held = []\nwhile True: held.append(bytearray(b'x') * (8 << 20))",
        instance_count=2,
        limits=replace(LIMITS, memory_bytes=96 * MIB),
    )
    end = runs.finish(run_id)
    assert (end.reason, end.host) == (EndReason.MEMORY, "algo-2")


def test_the_volume_is_each_instances_own(runs: Runs) -> None:
    run_id = runs.start(
        ME + "open('/opt/ml/model/x', 'wb').write(b'x' * (40 << 20))\n",
        instance_count=2,
        limits=replace(LIMITS, volume_bytes=60 * MIB),
    )
    assert runs.finish(run_id).exit_code == 0


def test_the_run_goes_on_until_the_last_instance_has_ended(runs: Runs) -> None:
    run_id = runs.start(
        ME + "if me == 'algo-1': sys.exit(0)\nprint('up', flush=True)\n"
        "while not os.path.exists('/tmp/go'): time.sleep(0.01)\nprint('done')",
        instance_count=2,
    )
    runs.until_logged(run_id, "up")
    assert runs.runtime.observe(run_id).phase is Phase.RUNNING
    (runs.run_folder(run_id) / "work/algo-2/tmp/go").touch()
    assert runs.finish(run_id).exit_code == 0
    assert "done" in said(runs, run_id, "algo-2")


def test_a_stop_reaches_every_instance(runs: Runs) -> None:
    run_id = runs.start(
        ME + "import signal\ndef bye(*_): print('saved'); sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, bye)\nprint('up', flush=True)\n" + SLEEP,
        instance_count=2,
    )
    runs.until(lambda: all(said(runs, run_id, host) for host in ("algo-1", "algo-2")))
    runs.runtime.stop(run_id, 10)
    assert runs.finish(run_id).reason is EndReason.STOPPED
    assert [said(runs, run_id, host) for host in ("algo-1", "algo-2")] == ["up\nsaved"] * 2


def test_the_maximum_runtime_ends_every_instance(runs: Runs) -> None:
    run_id = runs.start(
        ME + SLEEP,
        instance_count=2,
        limits=replace(LIMITS, max_runtime_seconds=1),
        stop_grace_seconds=0,
    )
    assert runs.finish(run_id).reason is EndReason.MAX_RUNTIME


def test_forgetting_kills_every_instance_and_leaves_no_control_group(runs: Runs) -> None:
    run_id = runs.start(ME + "print('up', flush=True)\n" + SLEEP, instance_count=2)
    runs.until(lambda: all(said(runs, run_id, host) for host in ("algo-1", "algo-2")))
    marker = json.loads((runs.run_folder(run_id) / "supervisor.json").read_text())
    runs.runtime.forget(run_id)
    assert len(marker["first"]) == 2
    assert not [pid for pid, _ in marker["first"] if meters.lives(pid)]
    assert not [group for group in marker["groups"] if Path(group).exists()]


@pytest.mark.parametrize("mode", list(InputMode))
def test_a_sharded_channel_is_shared_out_in_whole_files_and_another_is_everybodys(runs: Runs, mode: InputMode) -> None:
    rows = runs.rows("rows")
    for number in range(5):
        (rows / f"part-{number}.csv").write_text(f"{number}\n")
    read = (
        "read = lambda name: open(f'/opt/ml/input/data/{name}_0').read()"
        if mode is InputMode.PIPE
        else "read = lambda name: ''.join(open(f.path).read() for f in sorted(os.scandir('/opt/ml/input/data/' + name),"
        " key=lambda f: f.name))"
    )
    run_id = runs.start(
        ME + read + "\nprint(json.dumps([read('mine').split(), read('ours').split()]))",
        instance_count=2,
        channels=(
            ChannelMount("mine", runs.ref(rows), mode, Distribution.SHARDED_BY_S3_KEY),
            ChannelMount("ours", runs.ref(rows), mode),
        ),
    )
    assert runs.finish(run_id).exit_code == 0, runs.text(run_id, "stderr")
    everything = ["0", "1", "2", "3", "4"]
    assert json.loads(said(runs, run_id, "algo-1")) == [["0", "1"], everything]
    assert json.loads(said(runs, run_id, "algo-2")) == [["2", "3", "4"], everything]
    runs.runtime.forget(run_id)
    assert [file.name for file in sorted(rows.iterdir())] == [f"part-{number}.csv" for number in range(5)]


def test_a_shard_cannot_be_written_to(runs: Runs) -> None:
    run = runs.run_of(
        "import os\nfolder = '/opt/ml/input/data/train/'\nprint(os.listdir(folder))\n"
        "for act in (os.unlink, lambda p: open(p, 'w'), lambda p: os.chmod(p, 0o666)):\n"
        "  for name in os.listdir(folder):\n"
        "    try: act(folder + name); print('done')\n    except OSError: pass\n",
        instance_count=2,
    )
    runs.runtime.start(replace(run, channels=(replace(run.channels[0], distribution=Distribution.SHARDED_BY_S3_KEY),)))
    assert runs.finish(run.id).exit_code == 0
    assert (said(runs, run.id, "algo-1"), said(runs, run.id, "algo-2")) == ("[]", "['part-0.csv']")


def test_no_program_starts_where_one_sandbox_cannot_be_made(runs: Runs) -> None:
    run = runs.run_of(ME + "print('started', flush=True)\n" + SLEEP, instance_count=3)
    folder = runs.folder / "data/runs" / run.id
    folder.mkdir(parents=True)
    write_run(
        run,
        runs.runtime.images.by_digest(run.image_digest),
        folder,
        data=runs.data,
        final=folder,
        log_file=runs.folder / "data/logs" / f"{run.id}.jsonl",
        users=runs.folder / "data/users",
        first_uid=runs.runtime.first_uid,
        sandboxed=True,
        in_memory=False,
        devices=Path("/dev"),
        lends=lambda: False,
        log_limit_bytes=MIB,
        log_line_characters=1000,
    )
    spec = specs.load((folder / specs.SPEC_FILE).read_bytes())
    first, second, third = spec.instances
    # Nothing can be mounted there: bubblewrap gives up.
    broken = specs.InstanceSpec(
        **{**second.plain(), "mounts": (*second.mounts, (*second.mounts[0][:1], "/proc/x", False))}
    )
    changed = specs.Spec(**{**spec.plain(), "instances": (first, broken, third)})
    (folder / specs.SPEC_FILE).write_bytes(specs.dump(changed))
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert (end.reason, end.host) == (EndReason.SANDBOX, "algo-2")
    assert runs.text(run.id) == ""


def test_every_instance_dies_with_the_supervisor(runs: Runs) -> None:
    run_id = runs.start(ME + "print('up', flush=True)\n" + SLEEP, instance_count=3)
    runs.until(lambda: all(said(runs, run_id, host) for host in ("algo-1", "algo-2", "algo-3")))
    marker = json.loads((runs.run_folder(run_id) / "supervisor.json").read_text())
    os.kill(marker["pid"], signal.SIGKILL)
    assert runs.finish(run_id, 5).reason is EndReason.LOST
    assert [pid for pid, _ in marker["first"] if meters.lives(pid)] == []


def test_a_channel_that_is_always_a_folder_is_on_every_host_beside_pipes(runs: Runs) -> None:
    base = runs.rows("base")
    (base / "model.tar.gz").write_text("weights")
    run = runs.run_of(
        ME + "data = '/opt/ml/input/data/'\n"
        "print(open(data + 'train_0').read(), open(data + 'train_1').read(), open(data + 'base/model.tar.gz').read())",
        instance_count=2,
    )
    piped = replace(run.channels[0], input_mode=InputMode.PIPE)
    runs.runtime.start(replace(run, channels=(piped, ChannelMount("base", runs.ref(base)))))
    assert runs.finish(run.id).exit_code == 0, runs.text(run.id, "stderr")
    rows = "x,y\n1,2\n"
    assert [said(runs, run.id, host) for host in ("algo-1", "algo-2")] == [f"{rows} {rows} weights"] * 2


def test_without_a_sandbox_there_is_one_instance(runs: Runs) -> None:
    runtime = SandboxRuntime(runs.folder / "data", runs.data, unsafe_no_sandbox=True)
    with pytest.raises(RunRefused, match="no network for 2 instances"):
        runtime.start(replace(runs.run_of("pass"), instance_count=2))

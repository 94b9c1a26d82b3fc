"""How channels reach a program: every input mode of SageMaker's contract."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from contract.runtime.conftest import LIMITS, Runs
from contract.runtime.test_sandbox import read_in_sandbox
from whiteroom.domain.execution.runs import ChannelMount, EndReason, InputMode, RunId
from whiteroom.runtime.sandbox.runtime import SandboxRuntime

PIPE = InputMode.PIPE


@pytest.fixture
def channel(runs: Runs) -> Path:
    folder = runs.rows("rows")
    # Written in another order than that of their names.
    for name, text in (("part-1.csv", "c\nd\n"), ("part-0.csv", "a\nb\n")):
        (folder / name).write_text(text)
    return folder


def left_fifos(runs: Runs, run_id: RunId) -> list[Path]:
    return [path for path in runs.run_folder(run_id).rglob("*") if path.is_fifo() and path.name != "control"]


def test_fast_file_is_the_channels_folder_read_only_and_called_file(runs: Runs, channel: Path) -> None:
    answer = read_in_sandbox(
        runs,
        "import os\nfolder = '/opt/ml/input/data/train'\n"
        "with open(folder + '/part-1.csv') as f: f.seek(2); part = f.read()\n"
        "answer = [sorted(os.listdir(folder)), part, os.access(folder + '/part-1.csv', os.W_OK),\n"
        "  json.load(open('/opt/ml/input/config/inputdataconfig.json'))['train']['TrainingInputMode']]",
        channels=(ChannelMount("train", runs.ref(channel), InputMode.FAST_FILE),),
    )
    assert answer == [["part-0.csv", "part-1.csv"], "d\n", False, "File"]


def test_a_pipe_gives_the_files_in_order_again_and_again(runs: Runs, channel: Path) -> None:
    run_id = runs.start(
        "import json, os\n"
        "answer = [json.load(open('/opt/ml/input/config/inputdataconfig.json'))['train']['TrainingInputMode'],\n"
        "  sorted(os.listdir('/opt/ml/input/data'))]\n"
        "for epoch in range(5): answer.append(open(f'/opt/ml/input/data/train_{epoch}').read())\n"
        "print(json.dumps(answer))",
        channels=(ChannelMount("train", runs.ref(channel), PIPE),),
    )
    assert runs.finish(run_id).exit_code == 0, runs.text(run_id, "stderr")
    assert runs.text(run_id) == '["Pipe", ["train_0"]' + ', "a\\nb\\nc\\nd\\n"' * 5 + "]"
    assert left_fifos(runs, run_id) == []


def test_channels_are_piped_each_at_its_own_pace_beside_one_that_is_a_folder(runs: Runs, channel: Path) -> None:
    answer = read_in_sandbox(
        runs,
        "data = '/opt/ml/input/data/'\na, b = open(data + 'a_0'), open(data + 'b_0')\n"
        "answer = [b.read(), open(data + 'b_1').read(), a.read(), open(data + 'model/part-0.csv').read()]",
        channels=(
            ChannelMount("a", runs.ref(channel), PIPE),
            ChannelMount("b", runs.ref(channel), PIPE),
            ChannelMount("model", runs.ref(channel)),
        ),
    )
    assert answer == ["a\nb\nc\nd\n"] * 3 + ["a\nb\n"]


def test_a_reader_that_closes_early_gets_the_next_epoch(runs: Runs, channel: Path) -> None:
    with (channel / "part-2.csv").open("wb") as file:
        file.truncate(64 << 20)
    answer = read_in_sandbox(
        runs,
        "import os, time\nanswer = []\n"
        "for epoch in range(3):\n"
        "  path = f'/opt/ml/input/data/train_{epoch}'\n"
        "  while not os.path.exists(path): time.sleep(0.001)\n"
        "  with open(path, 'rb', 0) as f: answer.append(f.read(4).decode())\n",
        channels=(ChannelMount("train", runs.ref(channel), PIPE),),
    )
    assert answer == ["a\nb\n"] * 3


def test_a_program_that_never_opens_a_pipe_ends_as_it_does(runs: Runs, channel: Path) -> None:
    run_id = runs.start("print('done')", channels=(ChannelMount("train", runs.ref(channel), PIPE),))
    assert (runs.finish(run_id).exit_code, runs.text(run_id)) == (0, "done")
    assert left_fifos(runs, run_id) == []


def test_a_program_can_neither_write_to_a_pipe_nor_remove_one(runs: Runs, channel: Path) -> None:
    answer = read_in_sandbox(
        runs,
        "import os\nanswer = []\npath = '/opt/ml/input/data/train_0'\n"
        "for act in (os.unlink, os.rmdir, lambda p: os.rename(p, p + 'x'), lambda p: os.chmod(p, 0o666)):\n"
        "  try: act(path); answer.append('done')\n  except OSError: pass\n"
        "answer.append(open(path).read())",
        channels=(ChannelMount("train", runs.ref(channel), PIPE),),
    )
    assert answer == ["a\nb\nc\nd\n"]


def test_a_program_that_waits_at_a_pipe_is_stopped_and_leaves_none(runs: Runs, channel: Path) -> None:
    run_id = runs.start(
        "print('up', flush=True)\nf = open('/opt/ml/input/data/train_0')\nf.read()\n"
        "import time\nos = __import__('os')\nos.mkfifo('/tmp/never')\nopen('/tmp/never')",
        channels=(ChannelMount("train", runs.ref(channel), PIPE),),
    )
    runs.until_logged(run_id, "up")
    runs.runtime.stop(run_id, 0)
    assert runs.finish(run_id).reason is EndReason.STOPPED
    assert [path for path in left_fifos(runs, run_id) if path.name != "never"] == []


def test_the_feeding_dies_with_its_supervisor(runs: Runs, channel: Path) -> None:
    run_id = runs.start(
        "print('up', flush=True)\nimport time\ntime.sleep(3600)",
        channels=(ChannelMount("train", runs.ref(channel), PIPE),),
    )
    runs.until_logged(run_id, "up")
    os.kill(runs.supervisor_of(run_id), signal.SIGKILL)
    assert runs.finish(run_id, 10).reason is EndReason.LOST
    assert left_fifos(runs, run_id) == []


def test_a_feeder_that_is_killed_is_a_death_of_the_machine(runs: Runs, channel: Path) -> None:
    run_id = runs.start(
        "print('up', flush=True)\nimport time\ntime.sleep(3600)",
        channels=(ChannelMount("train", runs.ref(channel), PIPE),),
    )
    runs.until_logged(run_id, "up")
    runs.fork_of(run_id).send_signal(signal.SIGKILL)
    assert runs.finish(run_id).reason is EndReason.MACHINE
    assert left_fifos(runs, run_id) == []


def test_a_channel_that_cannot_be_read_fails_the_run_and_never_looks_like_its_end(runs: Runs, channel: Path) -> None:
    run = runs.run_of(
        "import time\nprint('up', flush=True)\nprint(len(open('/opt/ml/input/data/train_0').read()))\n"
        "open('/opt/ml/input/data/train_1').read()\ntime.sleep(3600)",
        channels=(ChannelMount("train", runs.ref(channel), PIPE),),
        limits=replace(LIMITS, max_runtime_seconds=15),
    )
    (channel / "part-2.csv").symlink_to("part-0.csv")
    runs.runtime.start(run)
    (channel / "part-2.csv").unlink()
    end = runs.finish(run.id)
    assert end.reason is EndReason.PLATFORM
    assert "input channel" in end.message


def test_without_a_sandbox_a_pipe_is_found_by_its_variable(runs: Runs, channel: Path) -> None:
    runs.runtime = SandboxRuntime(runs.folder / "data", runs.data, unsafe_no_sandbox=True)
    run_id = runs.start(
        "import os\nprint(open(os.environ['SM_CHANNEL_TRAIN'] + '_0').read())",
        entrypoint=("python", "/opt/ml/code/train"),
        channels=(ChannelMount("train", runs.ref(channel), PIPE),),
    )
    assert runs.finish(run_id).exit_code == 0, runs.text(run_id, "stderr")
    assert runs.text(run_id) == "a\nb\nc\nd\n"

"""What a program finds, in every runtime that really runs it: the port's contract, on programs, and SageMaker's."""

import json
import os
from dataclasses import replace
from typing import Any

import pytest

from contract.runtime.conftest import LIMITS, Runs
from contract.runtime.suite import PRINTED, RuntimeContract
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.runs import EndReason, Phase, TrainingRun
from whiteroom.ports.runtime import ImageNotFound

SLEEP = "import time\nprint('up', flush=True)\ntime.sleep(3600)\n"
LEAVING = f"for word in {PRINTED!r}: print(word)\nopen('/opt/ml/model/weights', 'w').write('w')\n"


class LabFixtures:
    """What the port's suite asks for, of the fixture `runs`."""

    @pytest.fixture
    def runtime(self, runs: Runs) -> Any:
        return runs.runtime

    @pytest.fixture
    def data(self, runs: Runs) -> FolderData:
        return runs.data

    @pytest.fixture
    def image(self, runs: Runs) -> str:
        name = f"whiteroom-tests-{os.getpid()}-named:1"
        runs.build("pass", name=name)
        return name

    @pytest.fixture
    def run(self, runs: Runs) -> TrainingRun:
        return runs.run_of(LEAVING)

    @pytest.fixture
    def endless(self, runs: Runs) -> TrainingRun:
        return runs.run_of("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP)


class ProgramContract(LabFixtures, RuntimeContract):
    """What a program finds in every runtime that really runs it. Subclasses bring the fixture `runs`."""

    def test_a_program_finds_the_sagemaker_contract(self, runs: Runs) -> None:
        run_id = runs.start(
            "import json, os, socket\n"
            "c = '/opt/ml/input/config/'\n"
            "print(json.dumps([json.load(open(c + 'hyperparameters.json')), os.listdir('/opt/ml/input/data/train'),\n"
            "  os.environ['SM_CHANNEL_TRAIN'], os.getcwd(), socket.gethostbyname('algo-1'), socket.gethostname()]))\n"
            "open('/opt/ml/model/weights', 'w').write('w')\n"
            "open('/opt/ml/output/data/metrics', 'w').write('m')\n"
        )
        end = runs.finish(run_id)
        assert (end.reason, end.exit_code) == (EndReason.EXITED, 0)
        expected = [{"lr": "0.1"}, ["part-0.csv"], "/opt/ml/input/data/train", "/opt/ml/code", "127.0.0.1", "algo-1"]
        assert json.loads(runs.text(run_id)) == expected
        ((model, output),) = runs.left(run_id)
        assert (model / "weights").read_text() == "w"
        assert (output / "metrics").read_text() == "m"

    def test_an_exit_code_a_failure_file_and_the_log_are_kept(self, runs: Runs) -> None:
        run_id = runs.start(
            "import sys\nopen('/opt/ml/output/failure', 'w').write('bad \\x1b column')\n"
            "print('out')\nprint('err', file=sys.stderr)\nsys.exit(7)"
        )
        end = runs.finish(run_id)
        assert (end.reason, end.exit_code, end.failure) == (EndReason.EXITED, 7, "bad \x1b column")
        assert (runs.text(run_id), runs.text(run_id, "stderr")) == ("out", "err")

    def test_a_progress_bar_is_told_while_it_moves_and_at_its_end(self, runs: Runs) -> None:
        run_id = runs.start(
            "import time\n"
            "for n in range(4):\n"
            "  print(f'\\r{n * 25}% loss=0.{9 - n}', end='', flush=True)\n"
            "  time.sleep(0.6)\n"
            "print('\\r100% loss=0.1\\nover')\n"
        )
        runs.finish(run_id)
        *states, end, over = runs.text(run_id).splitlines()
        assert (end, over) == ("100% loss=0.1", "over")
        assert states
        assert set(states) < {f"{n * 25}% loss=0.{9 - n}" for n in range(4)}

    def test_what_a_run_takes_of_the_machine_is_kept_as_its_log_is_and_its_next_attempt_goes_on_with_it(
        self, runs: Runs
    ) -> None:
        run = runs.run_of("import time\nprint('attempt')\ntime.sleep(0.7)")
        runs.runtime.start(run)
        runs.finish(run.id)
        runs.runtime.forget(run.id)
        first = list(runs.runtime.usage(run.id))
        assert len(first) >= 2
        assert {sample.host for sample in first} == {"algo-1"}
        # The last one may be of what was spent alone (supervisor/usage.py).
        assert {"CPUUtilization", "MemoryUtilization", "DiskUtilization"} <= set(first[0].values)
        runs.runtime.start(run)
        runs.finish(run.id)
        both = list(runs.runtime.usage(run.id))
        assert both[: len(first)] == first
        assert len(both) > len(first)
        assert list(runs.runtime.usage(run.id, len(first))) == both[len(first) :]
        assert runs.text(run.id) == "attempt\nattempt"
        runs.runtime.forget_logs(run.id)
        assert list(runs.runtime.usage(run.id)) == []

    def test_stop_lets_the_program_finish_within_its_grace(self, runs: Runs) -> None:
        run_id = runs.start(
            "import signal, sys, time\n"
            "def bye(*_): print('saved'); sys.exit(3)\n"
            "signal.signal(signal.SIGTERM, bye)\n" + SLEEP
        )
        runs.until_logged(run_id, "up")
        runs.runtime.stop(run_id, 10)
        end = runs.finish(run_id)
        assert (end.reason, end.exit_code) == (EndReason.STOPPED, 3)
        assert "saved" in runs.text(run_id)

    def test_stop_kills_a_program_that_does_not_listen(self, runs: Runs) -> None:
        run_id = runs.start("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP)
        runs.until_logged(run_id, "up")
        runs.runtime.stop(run_id, 0)
        assert runs.finish(run_id, 5).reason is EndReason.STOPPED

    def test_the_maximum_runtime_is_kept(self, runs: Runs) -> None:
        end = runs.run(SLEEP, limits=replace(LIMITS, max_runtime_seconds=1), stop_grace_seconds=0)
        assert end.reason is EndReason.MAX_RUNTIME

    def test_an_image_that_is_not_there_is_refused_with_how_to_bring_it(self, runs: Runs) -> None:
        with pytest.raises(ImageNotFound, match="images build"):
            runs.runtime.image_digest("111.dkr.ecr.us-east-1.amazonaws.com/x:1")

    def test_a_program_that_is_not_in_the_image_ends_the_run_with_the_reason(self, runs: Runs) -> None:
        end = runs.run("pass", entrypoint=("nosuch",))
        assert end.reason is EndReason.IMAGE
        assert "nosuch" in end.message

    def test_another_server_on_the_same_folder_takes_the_run_over(self, runs: Runs) -> None:
        run_id = runs.start(SLEEP)
        runs.until_logged(run_id, "up")
        other = runs.reopen()
        assert other.observe(run_id).phase is Phase.RUNNING
        assert list(other.runs()) == [run_id]
        other.stop(run_id, 0)
        assert runs.finish(run_id).reason is EndReason.STOPPED
        assert other.observe(run_id).end == runs.runtime.observe(run_id).end

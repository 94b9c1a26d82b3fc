import json
import os
import signal
import stat
from dataclasses import replace

from contract.runtime.conftest import Runs
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import EndReason
from whiteroom.runtime.supervisor import meters

CHECKPOINTS = DataRef(DataKind.CHECKPOINT, "model")
SAVE = """
import os, sys
with open('/opt/ml/checkpoints/epoch', 'a') as file:
    file.write('x')
os.makedirs('/opt/ml/checkpoints/deep/er', exist_ok=True)
print(len(open('/opt/ml/checkpoints/epoch').read()), flush=True)
"""


def test_what_is_saved_as_a_checkpoint_is_there_for_the_next_attempt_of_the_run(runs: Runs) -> None:
    run = runs.run_of(SAVE, checkpoints=CHECKPOINTS, instance_count=2)
    for _ in range(2):
        # Forgotten and started again, as a controller does it. Where the server is root it is another user's now.
        runs.runtime.start(run)
        assert runs.finish(run.id).exit_code == 0, list(runs.runtime.logs(run.id))
        runs.runtime.forget(run.id)
    assert sorted(runs.text(run.id).split()) == ["1", "1", "2", "2"]


def test_each_instance_has_checkpoints_of_its_own(runs: Runs) -> None:
    run = runs.run_of(
        "import os\nopen('/opt/ml/checkpoints/' + os.uname().nodename, 'w')",
        checkpoints=CHECKPOINTS,
        instance_count=2,
    )
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0
    found = {
        path.parent.name: path.name for path in (runs.folder / "data/checkpoints").rglob("algo-*") if path.is_file()
    }
    assert found == {"algo-1": "algo-1", "algo-2": "algo-2"}
    above = [runs.folder / "data/checkpoints", runs.folder / "data/checkpoints/model"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in above} == {0o700}


def test_a_link_among_the_checkpoints_leads_the_server_nowhere(runs: Runs) -> None:
    secret = runs.folder / "secret"
    secret.mkdir()
    (secret / "file").write_text("not yours")
    run = runs.run_of(
        f"import os\nos.path.islink('/opt/ml/checkpoints/l') or os.symlink('{secret}', '/opt/ml/checkpoints/l')",
        checkpoints=CHECKPOINTS,
    )
    for _ in range(2):
        runs.runtime.start(run)
        assert runs.finish(run.id).exit_code == 0
        runs.runtime.forget(run.id)
    assert {path.stat().st_uid for path in (secret, secret / "file")} == {os.geteuid()}


def test_checkpoints_count_as_what_the_run_wrote(runs: Runs) -> None:
    run = runs.run_of(
        "import time\nfile = open('/opt/ml/checkpoints/big', 'wb')\n"
        "for _ in range(100):\n  file.write(bytes(1 << 20)); file.flush(); time.sleep(0.02)\n",
        checkpoints=CHECKPOINTS,
    )
    run = replace(run, limits=replace(run.limits, volume_bytes=8 << 20))
    runs.runtime.start(run)
    assert runs.finish(run.id).reason is EndReason.VOLUME


def test_a_sandbox_that_is_killed_from_outside_is_the_machines_fault(runs: Runs) -> None:
    run_id = runs.start("import time\nprint('up', flush=True)\ntime.sleep(3600)")
    runs.until_logged(run_id, "up")
    marker = json.loads((runs.folder / "data/runs" / run_id / "supervisor.json").read_text())
    outside = meters.parent(marker["first"][0][0])
    assert outside is not None
    os.kill(outside, signal.SIGKILL)
    end = runs.finish(run_id)
    assert (end.reason, end.host) == (EndReason.MACHINE, "algo-1")


def test_the_platforms_notes_stand_before_the_programs_first_word(runs: Runs) -> None:
    run_id = runs.start("print('hello')", notes=("ml.p3.16xlarge is larger than this machine.",))
    assert runs.finish(run_id).exit_code == 0
    assert [(line.stream, line.text) for line in runs.runtime.logs(run_id)] == [
        ("platform", "ml.p3.16xlarge is larger than this machine."),
        ("stdout", "hello"),
    ]

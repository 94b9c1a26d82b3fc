"""The scratch layer of containers: what is opened up for a program, what counts, and where there is none."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker.api.client import APIClient

from contract.runtime import engine as engines
from contract.runtime.conftest import LIMITS, MIB, DockerRuns, new_folder
from contract.runtime.test_sandbox import test_what_is_written_beside_a_program_counts_as_its_disk
from contract.runtime.test_scratch import (
    test_a_program_may_write_beside_itself_and_to_its_root_and_the_next_run_finds_nothing_of_it,
    test_each_instance_writes_to_a_root_and_a_code_folder_of_its_own,
)
from whiteroom.base.trees import remove_tree
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.runtime.docker import plan, scratch
from whiteroom.runtime.docker.runtime import DockerRuntime

# What is imported runs with this module's `runs`.
__all__ = [
    "test_a_program_may_write_beside_itself_and_to_its_root_and_the_next_run_finds_nothing_of_it",
    "test_each_instance_writes_to_a_root_and_a_code_folder_of_its_own",
    "test_what_is_written_beside_a_program_counts_as_its_disk",
]
PYTHON = "#!/opt/venv/bin/python\n"
TRYING = """
import os
def may(path, mode='w'):
    try: open(path, mode).write('x')
    except OSError as problem: return problem.strerror
    return True
"""
READ_ONLY = "Read-only file system"


@pytest.fixture
def runs(docker_runs: DockerRuns) -> DockerRuns:
    facts = docker_runs.docker._facts()
    if facts is None or facts.storage not in plan._LAYERED or not (os.geteuid() == 0 or facts.rootless):
        pytest.skip("nobody could watch what is written in this engine")
    return docker_runs


def is_rootless(runs: DockerRuns) -> bool:
    facts = runs.docker._facts()
    return facts is not None and facts.rootless


def ran(runs: DockerRuns, digest: str, **changes: object) -> tuple[RunEnd, list[str], str]:
    """How a run of that image ended, what it printed, and what the platform said in its log."""
    run = replace(runs.run_of("pass"), image_digest=digest, **changes)  # type: ignore[arg-type]
    runs.runtime.start(run)
    end = runs.finish(run.id)
    assert not runs.text(run.id, "stderr"), runs.text(run.id, "stderr")
    return end, runs.text(run.id).splitlines(), runs.text(run.id, "platform")


def test_a_working_directory_is_the_programs_wherever_it_lies_and_the_system_around_it_is_not(
    runs: DockerRuns,
) -> None:
    program = (
        PYTHON
        + TRYING
        + (
            "print(os.getcwd(), may('train_dir'), may('/usr/src/app/kept', 'a'))\n"
            "print(may('/usr/src/x'), may('/usr/x'), may('/var/log/server/access.log'))\n"
        )
    )
    digest = runs.image(
        {"train": program, "kept": "k"},
        "COPY kept /usr/src/app/kept", "COPY kept /var/log/server/kept", "WORKDIR /usr/src/app",
    )  # fmt: skip
    end, printed, said = ran(runs, digest)
    assert end.exit_code == 0
    # Where the engine has no root, the program is root in there, and the whole image is its own.
    around = "True True True" if is_rootless(runs) else "Permission denied Permission denied True"
    assert printed == ["/usr/src/app True True", around]
    assert said == ""


def test_code_that_is_too_large_to_be_copied_takes_new_files_and_the_log_says_so(runs: DockerRuns) -> None:
    program = PYTHON + TRYING + "print(may('new'), may('large', 'a'), may('/x'))\n"
    digest = runs.image({"train": program, "large": "x" * (scratch.MOST_BYTES + 1)})
    end, printed, said = ran(runs, digest)
    assert end.exit_code == 0
    assert printed == ["True True True" if is_rootless(runs) else "True Permission denied True"]
    assert ("/opt/ml/code: more than 64 MiB" in said) is not is_rootless(runs)


FILLERS = {
    "the engine's own files": """
for place in ('/etc/hosts', '/etc/hostname'):
  try: open(place, 'ab').write(b'x' * 10 * MIB)
  except PermissionError: open('/x' + place[5:], 'wb').write(b'x' * 10 * MIB)
""",
    "files that are unlinked": """
fs = []
while True:
  f = open('/x', 'wb'); os.unlink('/x'); fs.append(f); f.write(b'x' * 8 * MIB); f.flush(); time.sleep(0.01)
""",
    "files of nothing": """
os.mkdir('/deep')
n = 0
while True: n += 1; os.close(os.open(f'/deep/{n}', os.O_CREAT))
""",
    "the model and the root together": """
for n in range(12): open(f'/opt/ml/model/{n}', 'wb').write(b'x' * MIB); open(f'/{n}', 'wb').write(b'x' * MIB)
""",
}


@pytest.mark.parametrize("filler", FILLERS.values(), ids=FILLERS)
def test_what_is_written_to_the_root_counts_with_all_else(runs: DockerRuns, filler: str) -> None:
    limits = replace(LIMITS, memory_bytes=1024 * MIB, volume_bytes=16 * MIB)
    end = runs.run("import os, time\nMIB = 1 << 20\n" + filler, limits=limits)
    assert end.reason is EndReason.VOLUME
    assert end.message == f"It wrote more than {16 * MIB:,} bytes."


def test_links_of_an_image_and_a_shell_of_its_own_open_nothing_up_outside_of_it(runs: DockerRuns) -> None:
    """The shell that waits while the layer is made the program's is the image's: here it moves things meanwhile."""
    outside = runs.folder / "outside"
    outside.mkdir(mode=0o755)
    (outside / "kept").write_text("kept")
    before = [(path.stat().st_uid, path.stat().st_mode) for path in (outside, outside / "kept")]
    shell = PYTHON + (
        "import os, sys\n"
        "while not os.access('/', os.W_OK): pass\n"
        "for n in range(3000):\n"
        "  try: os.rename('/opt/program/code', '/opt/program/moved'); os.symlink(OUT, '/opt/program/code')\n"
        "  except OSError: pass\n"
        "  try: os.unlink('/opt/program/code'); os.rename('/opt/program/moved', '/opt/program/code')\n"
        "  except OSError: pass\n"
        "sys.stdin.readline()\nprint('done')\n"
    ).replace("OUT", repr(str(outside)))
    making = PYTHON + (
        "import os\nos.makedirs('/opt/program/code/deep')\n"
        f"for place in ('/srv', '/var/lib/out', '/opt/program/code/deep/out'):\n"
        f"  os.makedirs(os.path.dirname(place), exist_ok=True); os.symlink({str(outside)!r}, place)\n"
        "os.unlink('/bin/sh'); os.rename('/opt/ml/code/shell', '/bin/sh')\n"
    )
    digest = runs.image(
        {"train": "", "shell": shell, "making": making}, 'RUN ["/opt/ml/code/making"]', "WORKDIR /opt/program/code"
    )
    end, printed, _ = ran(runs, digest)
    assert (end.exit_code, printed) == (0, ["done"])
    assert [(path.stat().st_uid, path.stat().st_mode) for path in (outside, outside / "kept")] == before


@pytest.mark.parametrize("seconds", [0, 0.2])
def test_a_shell_that_does_not_wait_ends_the_run_in_its_own_way(runs: DockerRuns, seconds: float) -> None:
    """Before its layer was made the program's, or while the supervisor is at it."""
    shell = PYTHON + f"import sys, time\ntime.sleep({seconds})\nprint('bye')\nsys.exit(3)\n"
    making = PYTHON + "import os\nos.unlink('/bin/sh'); os.rename('/opt/ml/code/shell', '/bin/sh')\n"
    digest = runs.image({"train": "", "shell": shell, "making": making}, 'RUN ["/opt/ml/code/making"]')
    end, printed, _ = ran(runs, digest)
    assert (end.reason, end.exit_code, printed) == (EndReason.EXITED, 3, ["bye"])


def test_the_layer_goes_with_its_container(runs: DockerRuns, api: APIClient) -> None:
    run_id = runs.start("import time\nopen('/x', 'w').write('x')\nprint('up', flush=True)\ntime.sleep(3600)\n")
    runs.until_logged(run_id, "up")
    (container,) = api.containers()
    layer = Path(api.inspect_container(container["Id"])["GraphDriver"]["Data"]["UpperDir"])
    assert (layer / "x").read_text() == "x"
    runs.runtime.stop(run_id, 0)
    runs.finish(run_id)
    assert not layer.exists()


@pytest.fixture
def unlayered(monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerRuns]:
    """An engine of its own whose storage shows nobody what a container has written."""
    dockerd = shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/usr/bin")
    if os.geteuid() != 0 or dockerd is None:
        pytest.skip("takes root and dockerd (Debian: docker.io)")
    folder = new_folder()
    with engines.started(dockerd, folder, "--storage-driver=vfs") as (socket, problem):
        if not socket:
            pytest.skip(problem)
        engines.import_base(socket)
        data = folder / "server"
        runs = DockerRuns(data, DockerRuntime(data / "data", FolderData(data / "data"), socket=socket), socket=socket)
        yield runs
        for run_id in runs.runtime.runs():
            runs.runtime.forget(run_id)
    remove_tree(folder)


def test_where_nobody_could_watch_it_the_root_is_read_only_and_the_log_says_so(
    unlayered: DockerRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known before the container is made; or found out when it is there, as with an overlay in user space."""
    digest = unlayered.image({"train": PYTHON + TRYING + "print(may('/x'), may('x'), may('/tmp/x'))\n"})
    for known in (plan._LAYERED, plan._LAYERED | {"vfs"}):
        monkeypatch.setattr(plan, "_LAYERED", known)
        end, printed, said = ran(unlayered, digest)
        assert end.exit_code == 0
        assert printed == [f"{READ_ONLY} {READ_ONLY} True"]
        assert "read-only: write to /tmp" in said

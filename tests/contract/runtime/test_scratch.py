"""What a program of a local image may write besides its results: beside itself, and to its root."""

from dataclasses import replace

import pytest

from contract.runtime.conftest import Runs
from whiteroom.runtime import folders
from whiteroom.runtime.trees import digest_tree

SCRATCH = "/x /etc/x /opt/x /opt/ml/x /opt/ml/code/x /opt/ml/code/train /opt/ml/code/deep/x /run/x /var/x /root/x"
"""What a program writes there is its own run's, and goes with it."""
WRITING = f"""
for place in ('/root', '/var'): os.makedirs(place, exist_ok=True)
for path in {SCRATCH!r}.split(): open(path, 'a').write('# ' + path)
"""


def test_a_program_may_write_beside_itself_and_to_its_root_and_the_next_run_finds_nothing_of_it(runs: Runs) -> None:
    program = (
        "#!/opt/venv/bin/python\nimport os, shutil\n"
        "print(os.path.exists('/x'), os.path.exists('x'), open('deep/kept').read())\n"
        f"{WRITING}os.rename('deep/kept', 'moved'); shutil.rmtree('deep')\n"
    )
    digest = runs.image({"train": program, "deep/kept": "kept", "deep/too": "too"})
    for _ in range(2):
        run = replace(runs.run_of("pass"), image_digest=digest)
        runs.runtime.start(run)
        assert runs.finish(run.id).exit_code == 0, runs.text(run.id, "stderr")
        assert runs.text(run.id) == "False False kept"
        assert [list(place.iterdir()) for place in runs.left(run.id)[0]] == [[], []]
        runs.runtime.forget(run.id)
        assert not runs.run_folder(run.id).exists()


def test_an_image_is_the_same_after_a_program_has_changed_all_of_its_copy(runs: Runs) -> None:
    code = runs.folder / "scratch"
    (code / "deep").mkdir(parents=True)
    (code / "link").symlink_to("deep/kept")
    (code / "deep" / "kept").write_text("kept")
    (code / "train").write_text(
        "#!/opt/venv/bin/python\nimport os, shutil\nopen('link', 'w').write('gone')\n"
        "open('train', 'a').write('# more'); shutil.rmtree('deep')\n"
    )
    (code / "train").chmod(0o755)
    image = runs.runtime.images.build("scratch", code)
    before = digest_tree(image.code)
    run = replace(runs.run_of("pass"), image_digest=image.digest)
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0, runs.text(run.id, "stderr")
    assert digest_tree(image.code) == before


def test_a_program_sees_the_variables_of_its_images_dockerfile_unless_the_request_says_otherwise(runs: Runs) -> None:
    code = runs.folder / "variables"
    code.mkdir()
    (code / "t.py").write_text("import os\nprint(*[os.environ[name] for name in ('MINE', 'THEIRS', 'SM_MODEL_DIR')])\n")
    (code / "Dockerfile").write_text(
        "FROM python\nWORKDIR /opt/ml/code\nCOPY t.py .\nENV MINE=image THEIRS=image SM_MODEL_DIR=/x\n"
        'ENTRYPOINT ["python", "t.py"]\n'
    )
    image = runs.runtime.images.build("variables", code, dockerfile=code / "Dockerfile")
    run = replace(runs.run_of("pass"), image_digest=image.digest, environment={"THEIRS": "request"})
    runs.runtime.start(run)
    assert runs.finish(run.id).exit_code == 0, runs.text(run.id, "stderr")
    assert runs.text(run.id) == "image request /opt/ml/model"


def test_each_instance_writes_to_a_root_and_a_code_folder_of_its_own(runs: Runs) -> None:
    run_id = runs.start(
        "import os, socket, time\nme = socket.gethostname()\n"
        "for place in ('/mine', '/opt/ml/code/mine'): open(place, 'w').write(me)\n"
        "time.sleep(0.3)\nprint(me == open('/mine').read() == open('mine').read())",
        instance_count=2,
    )
    assert runs.finish(run_id).exit_code == 0, runs.text(run_id, "stderr")
    assert runs.text(run_id).splitlines() == ["True", "True"]


@pytest.mark.parametrize("most", ["MOST_CODE_BYTES", "MOST_CODE_ENTRIES"])
def test_code_that_is_too_large_to_be_copied_is_read_only_and_the_log_says_so(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    monkeypatch.setattr(folders, most, 0)
    run_id = runs.start("open('/x', 'w')\ntry: open('x', 'w')\nexcept OSError as e: print(e.strerror)")
    runs.finish(run_id)
    assert runs.text(run_id) == "Read-only file system"
    assert "/opt/ml/code is read-only" in runs.text(run_id, "platform")


def test_a_program_that_moves_what_its_mounts_lie_in_harms_itself_alone(runs: Runs) -> None:
    run_id = runs.start(
        "import os\nopen('/opt/ml/model/w', 'w').write('w')\nos.rename('/opt/ml', '/moved')\n"
        "for place in ('/dev', '/proc', '/tmp', '/usr'):\n"
        "  try: os.rename(place, '/x' + place[1:]); print(place)\n  except OSError: pass\n"
        "os.symlink('/etc', '/opt/ml')\n"
    )
    assert runs.finish(run_id).exit_code == 0, runs.text(run_id, "stderr")
    assert runs.text(run_id) == ""
    assert [path.name for path in runs.left(run_id)[0][0].iterdir()] == ["w"]

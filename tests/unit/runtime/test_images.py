import codecs
import fcntl
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.images.kept import names_versions_alone
from whiteroom.runtime.images.library import ImageRefused, Images, canonical_name
from whiteroom.runtime.images.texts import as_pip_reads


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Images]:
    yield Images(tmp_path / "images")
    from whiteroom.base.trees import remove_tree

    remove_tree(tmp_path / "images")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train").write_text("#!/bin/sh\n")
    (folder / "train").chmod(0o755)
    (folder / "lib").mkdir()
    (folder / "lib" / "x.py").write_text("x = 1\n")
    (folder / "link").symlink_to("lib/x.py")
    return folder


def test_the_same_contents_have_the_same_digest_and_others_do_not(images: Images, code: Path) -> None:
    first = images.build("a", code)
    assert images.build("b", code).digest == first.digest
    assert images.build("c", code, entrypoint=("python",)).digest != first.digest
    (code / "train").chmod(0o644)
    assert images.build("d", code).digest != first.digest


def test_an_image_is_read_only_and_has_python(images: Images, code: Path) -> None:
    image = images.build("a", code)
    modes = [p.lstat().st_mode for p in image.folder.rglob("*") if not p.is_symlink()]
    assert not any(mode & 0o222 for mode in modes)
    assert all(mode & stat.S_IROTH for mode in modes)
    assert (image.environment / "bin" / "python").exists()
    assert (image.code / "link").read_text() == "x = 1\n"


def test_a_name_may_be_a_whole_registry_uri(images: Images, code: Path) -> None:
    uri = "111111111111.dkr.ecr.us-east-1.amazonaws.com/churn:v1"
    digest = images.build(uri, code).digest
    assert images.show(uri).digest == images.show(digest).digest == digest
    assert [image.name for image in images.list()] == [uri]


def test_a_name_without_a_tag_is_the_latest() -> None:
    assert canonical_name("churn") == "churn:latest"
    assert canonical_name("host:5000/churn") == "host:5000/churn:latest"
    with pytest.raises(ImageRefused):
        canonical_name("../x\n")


def test_removing_the_last_name_removes_the_contents(images: Images, code: Path) -> None:
    image = images.build("a", code)
    images.build("b", code)
    assert images.remove("a") is False
    assert images.remove("b") is True
    assert not image.folder.exists()
    with pytest.raises(ImageNotFound):
        images.remove("a")


def test_contents_in_use_outlive_their_name(images: Images, code: Path) -> None:
    image = images.build("a", code)
    with image.folder.with_name(image.folder.name + ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert images.remove("a") is False
        assert image.code.exists()
    images.build("other", code, entrypoint=("x",))
    assert not image.folder.exists()


def test_an_interrupted_build_leaves_nothing_that_counts(images: Images, code: Path, tmp_path: Path) -> None:
    (tmp_path / "images" / ".building-dead" / "code").mkdir(parents=True)
    images.build("a", code)
    assert not list((tmp_path / "images").glob(".building-*"))


def test_builds_at_the_same_time_keep_every_name(images: Images, code: Path) -> None:
    threads = [threading.Thread(target=images.build, args=(f"n{n}", code)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [image.name for image in images.list()] == [f"n{n}:latest" for n in range(4)]


@pytest.mark.parametrize("make", [lambda p: p.symlink_to("/etc/passwd"), lambda p: p.symlink_to("../../x"), os.mkfifo])
def test_what_no_image_can_hold_is_refused_by_name(images: Images, code: Path, make: Callable[[Path], object]) -> None:
    make(Path(code, "odd"))
    with pytest.raises(ImageRefused, match="odd"):
        images.build("a", code)
    assert images.list() == []


def test_requirements_that_do_not_exist_are_refused(images: Images, code: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageRefused, match="cannot be read"):
        images.build("a", code, requirements=tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"numpy==1.0\n", "numpy==1.0\n"),
        ("# ü\nnumpy\n".encode(), "# ü\nnumpy\n"),
        ("numpy\n".encode("utf-16"), "numpy\n"),
        (codecs.BOM_UTF16_BE + "numpy\n".encode("utf-16-be"), "numpy\n"),
        (codecs.BOM_UTF8 + b"numpy\n", "numpy\n"),
        ("numpy\n".encode("utf-32"), "numpy\n"),
        ("# -*- coding: latin-1 -*-\n# ü\nnumpy\n".encode("latin-1"), "# -*- coding: latin-1 -*-\n# ü\nnumpy\n"),
    ],
)
def test_requirements_are_read_as_pip_reads_them(data: bytes, text: str) -> None:
    assert as_pip_reads(data) == text


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"num\xffpy", b"# coding: nosuch\nnumpy"])
def test_requirements_that_are_no_text_are_refused(images: Images, code: Path, tmp_path: Path, data: bytes) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_bytes(data)
    with pytest.raises(ImageRefused, match="cannot be read"):
        images.build("a", code, requirements=requirements)


def test_requirements_are_installed_with_scripts_that_name_the_place_inside(
    images: Images, code: Path, tmp_path: Path
) -> None:
    package = tmp_path / "pkg-1.0-py3-none-any.whl"
    write_wheel(package)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{package}\n")
    image = images.build("a", code, requirements=requirements)
    script = image.environment / "bin" / "pkg-tool"
    assert script.read_text().startswith("#!/opt/venv/bin/python")
    assert str(tmp_path / "images") not in script.read_text()


def test_one_folder_trains_and_serves_by_commands_of_their_own(images: Images, code: Path) -> None:
    image = images.build("a", code, commands={"train": ("python", "a.py"), "serve": ("python", "b.py")})
    assert images.show("a") == image
    assert (image.program("train"), image.program("serve")) == (("python", "a.py"), ("python", "b.py"))
    one = images.build("b", code, entrypoint=("go",), commands={"serve": ("python", "b.py")})
    assert (one.program("train"), one.program("serve")) == (("go", "train"), ("python", "b.py"))
    assert one.digest not in {image.digest, images.build("c", code, entrypoint=("go",)).digest}


def test_scripts_are_run_by_python_where_nothing_has_the_name_that_is_asked_for(images: Images, code: Path) -> None:
    for script in ("train.py", "serve.py"):
        (code / script).touch()
    image = images.build("a", code)
    assert (image.program("train"), image.program("serve")) == (("train",), ("python", "/opt/ml/code/serve.py"))
    assert images.build("b", code, entrypoint=("go",)).program("serve") == ("go", "serve")


def test_an_image_is_built_from_a_dockerfile(images: Images, code: Path) -> None:
    dockerfile = code / "Dockerfile"
    dockerfile.write_text('FROM python\nENV MODE=fast\nCOPY train /opt/ml/code/\nENTRYPOINT ["sh"]\n')
    image = images.build("a", code, dockerfile=dockerfile)
    assert images.show("a") == image
    assert [path.name for path in image.code.iterdir()] == ["train"]
    assert (image.program("train"), image.variables) == (("sh", "train"), {"MODE": "fast"})
    dockerfile.write_text(dockerfile.read_text().replace("fast", "slow"))
    assert images.build("b", code, dockerfile=dockerfile).digest != image.digest


def test_a_dockerfile_with_a_line_that_is_not_followed_builds_nothing(images: Images, code: Path) -> None:
    dockerfile = code / "Dockerfile"
    dockerfile.write_text("FROM python\nRUN make\n")
    with pytest.raises(ImageRefused, match="Line 2 of the Dockerfile, `RUN make`: only `pip install`"):
        images.build("a", code, dockerfile=dockerfile)
    assert images.list() == []


def made(images: Images, code: Path, requirements: Path | None, *, fresh: bool = False) -> bool:
    """Whether a build made an environment."""
    said: list[str] = []
    images.build("a", code, requirements=requirements, progress=said.append, fresh=fresh)
    return "Making the environment" in said


def test_a_change_of_code_makes_no_environment_and_a_change_of_requirements_does(
    images: Images, code: Path, tmp_path: Path
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# nothing\n")
    assert made(images, code, requirements)
    (code / "train").write_text("#!/bin/sh\nexit 1\n")
    assert not made(images, code, requirements)
    assert made(images, code, requirements, fresh=True)
    requirements.write_text("# nothing else\n")
    assert made(images, code, requirements)


def test_what_pip_is_told_by_variables_is_part_of_what_is_asked_for(
    images: Images, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made(images, code, None)
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.com/simple")
    assert made(images, code, None)


@pytest.mark.parametrize(
    "text",
    ["", "# only\n", "numpy", "numpy==1.0  # why\n", "a[b,c] >=1,!=2; python_version < '3.12'",
     "a==1 \\\n  --hash=sha256:0a", "--index-url https://example.com/simple\nnumpy",
     "--only-binary :all:\nnumpy ~= 1.0"],
)  # fmt: skip
def test_requirements_of_names_are_shared(text: str) -> None:
    assert names_versions_alone(text)


@pytest.mark.parametrize(
    "text",
    ["./a", "a.whl", "A-1.0.ZIP; python_version > '3'", "a-1.0.tar.gz", "-e .", "-r more.txt", "-c limits.txt",
     "a @ file:///a", "https://example.com/a.zip", "git+https://example.com/a", "a==${VERSION}",
     "--find-links wheels\na",     "a\n../b", "a \\\n@ file:///a", "C:\\a"],
)  # fmt: skip
def test_requirements_that_name_files_or_addresses_are_installed_each_time(text: str) -> None:
    assert not names_versions_alone(text)


def test_a_wheel_that_has_changed_under_its_name_is_installed_anew(images: Images, code: Path, tmp_path: Path) -> None:
    package = tmp_path / "pkg-1.0-py3-none-any.whl"
    write_wheel(package)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{package}\n")
    assert made(images, code, requirements)
    assert made(images, code, requirements)


def environments_in(images: Path) -> list[Path]:
    return [path for path in images.glob("env-*") if path.is_dir()]


def test_an_environment_stays_as_long_as_an_image_has_it(images: Images, code: Path, tmp_path: Path) -> None:
    first = images.build("a", code)
    second = images.build("b", code, entrypoint=("go",))
    assert first.environment == second.environment
    images.remove("a")
    assert (second.environment / "bin" / "python").exists()
    with first.folder.with_name(second.folder.name + ".lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        images.remove("b")
        assert second.environment.is_dir()
    images.build("c", code, commands={"train": ("x",)})
    images.remove("c")
    assert environments_in(tmp_path / "images") == []
    assert not list((tmp_path / "images").glob("env-*"))


def test_builds_of_the_same_requirements_at_once_make_one_environment(
    images: Images, code: Path, tmp_path: Path
) -> None:
    said: list[str] = []

    def build(number: int) -> None:
        images.build(f"a{number}", code, entrypoint=(str(number),), progress=said.append)

    threads = [threading.Thread(target=build, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("Making the environment") == 1
    assert len(environments_in(tmp_path / "images")) == 1
    assert len(images.list()) == 4


def test_a_build_that_fails_leaves_no_environment_for_the_next(images: Images, code: Path, tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("no-such-distribution==0\n--no-index\n")
    for _ in range(2):
        with pytest.raises(ImageRefused, match="The environment cannot be made"):
            images.build("a", code, requirements=requirements)
    assert environments_in(tmp_path / "images") == []


def test_an_image_of_an_earlier_release_has_its_environment_in_its_own_folder(images: Images, code: Path) -> None:
    image = images.build("a", code)
    facts = json.loads((image.folder / "image.json").read_text())
    del facts["environment"], facts["commands"]
    (image.folder / "image.json").chmod(0o644)
    (image.folder / "image.json").write_text(json.dumps(facts))
    old = images.show("a")
    assert (old.environment, old.program("train")) == (old.folder / "env", ("train",))


def write_wheel(path: Path) -> None:
    import zipfile

    info = "pkg-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("pkg.py", "def main(): print('hello')\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\npkg-tool = pkg:main\n")
        wheel.writestr(f"{info}/RECORD", "")

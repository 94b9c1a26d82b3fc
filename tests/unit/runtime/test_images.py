import codecs
import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whiteroom.ports import ImageNotFound
from whiteroom.runtime.images.library import ImageRefused, Images, as_pip_reads, canonical_name


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


def write_wheel(path: Path) -> None:
    import zipfile

    info = "pkg-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("pkg.py", "def main(): print('hello')\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\npkg-tool = pkg:main\n")
        wheel.writestr(f"{info}/RECORD", "")

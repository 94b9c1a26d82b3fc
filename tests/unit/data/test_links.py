"""Links, devices and the like that a job left: what becomes a copy, what is left out, and how it is named."""

from __future__ import annotations

import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from whiteroom.data import links, walking
from whiteroom.data.archive import write_archive
from whiteroom.data.walking import Found, walk
from whiteroom.ports.data import TooLarge, UnsafeContents

SEEN_AT = "/opt/ml/model"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """`good`, and an empty folder `sub`; a secret beside them."""
    folder = tmp_path / "job"
    (folder / "sub").mkdir(parents=True)
    (folder / "good").write_bytes(b"good")
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


def packed(folder: Path, limit_bytes: int | None = None) -> tuple[dict[str, bytes], Found]:
    """What an archive of it holds, and what is said of it."""
    at = folder.parent / "out"
    with at.open("w+b", buffering=0) as out:
        found = write_archive({"algo-1": folder}, out, limit_bytes, links=SEEN_AT)
    with tarfile.open(at, "r:gz") as tar:
        contents = {}
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            assert member.isreg()
            contents[member.name] = file.read()
    assert walk({"algo-1": folder}, links=SEEN_AT).content_bytes == found.content_bytes
    assert found.content_bytes == sum(map(len, contents.values()))
    return contents, found


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(0, 0))
    except PermissionError:
        pytest.skip("only root makes device nodes")


def _to_a_socket(path: Path) -> None:
    _socket(path.parent / "z")
    path.symlink_to("z")


def _through_many(path: Path) -> None:
    for number in range(41):
        (path.parent / f"x{number}").symlink_to(f"x{number + 1}")
    path.symlink_to("x0")
    (path.parent / "x41").touch()


OUT = "is a link that leads out"
NOTHING = "is a link to nothing"
BACK = "is a link that leads back to a folder that it lies in"
LEFT_OUT: dict[str, tuple[Callable[[Path], None], str]] = {
    "a link to a host file": (lambda p: p.symlink_to("/etc/passwd"), OUT),
    "a link to the root": (lambda p: p.symlink_to("/"), OUT),
    "a link out and in again": (lambda p: p.symlink_to("../../job/good"), OUT),
    "a link above the root of the machine": (lambda p: p.symlink_to("../" * 100 + "etc/passwd"), OUT),
    "a link to a neighbouring folder": (lambda p: p.symlink_to("/opt/ml/model2/good"), OUT),
    "an absolute link that leaves": (lambda p: p.symlink_to("/opt/ml/model/../output/data"), OUT),
    "a link to the file's place on this machine": (lambda p: p.symlink_to(p.parents[1] / "good"), OUT),
    "a link to a descriptor": (lambda p: p.symlink_to("/proc/self/fd/0"), OUT),
    "a dangling link": (lambda p: p.symlink_to("nowhere"), NOTHING),
    "a link below a file": (lambda p: p.symlink_to("../good/x"), NOTHING),
    "a link to a name that cannot be": (lambda p: p.symlink_to("n" * 300), NOTHING),
    "a link to itself": (lambda p: p.symlink_to("x"), "is a link that leads in a circle"),
    "more links than the kernel follows": (_through_many, "is a link that leads in a circle"),
    "a link to its folder": (lambda p: p.symlink_to("."), BACK),
    "a link to its folder's parent": (lambda p: p.symlink_to(".."), BACK),
    "a link to the whole": (lambda p: p.symlink_to(SEEN_AT), BACK),
    "a way of two thousand names": (lambda p: p.symlink_to("../sub/" * 500 + "../good"), "longer than 256 names"),
    "a FIFO": (os.mkfifo, "is a FIFO"),
    "a socket": (_socket, "is a socket"),
    "a white-out device": (_device, "is a device"),
    "a link to a socket": (_to_a_socket, "is a link to something that is a socket"),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_leads_out_or_is_no_file_is_left_out_and_named_and_the_rest_is_kept(job: Path, what: str) -> None:
    leave, why = LEFT_OUT[what]
    leave(job / "sub" / "x")
    contents, found = packed(job)
    assert contents["good"] == b"good"
    assert "sub/x" not in contents
    assert b"secret" not in contents.values()
    (told,) = (line for line in found.left_out.named if line.startswith("sub/x "))
    assert why in told
    assert str(job.parent) not in told


@pytest.mark.parametrize(
    "text", ["../good", "../sub/../good", "./..//good", f"{SEEN_AT}/good", "//opt/ml/./model//good", "../chain"]
)
def test_a_link_to_a_file_inside_is_a_copy_of_it(job: Path, text: str) -> None:
    (job / "chain").symlink_to("sub/chain")
    (job / "sub" / "chain").symlink_to("../good")
    (job / "sub" / "x").symlink_to(text)
    contents, found = packed(job)
    assert contents == dict.fromkeys(("chain", "good", "sub/chain", "sub/x"), b"good")
    assert found.left_out.count == 0


def test_a_link_to_a_folder_is_a_copy_with_the_links_in_it(job: Path) -> None:
    (job / "sub" / "weights").symlink_to("../good")
    (job / "latest").symlink_to("sub")
    (job / "sub" / "deep").mkdir()
    (job / "sub" / "deep" / "file").write_bytes(b"x")
    contents, _ = packed(job)
    assert contents == {
        "good": b"good", "sub/weights": b"good", "latest/weights": b"good", "sub/deep/file": b"x",
        "latest/deep/file": b"x",
    }  # fmt: skip


def test_folders_that_link_to_each_other_end(job: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (job / name).mkdir()
        (job / name / "file").write_bytes(name.encode())
        (job / name / "other").symlink_to(f"../{other}")
    contents, found = packed(job)
    assert contents.keys() == {"good", "a/file", "a/other/file", "b/file", "b/other/file"}
    assert found.left_out.named == (f"a/other/other {BACK}", f"b/other/other {BACK}")


def test_a_few_folders_that_stand_for_billions_of_files_stop_at_a_number_of_links(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "MAX_FOLLOWED", 500)
    for level in range(20):
        (job / f"l{level}").mkdir()
        for name in "abcd":
            (job / f"l{level}" / name).symlink_to(f"../l{level + 1}")
    (job / "l20").mkdir()
    contents, found = packed(job)
    assert contents == {"good": b"good"}
    assert found.left_out.count > 0
    assert all(line.endswith("is a link beyond the first 500") for line in found.left_out.named)


def test_copies_count_against_the_limit(job: Path) -> None:
    (job / "sub" / "x").symlink_to("../good")
    packed(job, 8)
    with pytest.raises(TooLarge):
        packed(job, 7)


def test_no_more_than_ten_are_named_and_no_name_is_long_or_unprintable(job: Path) -> None:
    names = [b"\xff\n\x1b" + b"n" * 240 + b"%d" % number for number in range(30)]
    for name in names:
        (job / os.fsdecode(name)).symlink_to("good")
    contents, found = packed(job)
    assert contents == {"good": b"good"}
    assert found.left_out.count == 30
    assert len(found.left_out.named) == 10
    assert all(line.isprintable() and len(line) < 300 for line in found.left_out.named)
    assert found.left_out.named[0].startswith("\\xff\\x0a\\x1bnnn")
    assert found.left_out.named[0].endswith("is a link and has a name that is not UTF-8")


def test_hard_links_whose_names_all_lie_inside_are_copies_and_count(job: Path) -> None:
    (job / "sub" / "same").hardlink_to(job / "good")
    (job / "latest").symlink_to("sub/same")
    contents, found = packed(job)
    assert contents == {"good": b"good", "latest": b"good", "sub/same": b"good"}
    assert found.left_out.count == 0
    with pytest.raises(TooLarge):
        packed(job, 11)


def test_a_hard_link_is_not_made_whole_by_a_link_to_it(job: Path) -> None:
    (job / "a").hardlink_to(job.parent / "secret")
    (job / "b").symlink_to("a")
    (job / "latest").symlink_to("sub")
    (job / "sub" / "c").symlink_to("../a")
    with pytest.raises(UnsafeContents, match=r"^a has another name"):
        packed(job)


def test_a_folder_swapped_for_a_link_on_the_way_is_not_entered(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job / "sub" / "file").write_bytes(b"x")
    (job / "latest").symlink_to("sub/file")
    look = links._Way._look

    def swap(way: links._Way, part: str) -> int:
        mode = look(way, part)
        if part == "sub":
            (job / "sub").rename(job.parent / "gone")
            (job / "sub").symlink_to("/etc")
        return mode

    monkeypatch.setattr(links._Way, "_look", swap)
    with pytest.raises(UnsafeContents, match=r"^sub is a link, or was swapped"):
        packed(job)


def test_a_link_leaves_no_descriptor_open(job: Path) -> None:
    for leave, _ in LEFT_OUT.values():
        (job / "sub" / "x").unlink(missing_ok=True)
        if not leave.__name__.startswith("_through"):
            leave(job / "sub" / "x")
            before = open_descriptors()
            packed(job)
            assert open_descriptors() == before
    (job / "latest").symlink_to("good")
    before = open_descriptors()
    packed(job)
    assert open_descriptors() == before

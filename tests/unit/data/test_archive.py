"""What a job may leave behind (decision: what a job may leave behind), item by item."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from whiteroom.base.archives import unpack
from whiteroom.data import walking
from whiteroom.data.archive import content_bytes_of, write_archive
from whiteroom.data.opening import copy_exactly, mode_of, opened
from whiteroom.data.walking import walk
from whiteroom.ports.data import TookTooLong, UnsafeContents


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "good").write_bytes(b"good")
    yield folder
    # pytest's own clearing up recurses, and so fails at 3,000 levels.
    subprocess.run(["rm", "-rf", folder], check=True)


def packed(folder: Path, at: Path) -> Path:
    with at.open("w+b", buffering=0) as out:
        write_archive({"algo-1": folder}, out, None)
    return at


def _hard_link(path: Path) -> None:
    outside = path.parents[2] / "outside"
    outside.write_bytes(b"secret")
    path.hardlink_to(outside)


def _not_utf8(path: Path) -> None:
    Path(os.fsdecode(os.fsencode(path) + b"\xff")).touch()


def _deep(path: Path) -> None:
    path.mkdir()
    fd = os.open(path, os.O_DIRECTORY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def _long(path: Path) -> None:
    fd = os.open(path.parent, os.O_DIRECTORY)
    for _ in range(17):
        os.mkdir("n" * 240, dir_fd=fd)
        below = os.open("n" * 240, os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


LEFT_BEHIND: dict[str, tuple[Callable[[Path], None], str]] = {
    "a hard link to another file": (_hard_link, r"^sub/x has another name"),
    "a name that is not UTF-8": (_not_utf8, r"^sub/x\\xff has a name that is not UTF-8"),
    "a name with a line feed": (lambda p: (p.parent / "x\ny").touch(), r"^sub/x\\x0ay has control characters"),
    "a name with an escape sequence of one byte": (lambda p: (p.parent / "x\x9b").touch(), "has control characters"),
    "a name that is read backwards": (lambda p: (p.parent / "x\u202efig").touch(), "has control characters"),
    "a name with a line separator": (lambda p: (p.parent / "x\u2028y").touch(), "has control characters"),
    "a way out on another machine": (lambda p: (p.parent / "..\\x").touch(), "has a backslash"),
    "a path that no program could open": (_long, "has a path of more than 4,000 bytes"),
    "3,000 levels": (_deep, r"more than 128 folders deep"),
}


@pytest.mark.parametrize("what", LEFT_BEHIND)
def test_a_file_or_folder_that_cannot_be_kept_is_refused_by_its_relative_name(
    job: Path, tmp_path: Path, what: str
) -> None:
    leave, reason = LEFT_BEHIND[what]
    (job / "sub").mkdir()
    leave(job / "sub" / "x")
    with pytest.raises(UnsafeContents, match=reason) as caught:
        packed(job, tmp_path / "out")
    assert str(tmp_path) not in str(caught.value)
    with pytest.raises(UnsafeContents, match=reason):
        walk({"algo-1": job})


def test_more_files_than_an_archive_takes_are_refused(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_MEMBERS", 3)
    for name in "ab":
        (job / name).touch()
    assert walk({"algo-1": job}).content_bytes == 4
    (job / "c").touch()
    with pytest.raises(UnsafeContents, match="more than 3 files and folders"):
        walk({"algo-1": job})


def test_a_folder_that_is_itself_a_link_is_refused(job: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(job)
    with pytest.raises(UnsafeContents, match="the folder itself is a link"):
        walk({"algo-1": tmp_path / "link"})


def test_owners_times_attributes_and_set_uid_bits_are_dropped(job: Path, tmp_path: Path) -> None:
    (job / "run").write_bytes(b"#!")
    (job / "run").chmod(0o6755)
    with suppress(OSError):
        os.setxattr(job / "run", "user.secret", b"x")
    with tarfile.open(packed(job, tmp_path / "out"), "r:gz") as tar:
        facts = [(m.name, m.mode, m.uid, m.gid, m.uname, m.gname, m.mtime, m.pax_headers) for m in tar]
    assert facts == [
        ("good", 0o644, 0, 0, "", "", 315532800, {}),
        ("run", 0o755, 0, 0, "", "", 315532800, {}),
    ]


def test_an_archive_holds_regular_files_under_plain_relative_names_and_nothing_else(job: Path, tmp_path: Path) -> None:
    (job / "empty").mkdir()
    (job / "sub").mkdir(mode=0o7777)
    with (job / "sub" / "sparse").open("wb") as file:
        file.write(b"1")
        file.truncate(1 << 20)
    # Names that another machine may take for the same, or for something else, are the program's own affair.
    names = ["Ä", "A\u0308", "readme", "README", "-rf", "~", "..data", " ", "C:x", "n" * 255]
    for name in names:
        (job / "sub" / name).write_bytes(name.encode())
        os.utime(job / "sub" / name, (1, 1))
    if os.geteuid() == 0:
        os.chown(job / "sub" / "~", 1234, 5678)
    with tarfile.open(packed(job, tmp_path / "out"), "r:gz") as tar:
        members = {member.name: member for member in tar}
        for name in names:
            kept = tar.extractfile(f"sub/{name}")
            assert kept is not None
            assert kept.read() == name.encode()
    assert members.keys() == {"good", "sub/sparse", *(f"sub/{name}" for name in names)}
    assert members["sub/sparse"].size == 1 << 20
    for member in members.values():
        assert (member.isreg(), member.issparse(), member.linkname) == (True, False, "")
        assert not member.name.startswith("/")
        assert not {"", ".", ".."} & set(member.name.split("/"))
        assert (member.mode, member.uid, member.gid, member.uname, member.gname) == (0o644, 0, 0, "", "")
        assert member.mtime == 315_532_800
        assert member.pax_headers.keys() <= {"path"}


def test_a_file_and_a_folder_of_mode_000_are_read_all_the_same(job: Path, tmp_path: Path) -> None:
    (job / "locked").mkdir()
    (job / "locked" / "a").write_bytes(b"1")
    (job / "locked" / "a").chmod(0)
    (job / "locked").chmod(0)
    if os.geteuid() == 0:
        # Root may read anything; the case is that of a user who is not root.
        os.chown(job, 65534, 65534)
        for name in ("good", "locked"):
            os.chown(job / name, 65534, 65534)
        os.chown(job / "locked" / "a", 65534, 65534)
        reader, writer = os.pipe()
        folder_fd = os.open(job, os.O_DIRECTORY)
        if (child := os.fork()) == 0:
            try:
                os.fchdir(folder_fd)  # the folders above are root's alone
                os.setresuid(65534, 65534, 65534)
                os.write(writer, str(walk({"algo-1": Path()}).content_bytes).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(folder_fd)
        os.close(writer)
        with os.fdopen(reader) as answer:
            assert answer.read() == "5"
    assert walk({"algo-1": job}).content_bytes == 5


def test_a_long_name_and_many_files_come_back_as_they_were(job: Path, tmp_path: Path) -> None:
    folder = job / ("ä" * 100)
    folder.mkdir()
    for n in range(2000):
        (folder / f"{n:0200}").write_bytes(b"%d" % n)
    out = tmp_path / "back"
    out.mkdir()
    unpack(packed(job, tmp_path / "out"), out, 10**6)
    assert {p.name: p.read_bytes() for p in (out / folder.name).iterdir()} == {
        f"{n:0200}": b"%d" % n for n in range(2000)
    }


def test_a_file_that_grows_while_it_is_read_is_refused(job: Path) -> None:
    def grow(piece: object) -> None:
        with (job / "good").open("ab") as file:
            file.write(b"more")

    with opened(str(job / "good"), "good") as (fd, facts), pytest.raises(UnsafeContents, match="changed while"):
        copy_exactly(fd, facts.st_size, "good", facts, grow)


def test_a_file_that_shrinks_while_it_is_read_is_refused(job: Path) -> None:
    with opened(str(job / "good"), "good") as (fd, facts):
        os.truncate(job / "good", 1)
        with pytest.raises(UnsafeContents, match=r"^good changed while"):
            copy_exactly(fd, facts.st_size, "good", facts, lambda piece: None)


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_is_swapped_for_a_link_after_it_was_looked_at_is_refused(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    victim = job / "victim"
    if is_folder:
        victim.mkdir()
    else:
        victim.touch()
    look = mode_of

    def swap(name: str, path: str, folder_fd: int) -> int:
        mode = look(name, path, folder_fd)
        if name == "victim":
            victim.rename(tmp_path / "gone")
            victim.symlink_to("/etc" if is_folder else "/etc/passwd")
        return mode

    monkeypatch.setattr(walking, "mode_of", swap)
    with pytest.raises(UnsafeContents, match=r"^victim is a link, or was swapped"):
        packed(job, tmp_path / "out")


def test_the_size_of_the_contents_is_known_of_our_archives_alone(job: Path, tmp_path: Path) -> None:
    assert content_bytes_of(packed(job, tmp_path / "ours")) == 4
    with tarfile.open(tmp_path / "theirs", "w:gz") as tar:
        tar.add(job, ".")
    assert content_bytes_of(tmp_path / "theirs") is None
    (tmp_path / "short").write_bytes(b"\x1f\x8b")
    assert content_bytes_of(tmp_path / "short") is None


@pytest.mark.slow
def test_200_000_files_are_measured(job: Path) -> None:
    for n in range(200_000):
        os.close(os.open(job / str(n), os.O_CREAT | os.O_WRONLY))
    assert walk({"algo-1": job}).content_bytes == 4


def test_packing_ends_at_its_time(tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "weights").write_bytes(b"w" * 100)
    left = {"algo-1": tmp_path / "left"}
    with (tmp_path / "out").open("w+b") as out, pytest.raises(TookTooLong):
        write_archive(left, out, None, until=0.0)
    with pytest.raises(TookTooLong):
        walk(left, until=0.0)

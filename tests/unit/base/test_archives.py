"""Opening an archive that somebody else wrote."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from whiteroom.base.archives import ArchiveTooLarge, UnsafeArchive, unpack


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, **more: object
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type = len(data), kind
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def archive(at: Path, *members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(at, "w:gz", format=kind) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return at


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_files_and_folders_come_out_as_they_went_in(tmp_path: Path, out: Path, kind: int) -> None:
    long = "n" * 90 + "/" + "m" * (60 if kind == tarfile.USTAR_FORMAT else 200)
    made = archive(
        tmp_path / "a",
        member("./", kind=tarfile.DIRTYPE),
        member("./empty", kind=tarfile.DIRTYPE),
        member("./a", b"x" * 3_000_000),
        member(long, b"long"),
        member("code/run", b"", mode=0o4755),
        kind=kind,
    )
    unpack(made, out, 3_000_004)
    assert tree(out) == {
        "empty": None, "a": b"x" * 3_000_000, "n" * 90: None, long: b"long", "code": None, "code/run": b""
    }  # fmt: skip
    assert (out / "code/run").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("../x"), "is not a plain name"),
        (member("a/../../x"), "is not a plain name"),
        (member("/etc/x"), "an absolute name"),
        (member("x", kind=tarfile.SYMTYPE, linkname="/etc"), "a symbolic link"),
        (member("x", kind=tarfile.LNKTYPE, linkname="a"), "a hard link"),
        (member("x", kind=tarfile.CHRTYPE), "a device"),
        (member("x", kind=tarfile.BLKTYPE), "a device"),
        (member("x", kind=tarfile.FIFOTYPE), "a FIFO"),
        (member("x", kind=tarfile.GNUTYPE_SPARSE), "a sparse file"),
        (member("x", kind=b"Z"), "of an unknown kind"),
        (member("a\nb"), "control characters"),
        (member("a\x9bb"), "control characters"),
        (member("a\u202egnp.exe"), "control characters"),
        (member("..\\..\\x"), "a backslash"),
        (member(os.fsdecode(b"\xff")), "not UTF-8"),
        (member("n" * 256), "more than 255 bytes"),
        (member("/".join("d" * 200)), "too deep"),
        (member("first", b""), "twice"),
        (member("first/x", b""), "cannot be made"),
        (member("x", pax_headers={"GNU.sparse.major": "1"}), "sparse"),
        (member("x", pax_headers={"comment": "c" * 100_000}), "a header of"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_refused_with_the_reason(
    tmp_path: Path, out: Path, bad: tuple[tarfile.TarInfo, bytes], reason: str
) -> None:
    with pytest.raises(UnsafeArchive, match=reason):
        unpack(archive(tmp_path / "a", member("first", b"1"), bad), out, 10**6)
    assert tree(out).keys() <= {"first", "a"}


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path, out: Path) -> None:
    (tmp_path / "outside").mkdir()
    (out / "d").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafeArchive, match="cannot be made"):
        unpack(archive(tmp_path / "a", member("d/x", b"1")), out, 10)
    assert list((tmp_path / "outside").iterdir()) == []


def test_the_limit_is_held_before_a_byte_is_written(tmp_path: Path, out: Path) -> None:
    made = archive(tmp_path / "a", member("a", b"12345"), member("b", b"678"))
    with pytest.raises(ArchiveTooLarge, match="more than the 7 bytes"):
        unpack(made, out, 7)
    assert tree(out) == {"a": b"12345"}


def test_a_size_that_is_announced_and_not_kept_is_a_damaged_archive(tmp_path: Path, out: Path) -> None:
    info = tarfile.TarInfo("bomb")
    info.size = 10**9
    (tmp_path / "a").write_bytes(gzip.compress(info.tobuf() + b"\0" * 1000))
    with pytest.raises(UnsafeArchive, match="ends in the middle"):
        unpack(tmp_path / "a", out, 10**9)


def _flipped(data: bytes) -> bytes:
    return data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"no gzip at all",
        lambda data: data[:20],
        lambda data: data[:-5],
        lambda data: data + b"garbage",
        _flipped,
        lambda data: gzip.compress(b"x" * 512),
        lambda data: gzip.compress(b"\0" * 512 + b"\0" * 2_000_000),
    ],
)
def test_a_damaged_archive_is_refused(tmp_path: Path, out: Path, damage) -> None:  # type: ignore[no-untyped-def]
    data = archive(tmp_path / "a", member("a", os.urandom(5000))).read_bytes()
    (tmp_path / "b").write_bytes(damage(data))
    with pytest.raises(UnsafeArchive, match=r"damaged|goes on after its end"):
        unpack(tmp_path / "b", out, 10**6)


def test_an_archive_in_several_gzip_members_is_read_as_one(tmp_path: Path, out: Path) -> None:
    data = gzip.decompress(archive(tmp_path / "a", member("a", b"1" * 5000)).read_bytes())
    (tmp_path / "b").write_bytes(gzip.compress(data[:700]) + gzip.compress(data[700:]) + b"\0" * 100)
    unpack(tmp_path / "b", out, 10**6)
    assert tree(out) == {"a": b"1" * 5000}

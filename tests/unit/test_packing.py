"""What is packed in a file is had to its last byte, or not at all."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
import zstandard

from whiteroom.packing import BOMB_BYTES, CannotUnpack, Packing, packing_of, packing_of_file, unpacked, unpacked_name

PACK: dict[Packing, Callable[[bytes], bytes]] = {
    Packing.GZIP: gzip.compress,
    Packing.BZIP2: bz2.compress,
    Packing.ZSTD: lambda content: zstandard.ZstdCompressor(write_checksum=True).compress(content),
}
TEXT = b"".join(b"%d,%d\n" % (number * 7919 % 1_000, number) for number in range(30_000))
SKIPPED = bytes.fromhex("502a4d18") + (5).to_bytes(4, "little") + b"aside"
"""A frame of zstd that has no content."""

packings = pytest.mark.parametrize("packing", Packing)


def read(file: Path, content: bytes) -> bytes:
    file.write_bytes(content)
    with unpacked(file) as stream:
        return stream.read()


@packings
def test_every_member_is_read_one_after_the_other(tmp_path: Path, packing: Packing) -> None:
    pack = PACK[packing]
    assert read(tmp_path / "a", pack(TEXT)) == TEXT
    assert read(tmp_path / "a", pack(TEXT) + pack(b"") + pack(b"end")) == TEXT + b"end"
    assert packing_of_file(tmp_path / "a") is packing
    assert read(tmp_path / "a", pack(b"")) == b""


def test_what_is_not_packed_is_read_as_it_is(tmp_path: Path) -> None:
    assert read(tmp_path / "a.gz", TEXT) == TEXT
    assert packing_of(TEXT) is None
    assert packing_of(b"") is None


def test_a_frame_of_zstd_without_content_is_passed_over(tmp_path: Path) -> None:
    pack = PACK[Packing.ZSTD]
    assert read(tmp_path / "a", SKIPPED + pack(TEXT) + SKIPPED) == TEXT


@packings
@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-1],
        lambda packed: packed + b"and more",
        lambda packed: packed[:-3] + bytes([packed[-3] ^ 1]) + packed[-2:],
        lambda packed: packed[:2_000] + bytes([packed[2_000] ^ 1]) + packed[2_001:],
        lambda packed: packed + packed[:20],
    ],
)
def test_what_is_cut_or_damaged_or_followed_by_something_else_is_no_content(
    tmp_path: Path, packing: Packing, spoil: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(CannotUnpack, match="damaged or cut"):
        read(tmp_path / "a", spoil(PACK[packing](TEXT)))


@pytest.mark.parametrize("packing", [Packing.BZIP2, Packing.ZSTD])
def test_what_never_ends_is_given_up(tmp_path: Path, packing: Packing) -> None:
    file = tmp_path / "a"
    file.write_bytes(PACK[packing](bytes(1 << 22)) * 80)
    with unpacked(file) as stream, pytest.raises(CannotUnpack, match="unpacks to more than"):
        read_on(stream)


def read_on(stream: BinaryIO) -> None:
    total = 0
    while chunk := stream.read(1 << 20):
        total += len(chunk)
        assert total <= BOMB_BYTES


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.BZ2", "a.csv.zst", "a.csv.zstd", "a.csv"])
def test_a_name_without_its_packing(name: str) -> None:
    assert unpacked_name(Path(name)) == Path("a.csv")

"""A model's archive, unpacked before its program starts."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from whiteroom.runtime.supervisor.serving import unpack_model


def archive(at: Path, name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"") -> str:
    with tarfile.open(at, "w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.type, info.size, info.linkname = kind, len(data), "x"
        tar.addfile(info, io.BytesIO(data))
    return str(at)


def unpacked(made: str, folder: Path, limit_bytes: int = 100) -> str | None:
    folder.mkdir()
    problem = unpack_model(made, str(folder), limit_bytes, stopping=lambda: False)
    assert problem is None or problem[0] == "transform"
    return None if problem is None else problem[1]


def test_a_model_is_unpacked(tmp_path: Path) -> None:
    assert unpacked(archive(tmp_path / "a", "weights", data=b"1"), tmp_path / "model") is None
    assert (tmp_path / "model" / "weights").read_bytes() == b"1"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_what_is_wrong_with_an_archive_is_told_without_the_names_in_it(tmp_path: Path, kind: bytes) -> None:
    told = unpacked(archive(tmp_path / "a", "card 4111", kind), tmp_path / "model") or ""
    assert told.endswith("it is damaged, or holds more than plain files.")
    assert "4111" not in told


def test_a_model_that_is_too_large_is_said_to_be(tmp_path: Path) -> None:
    told = unpacked(archive(tmp_path / "a", "card 4111", data=b"1" * 101), tmp_path / "model") or ""
    assert "more than the 100 bytes" in told
    assert "4111" not in told

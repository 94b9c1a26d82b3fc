from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from whiteroom.store.secret import BrokenSecret, kept_secret


def test_a_secret_is_made_once_and_stays_the_same(tmp_path: Path) -> None:
    made = kept_secret(tmp_path / "key")
    assert len(made) == 32
    assert kept_secret(tmp_path / "key") == made
    assert kept_secret(tmp_path / "other") != made


def test_those_who_ask_at_once_are_given_the_same_and_nothing_is_left_over(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as askers:
        found = set(askers.map(lambda _: kept_secret(tmp_path / "key"), range(32)))
    assert len(found) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_nobody_else_on_the_machine_can_read_it(tmp_path: Path) -> None:
    kept_secret(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_file_that_was_cut_short_is_refused_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(BrokenSecret, match=r"must hold 32 bytes, and has 5"):
        kept_secret(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == b"short"

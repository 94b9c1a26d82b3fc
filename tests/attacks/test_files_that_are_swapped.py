"""Attempts to have a query over one's own table read another member's file: the table's files become links to it.

Whoever may write where a table's files lie can swap them at any moment, in the midst of a query too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from attacks.conftest import PATIENTS, ROWS, SECRETS, Attacker
from support.rules import OWNER, QUERIER
from whiteroom.domain.execution.queries import QueryFailure

OWN = [(f"q{n:04}", f"own-{n}", n, "z", 30, "mine", 1.5) for n in range(40)]
ASKED = "SELECT ssn FROM own"
TIMES = 30
Swap = Callable[[Path, Path], AbstractContextManager[None]]


@pytest.fixture
def drop(attacker: Attacker) -> tuple[Path, Path]:
    """The attacker's file, in a folder to which the attacker may write; and the victim's, of the same name."""
    files = []
    for who, rows, owner in (("me", OWN, QUERIER), ("them", ROWS, OWNER)):
        attacker.table("own", PATIENTS, rows, owner)
        files.append(attacker.folder / who / "data" / "own.csv")
        files[-1].parent.mkdir(parents=True)
        (attacker.folder / "own.csv").rename(files[-1])
    table = attacker.tables["own"]
    source = replace(table.source, files=(str(files[0]),))
    attacker.tables["own"] = replace(table, source=source, owner_account_id=QUERIER)
    return files[0], files[1]


@contextmanager
def file_swapped(own: Path, theirs: Path) -> Iterator[None]:
    with _in_place_of(own, theirs):
        yield


@contextmanager
def folder_swapped(own: Path, theirs: Path) -> Iterator[None]:
    with _in_place_of(own.parent, theirs.parent):
        yield


@contextmanager
def folder_above_swapped(own: Path, theirs: Path) -> Iterator[None]:
    with _in_place_of(own.parent.parent, theirs.parent.parent):
        yield


@contextmanager
def _in_place_of(own: Path, theirs: Path) -> Iterator[None]:
    kept, link = own.with_name(f"{own.name}.kept"), own.with_name(f"{own.name}.link")
    link.symlink_to(theirs)
    own.rename(kept)
    link.rename(own)
    try:
        yield
    finally:
        own.unlink()
        kept.rename(own)


SWAPS = [file_swapped, folder_swapped, folder_above_swapped]


@pytest.mark.parametrize("swap", SWAPS)
def test_a_file_that_is_a_link_by_now_is_not_read(attacker: Attacker, drop: tuple[Path, Path], swap: Swap) -> None:
    with swap(*drop):
        found = attacker.attempt(ASKED)
    assert (found.failure, found.text) == (QueryFailure.DATA, "")
    assert found.message == "Table 'own', file own.csv became a link. The owner must put the file itself there."
    assert attacker.attempt(ASKED).text.split()[1:] == [row[1] for row in OWN]


@pytest.mark.parametrize("swap", SWAPS)
def test_a_file_that_is_swapped_again_and_again_never_shows_anothers_rows(
    attacker: Attacker, drop: tuple[Path, Path], swap: Swap
) -> None:
    with _again_and_again(swap, drop):
        found = [attacker.attempt(ASKED) for _ in range(TIMES)]
    for attempt in found:
        assert not any(secret in attempt.text or secret in attempt.message for secret in SECRETS)
        assert attempt.failure in {None, QueryFailure.DATA}, attempt.message
        assert attempt.text.split()[1:] in ([], [row[1] for row in OWN])


@contextmanager
def _again_and_again(swap: Swap, drop: tuple[Path, Path]) -> Iterator[None]:
    done = threading.Event()

    def attack() -> None:
        while not done.is_set():
            with swap(*drop):
                pass

    attacking = threading.Thread(target=attack)
    attacking.start()
    try:
        yield
    finally:
        done.set()
        attacking.join()

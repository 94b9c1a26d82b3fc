"""One server for the tests of the console: what each of them makes is its own account's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.console import OpenConsole, open_console
from support.worlds.callers import a_room_of_callers
from support.worlds.everything import FullRoom


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenConsole]:
    with open_console(tmp_path_factory.mktemp("console") / "data") as opened:
        yield opened


@pytest.fixture(scope="session")
def callers(console: OpenConsole, tmp_path_factory: pytest.TempPathFactory) -> FullRoom:
    """One room in which every part is played by another account. Only to be looked at."""
    return a_room_of_callers(console.store, tmp_path_factory.mktemp("logs"))

"""One server for the tests of the console: what each of them makes is its own account's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.console import OpenConsole, open_console


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenConsole]:
    with open_console(tmp_path_factory.mktemp("console") / "data") as opened:
        yield opened

"""What the container image installs: all that the server and its extras ask for, in the versions that tests have."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOT_SERVED = {"bench", "demo", "dev", "notebook"}
"""Extras of no server."""
SERVED = sorted(set(PROJECT["optional-dependencies"]) - NOT_SERVED)


def pinned(lock: str) -> dict[str, set[str]]:
    """Each distribution's versions: more than one where they differ by Python's."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements" / lock).read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def name_of(requirement: str) -> str:
    return re.split(r"[\s<>=!\[;]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("extra", ["", *SERVED])
def test_the_image_has_whatever_a_server_may_use(extra: str) -> None:
    wanted = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    assert {name_of(one) for one in wanted} - pinned("container.lock").keys() == set(), "run make lock"


def test_the_lock_is_made_of_every_extra_of_a_server() -> None:
    (served,) = re.findall(r"^SERVED := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert served.split() == SERVED


def test_the_image_has_the_versions_that_tests_have() -> None:
    tested, shipped = pinned("dev.lock"), pinned("container.lock")
    assert {name: versions for name, versions in shipped.items() if versions != tested.get(name, versions)} == {}

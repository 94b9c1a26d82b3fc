from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from whiteroom.console.versions import DEEPEST, tree

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def summary(version: str, minute: int, *bases: tuple[str, str], name: str = "") -> dict[str, Any]:
    """A version of a list, made at a minute, that goes on from others: their names and versions."""
    named = {} if version == "NULL" else {"versionIdentifier": version}
    channels = [
        {"modelName": base, **({} if of == "NULL" else {"versionIdentifier": of}), "channelName": "base"}
        for base, of in bases
    ]
    made = {"name": name or version, "createTime": NOON + timedelta(minutes=minute)}
    return {**named, **made, "incrementalTrainingDataChannels": channels}


def places(summaries: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(one.version, one.depth) for one in tree(summaries)]


def test_each_version_stands_behind_the_one_that_it_goes_on_from() -> None:
    versions = [
        summary("c", 4, ("a", "a")),
        summary("b", 3, ("NULL", "NULL")),
        summary("a", 2, ("NULL", "NULL")),
        summary("NULL", 1),
    ]
    assert places(versions) == [("NULL", 0), ("a", 1), ("c", 2), ("b", 1)]


def test_a_version_of_another_model_is_no_parent_though_it_is_called_alike() -> None:
    assert places([summary("NULL", 1, ("other", "NULL"), name="mine"), summary("a", 2, ("other", "NULL"))]) == [
        ("NULL", 0),
        ("a", 0),
    ]


def test_a_version_whose_parent_is_not_on_the_page_stands_at_the_root() -> None:
    assert places([summary("b", 2, ("a", "a"))]) == [("b", 0)]


def test_versions_of_any_number_are_set_in_so_far_and_no_further() -> None:
    chain = [summary("0", 0)] + [summary(str(n), n, (str(n - 1), str(n - 1))) for n in range(1, 3_000)]
    found = places(chain)
    assert [version for version, _ in found] == [str(number) for number in range(3_000)]
    assert max(depth for _, depth in found) == DEEPEST

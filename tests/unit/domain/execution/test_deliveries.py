"""Where results go."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.domain.execution.deliveries import delivery_path, delivery_place, path_segment


def test_the_path_is_the_one_that_aws_documents() -> None:
    assert delivery_path("c-1", "churn", "111111111111", "job_1") == "c-1/churn/111111111111/job_1"


@pytest.mark.parametrize("name", ["churn", "Churn-2.1", "a_b", "x.y", "8c2a-0123456789ab"])
def test_a_safe_name_stands_as_it_is(name: str) -> None:
    assert path_segment(name) == name


@pytest.mark.parametrize(
    "name", ["..", ".", "x..y", ".hidden", "a/b", "../../etc/passwd", "my model", "日本", "a\tb", "\ud800"]
)
def test_no_other_name_reaches_the_path_as_it_is(name: str) -> None:
    segment = path_segment(name)
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", segment)
    assert segment != name


def test_a_name_made_to_look_like_another_names_folder_gets_its_own() -> None:
    assert path_segment(path_segment("my model")) != path_segment("my model")


@given(st.text(min_size=1, max_size=63), st.text(min_size=1, max_size=63))
def test_two_names_never_share_a_folder(one: str, other: str) -> None:
    assert (path_segment(one) == path_segment(other)) == (one == other)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("s3://bucket/a/b", "c/d"),
        ("s3://bucket/a/b/", "c/d"),
        ("s3://bucket/a", "b/c/d"),
        ("s3://bucket", "a/b/c/d"),
        ("s3://bucket/", "a/b/c/d/"),
    ],
)
def test_deliveries_to_one_folder_have_one_place_however_it_is_written(location: str, path: str) -> None:
    assert delivery_place(location, path) == "s3://bucket/a/b/c/d"


def test_deliveries_to_different_folders_have_different_places() -> None:
    locations = (
        "s3://bucket",
        "s3://bucket/a",
        "s3://bucket/A",
        "s3://bucket2",
        "s3://bucket/a%2fb",
        "s3://bucket/a b",
    )
    assert len({delivery_place(location, "x") for location in locations}) == len(locations)

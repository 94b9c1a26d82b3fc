"""What places in S3 mean, beside what patterns of files mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from whiteroom.catalog.files import expand
from whiteroom.catalog.stored.sources import is_stored, parsed
from whiteroom.ports.catalog import UnusableFiles

KEYS = (
    "a.csv",
    "b.csv",
    "_hidden.csv",
    ".dot.csv",
    "x/a.csv",
    "x/y/b.csv",
    "x/_y/c.csv",
    "x/.y/d.csv",
    "yr=2024/mon=1/p.csv",
    "c.txt",
)
PATTERNS = (
    "",
    "*.csv",
    "?.csv",
    "[ab].csv",
    "[!a].csv",
    "x/*.csv",
    "*/*.csv",
    "**/*.csv",
    "**",
    "x/**",
    "**/y/*",
    "x/**/*.csv",
    ".*.csv",
    "**/.y/*",
    "yr=*/mon=*/*.csv",
    "_*.csv",
    "x/**/**/b.csv",
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_source_means_in_a_bucket_what_it_means_in_a_folder(tmp_path: Path, pattern: str) -> None:
    for key in KEYS:
        (tmp_path / "t" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / key).write_text("a\n1\n")
    files = {file.removeprefix(f"{tmp_path}/") for file in expand([f"{tmp_path}/t/{pattern}"])}
    source = parsed(f"s3://bucket/t/{pattern}")
    assert {f"t/{key}" for key in KEYS if f"t/{key}".startswith(source.beginning) and source.means(f"t/{key}")} == files


@pytest.mark.parametrize(
    "written", ["s3://", "s3:///a", "s3://B_/a", "s3://a/b", f"s3://bucket/{'k' * 1025}", "s3://bucket/a\nb"]
)
def test_what_names_no_place_is_refused_with_how_one_is_written(written: str) -> None:
    assert is_stored(written)
    with pytest.raises(UnusableFiles, match="write s3://BUCKET/PREFIX/"):
        parsed(written)


def test_sparks_schemes_are_s3_and_paths_are_none() -> None:
    assert parsed("s3a://bucket/t/*.csv").uri == parsed("S3://bucket/t/*.csv").uri == "s3://bucket/t/*.csv"
    assert not any(map(is_stored, ("/srv/t", "t", "./s3://x", "gs://b/k", "")))


def test_a_long_pattern_over_a_long_key_is_answered_at_once() -> None:
    assert not parsed(f"s3://bucket/{'**/a/' * 100}b").means("a/" * 500)

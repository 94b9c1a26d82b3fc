"""In which regions the buckets of results lie, and whether results may go there."""

from __future__ import annotations

import pytest

from whiteroom.domain.execution.result_regions import BucketRegions, may_be_stored
from whiteroom.domain.verdicts import Denied

REGIONS = BucketRegions.parse("us-east-1", "irish = eu-west-1, results.de=eu-central-1")


def test_a_bucket_is_where_the_operator_says_and_else_where_the_server_is() -> None:
    assert [REGIONS.of(name) for name in ("irish", "results.de", "other")] == ["eu-west-1", "eu-central-1", "us-east-1"]
    assert BucketRegions.parse("us-east-1", "") == BucketRegions("us-east-1")


@pytest.mark.parametrize(
    "text", ["irish", "irish=", "=eu-west-1", "irish=ireland", "a=b=c", "IRISH=eu-west-1", "x y=eu-west-1"]
)
def test_what_is_no_map_is_refused_with_the_entry(text: str) -> None:
    with pytest.raises(ValueError, match="BUCKET=REGION"):
        BucketRegions.parse("us-east-1", text)


def test_a_bucket_is_in_one_region() -> None:
    assert BucketRegions.parse("us-east-1", "irish=eu-west-1,irish=eu-west-1").listed == {"irish": "eu-west-1"}
    with pytest.raises(ValueError, match="two regions"):
        BucketRegions.parse("us-east-1", "irish=eu-west-1,irish=eu-west-2")


@pytest.mark.parametrize(
    ("buckets", "allowed", "region"),
    [
        (["other", "irish"], (), None),
        (["irish"], ("eu-west-1",), None),
        (["irish", "other"], ("eu-west-1", "us-east-1"), None),
        (["irish", "other"], ("eu-west-1",), "us-east-1"),
        (["other"], ("us-west-2",), "us-east-1"),
    ],
)
def test_results_stay_in_the_regions_that_the_collaboration_allows(
    buckets: list[str], allowed: tuple[str, ...], region: str | None
) -> None:
    verdict = may_be_stored(buckets, allowed, REGIONS)
    assert bool(verdict) is (region is None)
    if isinstance(verdict, Denied):
        assert f"is in {region}" in verdict.reason
        assert all(name in verdict.reason for name in allowed)

from __future__ import annotations

import pytest

from whiteroom.domain.resources.holdings import fits, has_room
from whiteroom.domain.resources.quotas import DEFAULTS, Quota, Quotas
from whiteroom.domain.verdicts import Denied

MEMBERSHIP, COLLABORATION = Quota.STORED_BYTES_PER_MEMBERSHIP, Quota.STORED_BYTES_PER_COLLABORATION


def quotas(membership: int | None = None, collaboration: int | None = None) -> Quotas:
    limits = {MEMBERSHIP: membership, COLLABORATION: collaboration}
    return Quotas({quota: limit for quota, limit in limits.items() if limit is not None})


def test_any_number_of_bytes_may_be_kept_where_the_operator_says_nothing() -> None:
    assert DEFAULTS[MEMBERSHIP] is None
    assert DEFAULTS[COLLABORATION] is None
    assert fits(10**15, 10**15, 10**15, Quotas({}))
    assert has_room(10**15, 10**15, Quotas({})) is None


def test_what_a_quota_allows_is_allowed_to_the_last_byte() -> None:
    assert fits(40, 60, 0, quotas(membership=100))
    assert not fits(41, 60, 0, quotas(membership=100))
    assert fits(40, 0, 60, quotas(collaboration=100))
    assert not fits(41, 0, 60, quotas(collaboration=100))


def test_a_refusal_has_both_figures_and_the_quota_by_its_name() -> None:
    verdict = fits(1_000, 500, 500, quotas(membership=1_200))
    assert isinstance(verdict, Denied)
    assert "1,000 bytes" in verdict.reason
    assert "1,500 bytes" in verdict.reason
    assert "stored-bytes-per-membership is 1,200" in verdict.reason


def test_what_the_other_members_hold_is_told_to_nobody() -> None:
    full = quotas(collaboration=10_000)
    verdict = fits(1_000, 500, 9_876, full)
    assert isinstance(verdict, Denied)
    assert "10,000" in verdict.reason
    assert "9,876" not in verdict.reason
    assert "10,876" not in verdict.reason
    refusal = has_room(0, 12_345, full)
    assert refusal is not None
    assert "12,345" not in refusal[1].reason


@pytest.mark.parametrize(
    ("held", "limits", "refused_by"),
    [
        ((99, 0), quotas(membership=100), None),
        ((100, 0), quotas(membership=100), MEMBERSHIP),
        ((0, 100), quotas(collaboration=100), COLLABORATION),
        ((0, 0), quotas(membership=0), MEMBERSHIP),
    ],
)
def test_new_work_takes_a_byte_that_is_left(held: tuple[int, int], limits: Quotas, refused_by: Quota | None) -> None:
    refusal = has_room(*held, limits)
    assert (refusal and refusal[0]) == refused_by

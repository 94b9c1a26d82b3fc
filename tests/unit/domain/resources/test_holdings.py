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
    verdict = fits(1_234, 56_789, 56_789, quotas(membership=57_000))
    assert isinstance(verdict, Denied)
    assert "has 1,000 bytes or more" in verdict.reason
    assert "holds 10,000 bytes or more" in verdict.reason
    assert "stored-bytes-per-membership is 57,000" in verdict.reason


@pytest.mark.parametrize(
    ("size", "told"), [(1, "fewer than 100"), (99, "fewer than 100"), (100, "100"), (98_765, "10,000")]
)
def test_how_large_a_result_is_is_told_by_its_order_of_magnitude(size: int, told: str) -> None:
    verdict = fits(size, 1_234_567, 0, quotas(membership=1))
    assert isinstance(verdict, Denied)
    assert f"has {told} bytes" in verdict.reason
    assert "98,765" not in verdict.reason
    assert "1,234,567" not in verdict.reason


def test_what_the_other_members_hold_is_told_to_nobody() -> None:
    full = quotas(collaboration=10_000)
    first, second = (fits(1_000, 500, held, full) for held in (9_876, 9_999))
    assert isinstance(first, Denied)
    assert first == second
    refusals = [has_room(0, held, full) for held in (10_000, 12_345)]
    assert refusals[0] is not None
    assert refusals[0] == refusals[1]


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

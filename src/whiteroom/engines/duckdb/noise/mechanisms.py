"""OpenDP's mechanisms, at the price of one unit each: epsilon 1/usersNoisePerQuery.

What each thing costs: domain/privacy/differential_privacy.py.

Only integers are noised, by the discrete Laplace distribution: nothing leaks through the bits of a floating-point
number. Each function asks OpenDP's privacy map what its measurement spends, and never spends more than its unit.

Sources: Canonne, Kamath, Steinke, The Discrete Gaussian for Differential Privacy (2020), section 5.2; Rogers, A
Unifying Privacy Analysis Framework for Unknown Domain Algorithms (2023); Wilson et al., Differentially Private SQL with
Bounded User Contribution (2020), for bounds from a noisy histogram of powers of two.
"""

from __future__ import annotations

import importlib.util
import math
import secrets
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol

from whiteroom.domain.privacy.differential_privacy import DELTA_PER_QUERY
from whiteroom.sql.refusals import Refused

_FALSE_ALARM = 1e-5
"""The chance that any empty bucket of a histogram is taken for one with users in it. A bound, and with it the noise,
might then be 2**60 times as large."""
_LARGEST = 2**62
"""Totals are cut there, far above what rows can sum up to here: it can only bring two results nearer to each other."""


class Chance(Protocol):
    """All that is left to chance in a private answer; whatever else it shows is a function of the rows.

    Numbers and groups come in the order of the groups' keys.
    """

    def with_noise(self, totals: Sequence[int], change: int, users_noise: int) -> list[int]:
        """Whole numbers with noise (`with_noise`)."""
        ...

    def shown_groups(self, users: Mapping[int, int], groups_per_user: int, users_noise: int) -> list[int]:
        """The groups whose keys may be shown (`shown_groups`)."""
        ...

    def seed(self) -> int:
        """What the rows that are kept of a user are chosen by: 63 bits that nobody knows."""
        ...


class OpenDp:
    """Chance as it is outside of tests."""

    def with_noise(self, totals: Sequence[int], change: int, users_noise: int) -> list[int]:
        """Whole numbers with noise."""
        return with_noise(totals, change, users_noise)

    def shown_groups(self, users: Mapping[int, int], groups_per_user: int, users_noise: int) -> list[int]:
        """The groups whose keys may be shown."""
        return shown_groups(users, groups_per_user, users_noise)

    def seed(self) -> int:
        """From the operating system."""
        return secrets.randbits(63)


def is_installed() -> bool:
    """Whether OpenDP is there; it is not imported for that."""
    return importlib.util.find_spec("opendp") is not None


def require_opendp() -> None:
    """Import OpenDP, which takes a while and is needed nowhere else.

    Raises:
        Refused: it is not installed.
    """
    try:
        _opendp()
    except ImportError:
        raise Refused(
            "This server has no OpenDP, which makes the noise that a table of this query asks for. Its operator must "
            "install the extra dp (pip install 'whiteroom[dp]'). Nothing was charged."
        ) from None


def with_noise(totals: Sequence[int], change: int, users_noise: int) -> list[int]:
    """Whole numbers with noise, for one unit.

    Args:
        totals: the exact numbers.
        change: by how much one user can change all of them together.
        users_noise: how many users the noise hides.
    """
    cut = [max(-_LARGEST, min(_LARGEST, total)) for total in totals]
    noisy: list[int] = laplace(change, users_noise)(cut)
    return noisy


def laplace(change: int, users_noise: int) -> Any:
    """The measurement of `with_noise`."""
    domains, measurements, metrics = _opendp()
    space = domains.vector_domain(domains.atom_domain(T="i64")), metrics.l1_distance(T="i64")
    scale = float(users_noise * change)
    while True:
        measurement = measurements.make_laplace(*space, scale=scale)
        # The map rounds up, so that the scale that is exact on paper is a hair too small.
        if spent_by(measurement, change) <= Fraction(1, users_noise):
            return measurement
        scale *= 1 + 2**-50


def spent_by(measurement: Any, change: int) -> Fraction:
    """Epsilon, by OpenDP's privacy map, of a measurement whose numbers one user changes by so much."""
    return Fraction(measurement.map(change))


def shown_groups(users: Mapping[int, int], groups_per_user: int, users_noise: int) -> list[int]:
    """The groups whose keys may be shown: their noisy number of users passes a threshold. One unit, and a delta.

    Args:
        users: how many users each group has.
        groups_per_user: in how many groups one user can be.
        users_noise: how many users the noise hides.
    """
    return sorted(thresholded_laplace(groups_per_user, users_noise)(dict(users)))


def thresholded_laplace(groups_per_user: int, users_noise: int) -> Any:
    """The measurement of `shown_groups`."""
    domains, measurements, metrics = _opendp()
    domain = domains.map_domain(domains.atom_domain(T="i64"), domains.atom_domain(T="i64"))
    metric = metrics.l01inf_distance(metrics.absolute_distance(T="i64"))
    scale = float(users_noise * groups_per_user)
    threshold = math.ceil(1 + scale * math.log(groups_per_user / (2 * DELTA_PER_QUERY)))
    while True:
        measurement = measurements.make_laplace_threshold(domain, metric, scale=scale, threshold=threshold)
        epsilon, delta = spent_and_delta(measurement, groups_per_user)
        if epsilon > Fraction(1, users_noise):
            scale *= 1 + 2**-50
        elif delta > DELTA_PER_QUERY:
            threshold += math.ceil(scale / 64)
        else:
            return measurement


def spent_and_delta(measurement: Any, groups_per_user: int) -> tuple[Fraction, float]:
    """The same of a measurement that may show the keys of groups."""
    # A user comes into so many groups, changes all of them by so much together, and each by one.
    epsilon, delta = measurement.map((groups_per_user, groups_per_user, 1))
    return Fraction(epsilon), delta


def chosen_bucket(users: Sequence[int], users_noise: int, share: float, chance: Chance | None = None) -> int | None:
    """The first bucket up to which a share of all users is, by a noisy histogram. One unit.

    Each user is in one bucket at most. Buckets that could be empty for all that is seen count as empty; None where
    all of them could be.
    """
    noisy = (chance or OpenDp()).with_noise(users, 1, users_noise)
    floor = users_noise * math.log(len(users) / (2 * _FALSE_ALARM))
    seen = [count if count > floor else 0 for count in noisy]
    wanted, passed = share * sum(seen), 0
    for index, count in enumerate(seen):
        passed += count
        if count and passed >= wanted:
            return index
    return None


def _opendp() -> tuple[Any, Any, Any]:
    from opendp import domains, measurements, metrics  # noqa: PLC0415
    from opendp.mod import enable_features  # noqa: PLC0415

    # "contrib" is all of OpenDP whose proofs wait for its own formal review; nothing can be had without it.
    enable_features("contrib")
    return domains, measurements, metrics

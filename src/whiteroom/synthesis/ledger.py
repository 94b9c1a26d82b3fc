"""Spends the privacy budget of one data set: everything that is learned of the rows goes through a `Ledger`.

Noise, and what each release costs, are OpenDP's: discrete Gaussian noise for counts, Gumbel noise for choices,
a threshold for keys that nobody may name beforehand. Budgets are counted in rho of zero-concentrated differential
privacy, which adds up over releases, each of which may depend on the ones before; OpenDP's maps turn the sum into
(epsilon, delta). Two data sets are neighbours if one has a row more than the other. Decision 0019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from opendp.combinators import make_fix_delta, make_zCDP_to_approxDP
from opendp.domains import atom_domain, map_domain, vector_domain
from opendp.measurements import make_gaussian, make_noise_threshold, make_noisy_max
from opendp.measures import approximate, zero_concentrated_divergence
from opendp.metrics import absolute_distance, l02inf_distance, l2_distance, linf_distance
from opendp.mod import binary_search, binary_search_param, enable_features

from whiteroom.domain.execution.synthetic_data import CONVERSION_DELTA, KEYS_DELTA

# OpenDP asks whoever uses parts whose proofs are not all reviewed by a second person to say so.
enable_features("contrib")

Counts = npt.NDArray[np.int64]

_COUNTS = (vector_domain(atom_domain(T="i64")), l2_distance(T="i64"))
_SCORES = (vector_domain(atom_domain(T="f64", nan=False)), linf_distance(T="f64", monotonic=False))
_KEYED = (
    map_domain(atom_domain(T="i64"), atom_domain(T="i64")),
    l02inf_distance(absolute_distance("i64")),
)
_ZCDP = zero_concentrated_divergence()
_STEPS = 1_000_000
"""Into which a mean between 0 and 1 is divided."""
_ONE_KEY = (1, 1, 1)
"""How far a row moves counts by key: one key, by one."""
_FAR_TAIL = 40
"""Standard deviations of noise beyond which no threshold is, whatever the delta."""
_MARGIN = 1 - 1e-9
"""Floating point: shares of a budget must not add up to more than it."""


class BudgetSpent(Exception):
    """A release would cost more than what is left: a fault of the mechanism's."""


class Ledger:
    """The budget of one data set, and what was spent of it."""

    def __init__(self, epsilon: float) -> None:
        """Have `epsilon` to spend, at the deltas of domain/execution/synthetic_data.py."""
        self._rho = _rho_of(epsilon)
        self._spent = 0.0
        self._keys_delta = 0.0

    @property
    def rho(self) -> float:
        """The whole budget."""
        return self._rho

    def share(self, part: float) -> float:
        """The rho of a part of the whole budget."""
        return self._rho * part * _MARGIN

    def counts(self, exact: Counts, rho: float) -> tuple[Counts, float]:
        """Counts over cells of which each row is in one at most, with noise; and the noise's standard deviation."""
        sigma = sigma_of(rho)
        measure: Any = make_gaussian(*_COUNTS, scale=sigma)
        self._spend(measure.map(1))
        flat = np.ascontiguousarray(exact, dtype=np.int64).ravel()
        return np.asarray(measure(flat.tolist()), dtype=np.int64).reshape(exact.shape), sigma

    def mean(self, exact: float, change: float, rho: float) -> tuple[float, float]:
        """A mean that one row changes by `change` at most, with noise; and the noise's standard deviation."""
        # In whole steps; rounding to one may add another to the change.
        steps = ceil(change * _STEPS) + 1
        sigma = steps * sigma_of(rho)
        measure: Any = make_gaussian(*_COUNTS, scale=sigma)
        self._spend(measure.map(steps))
        (noisy,) = measure([round(exact * _STEPS)])
        return noisy / _STEPS, sigma / _STEPS

    def choice(self, scores: Sequence[float], rho: float) -> int:
        """The place of about the largest of scores that one row changes by 1 at most."""
        # Gumbel noise of that scale is the exponential mechanism of epsilon 2 / scale, which is epsilon**2 / 8 of rho.
        measure: Any = make_noisy_max(*_SCORES, _ZCDP, scale=1 / sqrt(2 * rho * _MARGIN))
        self._spend(measure.map(1.0))
        return int(measure([float(score) for score in scores]))

    def keys(self, exact: Mapping[int, int], rho: float, delta_share: float) -> tuple[dict[int, int], float]:
        """Those keys that enough rows have, with noisy counts, and the standard deviation of their noise.

        Args:
            exact: how many rows have each key; a row has one.
            rho: what to spend.
            delta_share: of the delta for keys, which all columns share.
        """
        sigma = sigma_of(rho)
        delta = KEYS_DELTA * delta_share * _MARGIN

        def make(threshold: Any) -> Any:
            return make_noise_threshold(*_KEYED, approximate(_ZCDP), scale=sigma, threshold=threshold)

        bounds = (1, int(_FAR_TAIL * sigma) + 2)
        threshold: Any = binary_search(lambda t: make(t).map(_ONE_KEY)[1] <= delta, bounds, int)
        measure = make(threshold)
        cost, spent_delta = measure.map(_ONE_KEY)
        self._spend(cost)
        self._keys_delta += spent_delta
        released = measure({int(key): int(count) for key, count in exact.items()})
        return {int(key): int(count) for key, count in released.items()}, sigma

    def spent(self) -> tuple[float, float]:
        """The (epsilon, delta) of everything released so far."""
        if self._spent == 0.0:
            return 0.0, 0.0
        # OpenDP's conversion belongs to a measurement: one Gaussian of the same rho stands for all that was released.
        epsilon, delta = _converted(1 / sqrt(2 * self._spent)).map(1)
        return float(epsilon), float(delta) + self._keys_delta

    def _spend(self, rho: float) -> None:
        if not isfinite(rho) or self._spent + rho > self._rho:
            raise BudgetSpent(f"a release of rho {rho} was asked for; {self._rho - self._spent} of {self._rho} is left")
        self._spent += rho


def sigma_of(rho: float) -> float:
    """The standard deviation of the noise on counts that costs `rho`; rounded up."""
    return 1 / sqrt(2 * rho) * (1 + 1e-12)


def _converted(sigma: float) -> Any:
    measure: Any = make_gaussian(*_COUNTS, scale=sigma)
    return make_fix_delta(make_zCDP_to_approxDP(measure), delta=CONVERSION_DELTA)


def _rho_of(epsilon: float) -> float:
    """The largest rho that is (epsilon, CONVERSION_DELTA) by OpenDP's map."""
    sigma = binary_search_param(_converted, d_in=1, d_out=(epsilon, CONVERSION_DELTA), T=float)
    measure: Any = make_gaussian(*_COUNTS, scale=sigma)
    return float(measure.map(1))

"""A membership inference attack by distance to the closest record: can those who were learned from be told apart?

The attacker holds real rows, of which some were learned from and some were held out, and guesses that a row was
learned from if a synthetic row lies close to it. The score is the area under the ROC curve of that guess: the
chance that a row that was learned from lies closer to its closest synthetic row than one that was not. 0.5 is
no better than tossing a coin, 1 gives every row away. AWS names the attack and not its formula (decision 0019); as
a measure of synthetic data: Yale et al. 2019, Choi et al. 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whiteroom.synthesis.columns import Codes, Flags, Floats

TARGETS = 1_000
"""Of each kind: with so many the score of rows that give nothing away strays from 0.5 by about 0.013."""
_COMPARISONS = 3_000_000_000
"""Values that are compared at most. Beyond, the attacker has a random part of the synthetic rows."""
_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class View:
    """One column of some rows, as the attacker compares it."""

    values: Floats | Codes
    """Numbers, between 0 and 1 where most rows lie; or places in the list of values."""
    missing: Flags
    numerical: bool

    def part(self, rows: npt.NDArray[np.intp] | slice) -> View:
        """The same of some of the rows."""
        return View(self.values[rows], self.missing[rows], self.numerical)


Rows = Sequence[View]


def score(members: Rows, strangers: Rows, synthetic: Rows, rng: np.random.Generator) -> float:
    """The attack's score, from 0 to 1."""
    members, strangers = _sample(members, TARGETS, rng), _sample(strangers, TARGETS, rng)
    targets = len(members[0].values) + len(strangers[0].values)
    synthetic = _sample(synthetic, max(1_000, _COMPARISONS // (targets * len(synthetic))), rng)
    inside, outside = closest(members, synthetic), closest(strangers, synthetic)
    outside = np.sort(outside)
    closer = len(outside) - np.searchsorted(outside, inside, side="right")
    level = np.searchsorted(outside, inside, side="right") - np.searchsorted(outside, inside, side="left")
    return float((closer + level / 2).sum() / (len(inside) * len(outside)))


def closest(targets: Rows, synthetic: Rows) -> Floats:
    """The distance of each target to its closest synthetic row: Gower's, summed over columns.

    Of numbers it is the difference, on a scale on which 1 is the column's range; of categories 0 or 1; where
    one is NULL and the other is not it is 1.
    """
    count = len(synthetic[0].values)
    step = max(1, _AT_ONCE // max(1, count))
    found = []
    for start in range(0, len(targets[0].values), step):
        rows = slice(start, start + step)
        total = np.zeros((len(targets[0].values[rows]), count), dtype=np.float32)
        for one, other in zip((view.part(rows) for view in targets), synthetic, strict=True):
            total += _distances(one, other)
        found.append(total.min(axis=1))
    return np.concatenate(found).astype(np.float64)


def _distances(targets: View, synthetic: View) -> npt.NDArray[np.float32]:
    apart: npt.NDArray[np.float32]
    if targets.numerical:
        first, second = targets.values.astype(np.float32), synthetic.values.astype(np.float32)
        apart = np.minimum(np.abs(first[:, None] - second[None, :]), np.float32(1))
    else:
        apart = (targets.values[:, None] != synthetic.values[None, :]).astype(np.float32)
    if targets.missing.any() or synthetic.missing.any():
        one, other = targets.missing[:, None], synthetic.missing[None, :]
        apart = np.where(one | other, (one != other).astype(np.float32), apart)
    return apart


def _sample(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    count = len(rows[0].values)
    if count <= most:
        return rows
    picked = rng.choice(count, most, replace=False)
    return [view.part(picked) for view in rows]

"""A membership inference attack by distance to the closest record: can those that were learned from be recognised?

The attacker holds real rows, of which some were learned from and some were held out, and guesses that a row was
learned from if a synthetic row lies close to it. The score is the area under the ROC curve of that guess: the
chance that a row that was learned from lies closer to its closest synthetic row than one that was not. 0.5 is
no better than tossing a coin, 1 gives every row away. AWS names the attack and not its formula (decision 0019); as
a measure of synthetic data: Yale et al. 2019, Choi et al. 2017.

The attacker has places for so many rows of either kind as are known without looking at any. Where there are fewer
rows than places, a place stays empty, and counts as neither nearer nor farther. So one row more or less fills one
place with another, and moves the score by one over the number of places of its kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from whiteroom.synthesis.columns import Codes, Flags, Floats

TARGETS = 1_000
"""Places of each kind, at most: so many stray from the score of all by about 0.013."""
_COMPARISONS = 3_000_000_000
"""Values that are compared at most. Beyond, the attacker has a random part of the synthetic rows."""
_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class View:
    """One column of some rows, as the attacker compares it."""

    values: Floats | Codes
    """Numbers, between 0 and 1 where most rows are; or places in the list of values."""
    missing: Flags
    numerical: bool

    def part(self, rows: npt.NDArray[np.intp] | slice) -> View:
        """The same of some of the rows."""
        return View(self.values[rows], self.missing[rows], self.numerical)


Rows = Sequence[View]


@dataclass(frozen=True, slots=True)
class Places:
    """For how many rows of either kind the attacker has places."""

    members: int
    strangers: int

    @property
    def change(self) -> float:
        """By how much one row can move the score."""
        return 1 / min(self.members, self.strangers)


def places(learned_from: float, held_out_share: float) -> Places:
    """As many as are filled nearly always, of so many rows that were learned from.

    Args:
        learned_from: their number, as counted with noise.
        held_out_share: the part of all rows that was held out at random.
    """
    held_out = max(0.0, learned_from * held_out_share / (1 - held_out_share))
    return Places(
        members=int(min(TARGETS, max(1.0, learned_from))),
        strangers=int(min(TARGETS, max(1.0, held_out - sqrt(held_out)))),
    )


def score(members: Rows, strangers: Rows, synthetic: Rows, wanted: Places, rng: np.random.Generator) -> float:
    """The attack's score, from 0 to 1."""
    members, strangers = _sample(members, wanted.members, rng), _sample(strangers, wanted.strangers, rng)
    targets = wanted.members + wanted.strangers
    synthetic = _sample(synthetic, max(1_000, _COMPARISONS // (targets * len(synthetic))), rng)
    inside, outside = closest(members, synthetic), np.sort(closest(strangers, synthetic))
    closer = len(outside) - np.searchsorted(outside, inside, side="right")
    level = np.searchsorted(outside, inside, side="right") - np.searchsorted(outside, inside, side="left")
    pairs = wanted.members * wanted.strangers
    empty = pairs - len(inside) * len(outside)
    return float(((closer + level / 2).sum() + empty / 2) / pairs)


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
    return np.concatenate(found).astype(np.float64) if found else np.zeros(0)


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

"""What is learned of one column: which values it has. A release of its own, paid from the ledger.

A number is in one of many fine cells, on a grid that is public, and fine cells make up some bins of about equal
weight: bins are what relations between columns are learned of. A category is one of the values that enough rows
have. What is not learned, because too few rows have it, never comes out: outliers are moved to the outermost
cell, rare categories become frequent ones, and NULL comes out only where many rows have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whiteroom.domain.execution.synthetic_data import Unlearnable
from whiteroom.synthesis.ledger import Counts, Ledger

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_STEPS = 8
"""Cells of the public grid in an octave: each is 9 % wider than the one before."""
_SMALLEST, _LARGEST = -40, 63
"""Octaves of the public grid. What is nearer to 0 than 2**-40 counts as 0; what is further than 2**63 as 2**63."""
_POSITIVE = np.exp2(np.arange(_SMALLEST * _STEPS, _LARGEST * _STEPS + 1) / _STEPS)
_GRID = np.concatenate([-_POSITIVE[::-1], _POSITIVE])
_ZERO = 2.0**_SMALLEST
_SPANS = (1, _STEPS, 64, 512)
"""Neighbouring cells of the public grid that are looked at together: values may be spread thinly."""
_FINE_CELLS = 512
_WHOLE_CELLS = 2_048
"""Up to so many whole numbers each has a cell of its own."""
_GRID_SHARE = 0.35
"""Of a numerical column's share: to find where it is at all."""
MAX_CATEGORIES = 500
_MISSING_KEY = -1
_NEXT_TO_NO = 0.005
"""Of a column's rows: so many at either end are moved to the outermost cell that is kept."""
_SURE = 6.5
"""Standard deviations of noise above which something is taken to be there: of all cells of the grid together, once in
ten million columns it is not. A column whose range is taken for too wide is lost."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A numerical column, learned."""

    edges: Floats
    """Of the fine cells."""
    weights: Floats
    """Of the fine cells: noisy counts, none negative."""
    bins: Codes
    """The bin of each fine cell, rising; -1 where the column is nothing but NULL."""
    whole: bool
    has_missing: bool

    @property
    def size(self) -> int:
        """How many codes there are; the last one is NULL where there is such a one."""
        return int(self.bins[-1]) + 1 + self.has_missing

    def encode(self, values: Floats, missing: Flags, rng: np.random.Generator) -> Codes:
        """The code of each row."""
        cells = _cells(self.edges, np.where(missing, 0.0, values))
        if self.has_missing:
            return np.where(missing, self.size - 1, np.maximum(self.bins[cells], 0)).astype(np.int32)
        cells[missing] = rng.choice(len(self.weights), int(missing.sum()), p=_shares(self.weights))
        return self.bins[cells]

    def decode(self, codes: Codes, rng: np.random.Generator) -> tuple[Floats, Flags]:
        """Values for codes: a fine cell of the bin by its weight, and any place in it. And which are NULL."""
        values = np.zeros(len(codes))
        for code in range(int(self.bins[-1]) + 1):
            rows = np.flatnonzero(codes == code)
            (cells,) = np.nonzero(self.bins == code)
            drawn = rng.choice(cells, len(rows), p=_shares(self.weights[cells]))
            values[rows] = rng.uniform(self.edges[drawn], self.edges[drawn + 1])
        values[np.abs(values) <= _ZERO] = 0.0
        missing = (codes == self.size - 1) if self.has_missing else np.zeros(len(codes), dtype=np.bool_)
        return (np.rint(values) if self.whole else values), missing


@dataclass(frozen=True, slots=True)
class Categories:
    """A categorical column, learned: the values that enough rows have."""

    keys: Codes
    """Places in the list of the column's values."""
    weights: Floats
    has_missing: bool

    @property
    def size(self) -> int:
        """How many codes there are; the last one is NULL where there is such a one."""
        return len(self.keys) + self.has_missing

    def encode(self, places: Codes, missing: Flags, rng: np.random.Generator) -> Codes:
        """The code of each row, given its value's place in the list."""
        if not len(self.keys):
            return np.zeros(len(places), dtype=np.int32)
        table = np.full(max(int(places.max(initial=0)), int(self.keys.max(initial=0))) + 1, -1, dtype=np.int32)
        table[self.keys] = np.arange(len(self.keys), dtype=np.int32)
        codes = table[places]
        lost = (codes < 0) & ~missing if self.has_missing else (codes < 0) | missing
        codes[lost] = rng.choice(len(self.keys), int(lost.sum()), p=_shares(self.weights))
        if self.has_missing:
            codes[missing] = self.size - 1
        return codes

    def decode(self, codes: Codes) -> tuple[Codes, Flags]:
        """Places in the list of values, and which are NULL."""
        missing = (codes == self.size - 1) if self.has_missing else np.zeros(len(codes), dtype=np.bool_)
        listed = self.keys if len(self.keys) else np.zeros(1, dtype=np.int32)
        return listed[np.where(missing, 0, codes)], missing


def learn_numbers(
    name: str, values: Floats, missing: Flags, *, whole: bool, bins: int, ledger: Ledger, rho: float
) -> Numbers:
    """Where a column of numbers is, and how densely, for `rho`.

    Raises:
        Unlearnable: at this epsilon nothing of the column can be distinguished from noise.
    """
    exact = np.bincount(_cells(_GRID, values[~missing]), minlength=len(_GRID) - 1)
    counts, sigma = ledger.counts(np.append(exact, missing.sum()), rho * _GRID_SHARE)
    has_missing = bool(counts[-1] > _SURE * sigma)
    span = _significant(counts[:-1], sigma)
    if span is None and has_missing:
        return Numbers(np.array([0.0, 1.0]), np.zeros(1), np.array([-1], dtype=np.int32), whole, has_missing)
    if span is None:
        raise Unlearnable(name)
    low, high = float(_GRID[span[0]]), float(_GRID[span[1]])
    edges = _fine_edges(low, high, whole=whole)
    fine, sigma = ledger.counts(
        np.bincount(_cells(edges, values[~missing]), minlength=len(edges) - 1), rho * (1 - _GRID_SHARE)
    )
    first, end = _occupied(fine, sigma)
    edges, weights = edges[first : end + 1], np.maximum(fine[first:end], 0).astype(np.float64)
    return Numbers(edges, weights, _into_bins(weights, bins), whole, has_missing)


def learn_categories(
    name: str, counts: Mapping[int, int], missing: int, rows: float, *, ledger: Ledger, rho: float, delta_share: float
) -> Categories:
    """The values of a column that enough rows have, for `rho`.

    Args:
        name: the column's.
        counts: rows by the place of their value in the list of values.
        missing: rows with NULL.
        rows: about how many rows there are.
        ledger: pays.
        rho: what to spend.
        delta_share: of the delta for keys.

    Raises:
        Unlearnable: most rows have values that too few have.
    """
    held = dict(counts)
    if missing:
        held[_MISSING_KEY] = missing
    released, _ = ledger.keys(held, rho, delta_share)
    null_rows = released.pop(_MISSING_KEY, 0)
    kept = sorted(released.items(), key=lambda item: -item[1])[:MAX_CATEGORIES]
    kept.sort()
    if sum(count for _, count in kept) + null_rows < rows / 2:
        raise Unlearnable(name)
    keys = np.array([key for key, _ in kept], dtype=np.int32)
    return Categories(keys, np.array([count for _, count in kept], dtype=np.float64), null_rows > 0)


def _cells(edges: Floats, values: Floats) -> npt.NDArray[np.intp]:
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def _significant(counts: Counts, sigma: float) -> tuple[int, int] | None:
    """The outermost edges of the public grid between which there are rows for certain; None where nothing is."""
    found: list[tuple[int, int]] = []
    for span in _SPANS:
        starts = np.arange(0, len(counts), span)
        sums = np.add.reduceat(counts, starts)
        (there,) = np.nonzero(sums > (_SURE * sigma * np.sqrt(span)))
        if len(there):
            found.append((int(starts[there[0]]), min(int(starts[there[-1]]) + span, len(counts))))
            if span == 1:
                continue
    if not found:
        return None
    # Cells and octaves show where rows are; wider spans are in only where those show nothing.
    near = found[:2] if len(found) > 1 else found
    return min(low for low, _ in near), max(high for _, high in near)


def _occupied(counts: Counts, sigma: float) -> tuple[int, int]:
    """The cells without those at either end that hold next to no rows for certain."""
    most = _NEXT_TO_NO * max(0, counts.sum())
    unsure = 2 * sigma * np.sqrt(np.arange(1, len(counts) + 1))
    first, last = (int(np.argmin(np.append(np.cumsum(way) + unsure <= most, False))) for way in (counts, counts[::-1]))
    return (first, len(counts) - last) if first + last < len(counts) else (0, len(counts))


def _fine_edges(low: float, high: float, *, whole: bool) -> Floats:
    if whole:
        first, last = np.ceil(low), np.floor(high)
        if last - first < _WHOLE_CELLS and last >= first:
            return np.arange(first, last + 2) - 0.5
    inside = _GRID[(low < _GRID) & (high > _GRID)]
    return np.unique(np.concatenate([np.linspace(low, high, _FINE_CELLS + 1), inside]))


def _into_bins(weights: Floats, bins: int) -> Codes:
    """Cut neighbouring cells into bins of about equal weight; a cell that is heavy enough alone is alone."""
    full = weights.sum() / bins
    codes = np.zeros(len(weights), dtype=np.int32)
    code, held = 0, 0.0
    for cell, weight in enumerate(weights):
        if cell and (held >= full or (weight >= full and held > 0)):
            code, held = code + 1, 0.0
        codes[cell] = code
        held += weight
    return codes


def _shares(weights: Floats) -> Floats:
    total = weights.sum()
    return weights / total if total > 0 else np.full(len(weights), 1 / len(weights))

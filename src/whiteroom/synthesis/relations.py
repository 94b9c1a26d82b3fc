"""What is learned of the relations between columns, and rows drawn from it.

Learned are counts over the codes of columns (marginals): of each column with the value to be predicted, then of the
pairs of columns that depend on each other most, with that value again. The pairs make a tree, chosen one by one under
differential privacy. So the rows follow a Bayesian network learned of noisy marginals, as in PrivBayes (Zhang et al.
2017), of the shape of tree-augmented naive Bayes (Friedman et al. 1997), its tree chosen as in MST (McKenna et al.
2021). Why none of OpenDP's own algorithms: decision 0019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import pi, prod, sqrt

import numpy as np
import numpy.typing as npt

from whiteroom.domain.execution.synthetic_data import CHOICES_SHARE, PAIRS_SHARE, TRIPLES_SHARE
from whiteroom.synthesis.columns import Codes
from whiteroom.synthesis.ledger import Ledger, sigma_of

MAX_CELLS = 50_000
"""Of one marginal: larger ones cost memory and time, and hold more noise than rows."""
MAX_PAIRS = 2_000
"""Pairs of columns that are compared; of wide tables, some drawn at random."""
_NOISE_SHARE = 0.5
"""A marginal whose expected noise, summed over its cells, is more than this share of the rows is not learned."""

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coded:
    """All columns as codes."""

    codes: Sequence[Codes]
    sizes: Sequence[int]
    target: int | None
    """The column to be predicted."""
    rows: float
    """About how many rows there are: public, as it was paid for."""

    def exact(self, clique: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """The marginal of some columns as it is."""
        shape = tuple(self.sizes[column] for column in clique)
        flat = np.ravel_multi_index(tuple(self.codes[column] for column in clique), shape)
        return np.bincount(flat, minlength=prod(shape)).reshape(shape).astype(np.int64)

    def cells(self, clique: tuple[int, ...]) -> int:
        """How many cells that marginal has."""
        return prod(self.sizes[column] for column in clique)

    def bears(self, clique: tuple[int, ...], sigma: float) -> bool:
        """Whether a marginal is worth its noise, judged by its size."""
        cells = self.cells(clique)
        return cells <= MAX_CELLS and expected_noise(cells, sigma) <= _NOISE_SHARE * self.rows


def expected_noise(cells: int, sigma: float) -> float:
    """The sum over cells of the noise's size, as expected."""
    return cells * sigma * sqrt(2 / pi)


class Relations:
    """Noisy marginals as they are learned."""

    def __init__(self, data: Coded, ledger: Ledger, rng: np.random.Generator) -> None:
        """Learn of `data` what `ledger` pays for."""
        self._data = data
        self._ledger = ledger
        self._rng = rng
        self._trees: list[tuple[int, list[tuple[int, int]]]] = []
        """A root and the edges (parent, child) from it on, for each part of the forest."""
        self._measured: dict[tuple[int, ...], tuple[npt.NDArray[np.int64], float]] = {}

    def learn(self) -> None:
        """Measure: every column, alone or with the target; then the pairs that depend on each other most."""
        target = self._data.target
        others = [column for column in range(len(self._data.sizes)) if column != target]
        rho = self._ledger.share(PAIRS_SHARE) / len(self._data.sizes)
        for column in others:
            with_target = (column,) if target is None else (column, target)
            self._measure(with_target if self._data.bears(with_target, sigma_of(rho)) else (column,), rho)
        if target is not None:
            self._measure((target,), rho)
        self._trees = _rooted(others, ())
        self._learn_pairs(others)

    def draw(self, rows: int) -> list[Codes]:
        """So many rows, as codes: the target first, then each column given its parent in the tree, and the target."""
        data, drawn = self._data, {}
        classes = 1 if data.target is None else data.sizes[data.target]
        if data.target is None:
            of_class = np.zeros(rows, dtype=np.int64)
        else:
            of_class = _draw(self._of_target()[None, :], np.zeros(rows, dtype=np.int64), self._rng).astype(np.int64)
            drawn[data.target] = of_class.astype(np.int32)
        for root, edges in self._trees:
            drawn[root] = _draw(self._by_class(root), of_class, self._rng)
            for parent, child in edges:
                context = drawn[parent] * np.int64(classes) + of_class
                drawn[child] = _draw(self._by_parent(parent, child), context, self._rng)
        return [drawn[column] for column in range(len(data.sizes))]

    def _of_target(self) -> Table:
        """How many rows each class of the target has: every marginal with it was measured of the same rows."""
        measured = [table for clique, (table, _) in self._measured.items() if clique[-1] == self._data.target]
        summed = [np.maximum(table, 0).sum(axis=tuple(range(table.ndim - 1))) for table in measured]
        shares: Table = np.mean([counts / max(1, counts.sum()) for counts in summed], axis=0)
        return shares

    def _by_class(self, column: int) -> Table:
        """What a column's values weigh in each class of the target."""
        target = self._data.target
        if target is not None and (column, target) in self._measured:
            return _likely(*self._measured[column, target]).T
        alone = _likely(*self._measured[column,])[None, :]
        return alone if target is None else np.repeat(alone, self._data.sizes[target], axis=0)

    def _by_parent(self, parent: int, child: int) -> Table:
        """What a column's values weigh for each value of its parent and each class of the target.

        Where a parent's value is too rare to tell, what the column is in that class is in: with the weight of
        the noise that there is on the rows of one value.
        """
        target = self._data.target
        context = () if target is None else (target,)
        clique = (parent, child, *context) if (parent, child, *context) in self._measured else (child, parent, *context)
        table, sigma = self._measured[clique]
        likely = np.moveaxis(_likely(table, sigma), clique.index(child), -1)
        flat = likely.reshape(-1, self._data.sizes[child])
        by_class = self._by_class(child)
        shares = by_class / np.maximum(by_class.sum(axis=1, keepdims=True), 1)
        return flat + sigma * sqrt(self._data.sizes[child]) * np.tile(shares, (self._data.sizes[parent], 1))

    def _learn_pairs(self, others: Sequence[int]) -> None:
        data, wanted = self._data, len(others) - 1
        if wanted < 1:
            return
        rho = self._ledger.share(TRIPLES_SHARE) / wanted
        context = () if data.target is None else (data.target,)
        sigma = sigma_of(rho)
        pairs = [pair for pair in combinations(others, 2) if data.bears((*pair, *context), sigma)]
        if len(pairs) > MAX_PAIRS:
            picked = self._rng.choice(len(pairs), MAX_PAIRS, replace=False)
            pairs = [pairs[place] for place in sorted(picked)]
        scores = [self._dependence((*pair, *context)) for pair in pairs]
        scores = [
            score - expected_noise(data.cells((*pair, *context)), sigma)
            for pair, score in zip(pairs, scores, strict=True)
        ]
        chosen = self._tree(pairs, scores, self._ledger.share(CHOICES_SHARE) / wanted, others)
        for pair in chosen:
            self._measure((*pair, *context), rho)
        self._trees = _rooted(others, chosen)

    def _tree(
        self, pairs: Sequence[tuple[int, int]], scores: Sequence[float], rho: float, others: Sequence[int]
    ) -> list[tuple[int, int]]:
        """The pairs of about the highest scores that close no circle."""
        component = {column: column for column in others}
        chosen: list[tuple[int, int]] = []
        while open_pairs := [n for n, (a, b) in enumerate(pairs) if component[a] != component[b]]:
            best = pairs[open_pairs[self._ledger.choice([scores[n] for n in open_pairs], rho)]]
            chosen.append(best)
            gone, kept = component[best[0]], component[best[1]]
            component = {column: kept if at == gone else at for column, at in component.items()}
        return chosen

    def _dependence(self, clique: tuple[int, ...]) -> float:
        """How far a pair's marginal is from what it would be if both were independent, given the target.

        A row more moves one cell by one, and what it is compared with is made of noisy counts alone: so it moves
        this by one at most.
        """
        first, second, *context = clique
        expected = _independent(
            self._with_context(first, bool(context)), self._with_context(second, bool(context)), self._data.rows
        )
        exact = self._data.exact(clique).reshape(expected.shape)
        return float(np.abs(exact - expected).sum())

    def _with_context(self, column: int, context: bool) -> Table:
        """The noisy marginal of a column by the target's codes; one column where there is no target."""
        target = self._data.target
        if context and target is not None and (column, target) in self._measured:
            return np.maximum(self._measured[column, target][0], 0).astype(np.float64)
        alone = np.maximum(self._measured[column,][0], 0).astype(np.float64)[:, None]
        if not context or target is None:
            return alone
        # Too large to be measured with the target: as if independent of it.
        return np.repeat(alone / self._data.sizes[target], self._data.sizes[target], axis=1)

    def _measure(self, clique: tuple[int, ...], rho: float) -> None:
        self._measured[clique] = self._ledger.counts(self._data.exact(clique), rho)


def _independent(first: Table, second: Table, rows: float) -> Table:
    """Counts of pairs by context if both were independent in each context."""
    by_context = (first.sum(axis=0) + second.sum(axis=0)) / 2
    weight = np.where(by_context > 0, 1 / np.maximum(by_context, 1), 0.0)
    product = first[:, None, :] * second[None, :, :] * weight
    total = product.sum()
    scaled: Table = product * (rows / total) if total > 0 else product
    return scaled


def _rooted(columns: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[tuple[int, list[tuple[int, int]]]]:
    """A forest as trees, each from a root on."""
    trees: list[tuple[int, list[tuple[int, int]]]] = []
    seen: set[int] = set()
    for root in columns:
        if root in seen:
            continue
        seen.add(root)
        reached, edges = [root], []
        for parent in reached:
            for pair in pairs:
                if parent in pair and (child := pair[pair[0] == parent]) not in seen:
                    seen.add(child)
                    reached.append(child)
                    edges.append((parent, child))
        trees.append((root, edges))
    return trees


def _likely(table: npt.NDArray[np.int64], sigma: float) -> Table:
    """Noisy counts without what is likely noise alone."""
    likely: Table = np.maximum(table - sigma / 2, 0)
    return likely


def _draw(weights: Table, context: npt.NDArray[np.int64], rng: np.random.Generator) -> Codes:
    """A code for each row, by the weights of its context; contexts without any weight take each code alike."""
    sums = weights.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, weights / np.where(sums > 0, sums, 1), 1 / weights.shape[1])
    steps = shares.cumsum(axis=1)
    order = np.argsort(context, kind="stable")
    starts = np.searchsorted(context[order], np.arange(len(weights) + 1))
    chance = rng.random(len(context))
    codes = np.zeros(len(context), dtype=np.int32)
    for number, step in enumerate(steps):
        rows = order[starts[number] : starts[number + 1]]
        codes[rows] = np.minimum(np.searchsorted(step, chance[rows], side="right"), len(step) - 1)
    return codes

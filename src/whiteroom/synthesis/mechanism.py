"""Synthetic rows of real ones: learn how many, each column and the relations between them; draw rows from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whiteroom.domain.execution.synthetic_data import (
    COLUMNS_SHARE,
    HELD_OUT_SHARE,
    TOTAL_SHARE,
    TRIPLES_SHARE,
    TooFewRows,
    enough_rows,
)
from whiteroom.domain.verdicts import Denied
from whiteroom.synthesis.attack import View
from whiteroom.synthesis.columns import Categories, Codes, Flags, Floats, Numbers, learn_categories, learn_numbers
from whiteroom.synthesis.ledger import Ledger, sigma_of
from whiteroom.synthesis.relations import Coded, Relations

_MOST_BINS, _FEWEST_BINS = 24, 4
_NOISE_PER_BIN = 16
"""A bin holds at least so many times the noise on its count."""


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one column of some rows. Where `missing` is set, the value says nothing."""

    name: str
    values: Floats | Codes
    """Numbers; or of a categorical column the values' places in the list of its values."""
    missing: Flags
    numerical: bool
    whole: bool
    """Whether the numbers are whole ones."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Synthetic rows, and what they cost."""

    columns: tuple[Values, ...]
    ranges: tuple[tuple[float, float] | None, ...]
    """Where most of each numerical column is, as learned; None for categorical ones."""
    learned_from: float
    """Rows, as counted with noise."""


def learn_and_draw(columns: Sequence[Values], target: int | None, ledger: Ledger, rng: np.random.Generator) -> Drawn:
    """Learn of rows through a ledger, and draw about as many as the query gave, those held out included.

    Raises:
        TooFewRows: noise would drown them.
        Unlearnable: a column is made of rare values.
    """
    rows = _counted(len(columns[0].missing), ledger)
    learned = _learn_columns(columns, rows, ledger)
    coded = [_encode(column, values, rng) for column, values in zip(learned, columns, strict=True)]
    relations = Relations(Coded(coded, [column.size for column in learned], target, rows), ledger, rng)
    relations.learn()
    drawn = relations.draw(round(rows / (1 - HELD_OUT_SHARE)))
    return Drawn(
        tuple(_decode(column, like, codes, rng) for column, like, codes in zip(learned, columns, drawn, strict=True)),
        tuple(
            (float(column.edges[0]), float(column.edges[-1])) if isinstance(column, Numbers) else None
            for column in learned
        ),
        rows,
    )


def view(column: Values, span: tuple[float, float] | None) -> View:
    """A column as the attack compares it."""
    if span is None:
        return View(column.values, column.missing, numerical=False)
    low, high = span
    scaled = (np.where(column.missing, low, column.values) - low) / max(high - low, np.finfo(float).tiny)
    return View(np.clip(scaled, 0, 1), column.missing, numerical=True)


def _counted(exact: int, ledger: Ledger) -> float:
    counts, sigma = ledger.counts(np.array([exact], dtype=np.int64), ledger.share(TOTAL_SHARE))
    rows = float(counts[0])
    verdict = enough_rows(rows, sigma)
    if isinstance(verdict, Denied):
        raise TooFewRows(verdict.reason)
    return rows


def _learn_columns(columns: Sequence[Values], rows: float, ledger: Ledger) -> list[Numbers | Categories]:
    rho = ledger.share(COLUMNS_SHARE) / len(columns)
    categorical = sum(not column.numerical for column in columns)
    noise = sigma_of(ledger.share(TRIPLES_SHARE) / len(columns))
    bins = int(np.clip(rows / (_NOISE_PER_BIN * noise), _FEWEST_BINS, _MOST_BINS))
    learned: list[Numbers | Categories] = []
    for column in columns:
        if column.numerical:
            numbers = np.asarray(column.values, dtype=np.float64)
            learned.append(
                learn_numbers(
                    column.name, numbers, column.missing, whole=column.whole, bins=bins, ledger=ledger, rho=rho
                )
            )
        else:
            places = np.asarray(column.values[~column.missing], dtype=np.int64)
            held, counts = np.unique(places, return_counts=True)
            learned.append(
                learn_categories(
                    column.name,
                    dict(zip(held.tolist(), counts.tolist(), strict=True)),
                    int(column.missing.sum()),
                    rows,
                    ledger=ledger,
                    rho=rho,
                    delta_share=1 / categorical,
                )
            )
    return learned


def _encode(column: Numbers | Categories, values: Values, rng: np.random.Generator) -> Codes:
    if isinstance(column, Numbers):
        return column.encode(np.asarray(values.values, dtype=np.float64), values.missing, rng)
    return column.encode(np.asarray(values.values, dtype=np.int32), values.missing, rng)


def _decode(column: Numbers | Categories, like: Values, codes: Codes, rng: np.random.Generator) -> Values:
    values: Floats | Codes
    if isinstance(column, Numbers):
        values, missing = column.decode(codes, rng)
    else:
        values, missing = column.decode(codes)
    return Values(like.name, values, missing, like.numerical, like.whole)

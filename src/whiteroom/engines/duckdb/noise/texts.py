"""The two SQL texts of a query over protected tables, for DuckDB."""

from __future__ import annotations

from dataclasses import dataclass

from whiteroom.engines.duckdb.noise.try_wrap import to_hardened_duckdb
from whiteroom.engines.duckdb.spark.translate import to_duckdb_tree
from whiteroom.sql.noise.plan import NoisePlan


@dataclass(frozen=True, slots=True)
class NoisyText:
    """The two texts of a query over protected tables; `plan` says what is done between them."""

    rows: str
    answer: str
    plan: NoisePlan


def write_noisy(plan: NoisePlan) -> NoisyText:
    """The texts of a plan, which is left as it is.

    Raises:
        Refused: as `to_hardened_duckdb`.
    """
    rows = to_hardened_duckdb(plan.rows.copy())
    return NoisyText(rows, to_duckdb_tree(plan.answer.copy()).sql("duckdb", comments=False), plan)

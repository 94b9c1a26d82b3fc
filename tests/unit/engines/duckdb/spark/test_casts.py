"""Casts of text: what is written as the engine writes it, and what is not, become the same numbers and dates."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from support.expressions import answers, translated

TEXT = {"s": "STRING"}


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("INT", {"7": 7, "-7": -7, "+7": 7, "007": 7, " 7\t": 7, "7.9": 7, "-.5": 0, "7.": 7, "": None, "-": None}),
        ("INT", {"1_000": None, "0x1A": None, "1e3": None, "2147483647": 2**31 - 1, "2147483648": None}),
        ("TINYINT", {"127": 127, "128": None, "-128": -128, " -129": None}),
        ("SMALLINT", {"32767": 32767, "32768": None}),
        ("BIGINT", {"9223372036854775807": 2**63 - 1, "9223372036854775808": None, "0": 0, "-0": 0}),
        (
            "DOUBLE",
            {"1.5": 1.5, "1.5d": 1.5, " 1e3 ": 1000.0, ".5": 0.5, "5.": 5.0, "1_0": None, "1e": None, "x": None},
        ),
        ("DATE", {"2024-02-29": date(2024, 2, 29), "2024-2-9": date(2024, 2, 9), "2023-02-29": None}),
        ("DATE", {" 2024": date(2024, 1, 1), "2024-01-31 10:00": date(2024, 1, 31), "infinity": None, "epoch": None}),
    ],
)
def test_text_becomes_what_spark_reads_in_it(to: str, wanted: dict[str, Any]) -> None:
    assert answers(f"CAST(s AS {to})", TEXT, [(text,) for text in wanted]) == list(wanted.values())


def test_casts_to_and_fro_do_not_double_at_every_level() -> None:
    def nested(count: int) -> str:
        expression = "s"
        for _ in range(count):
            expression = f"CAST(CAST({expression} AS INT) AS STRING)"
        return expression

    assert len(translated(nested(20), TEXT)) < 8 * len(translated(nested(5), TEXT))

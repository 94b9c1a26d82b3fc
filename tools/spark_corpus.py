"""Asks a real Spark every statement of tests/spark/*.jsonl, writes its answers there, and says what changed.

`make spark-corpus` runs it in an environment of its own (requirements/spark.lock) with a Java 17 beside it. A line
without an answer, `{"kind": ..., "sql": ...}`, gets one.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

CHANGING = ("rand()", "current_date()")
"""What answers otherwise each time it is asked: the corpus keeps its first answer."""

CORPUS = Path(__file__).parents[1] / "tests" / "spark"


def main(tables: Path, files: list[Path]) -> None:
    """Ask and rewrite each file."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    spark = _session(tables)
    for file in files:
        lines, changed = [], 0
        for line in file.read_text().splitlines():
            statement = json.loads(line)
            answer = _ask(spark, statement["sql"])
            before = statement.get("spark")
            known = before is not None and any(changing in statement["sql"] for changing in CHANGING)
            if before is not None and not known and _comparable(before) != _comparable(answer):
                changed += 1
                print(f"{file.name}: {statement['sql']}\n  was {str(before)[:400]}\n  now {str(answer)[:400]}")
            elif before is not None:
                answer = before
            lines.append(json.dumps({**statement, "spark": answer}, ensure_ascii=False))
        file.write_text("\n".join(lines) + "\n")
        print(f"{file.name}: {len(lines)} statements, {changed} answers changed.")
    spark.stop()


def _session(tables: Path) -> Any:
    from pyspark.sql import SparkSession  # noqa: PLC0415 -- only where make spark-corpus has installed it

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
        # The tables' times are in the calendar of today, also before 1900.
        "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
        "spark.log.level": "OFF",
    }
    builder = SparkSession.builder.master("local[1]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    files = sorted(tables.glob("*.parquet"))
    if not files:
        sys.exit(f"There are no tables in {tables}; `make spark-corpus` writes them first.")
    for file in files:
        spark.read.parquet(str(file)).createOrReplaceTempView(file.stem)
    return spark


def _ask(spark: Any, sql: str) -> dict[str, Any]:
    try:
        frame = spark.sql(sql)
        types = [[field.name, field.dataType.simpleString()] for field in frame.schema.fields]
        rows = [[_plain(value) for value in row] for row in frame.collect()]
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is Spark's answer
        return {"error": str(error).strip().partition("\n")[0][:300]}
    return {"types": types, "rows": rows}


def _plain(value: Any) -> Any:  # noqa: PLR0911 -- one line a type
    if isinstance(value, float):
        return {"f": repr(value)}
    if isinstance(value, Decimal):
        return {"dec": format(value, "f")}
    if isinstance(value, dt.datetime):
        return {"ts": value.isoformat()}
    if isinstance(value, dt.date):
        return {"d": value.isoformat()}
    if isinstance(value, dt.timedelta):
        return {"td": str(value)}
    if isinstance(value, bytes | bytearray):
        return {"x": value.hex()}
    if isinstance(value, dict):
        return {"m": sorted(([_plain(key), _plain(item)] for key, item in value.items()), key=repr)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _comparable(answer: dict[str, Any]) -> Any:
    """An error's words are not an answer; the order of rows is one only with ORDER BY, which the comparison knows."""
    if "error" in answer:
        return "error"
    return answer["types"], sorted(map(repr, answer["rows"]))


if __name__ == "__main__":
    named = [Path(name) for name in sys.argv[2:]]
    main(Path(sys.argv[1]), named or sorted(CORPUS.glob("*.jsonl")))

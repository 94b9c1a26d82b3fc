"""The process that reads a table's metadata: it may take memory and time, and takes none of the server's.

python -I -m whiteroom.catalog.snapshots.child FORMAT PATH SNAPSHOT    (its answer is a JSON document)
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from whiteroom.base.documents import to_document
from whiteroom.catalog.snapshots.places import Unreadable
from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat

MEMORY_BYTES = 2 << 30
CPU_SECONDS = 60
ANSWER_BYTES = 32 << 20
"""The longest answer that the server reads about a table: some 100,000 files."""
_MOST_COLUMNS = 10_000


def main() -> None:
    """Answer with the plan of a snapshot, or with why there is none."""
    file_format, path, snapshot = sys.argv[1:4]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(_bounded(json.dumps(_answer(FileFormat(file_format), Path(path), snapshot))))


def _bounded(answer: str) -> str:
    """The answer, which is ASCII; or that it is more than the server takes in."""
    if len(answer) <= ANSWER_BYTES:
        return answer
    said = f"its files, columns and partition values take {len(answer):,} bytes to name; {ANSWER_BYTES:,} are the most"
    return json.dumps({"refused": f"{said}. Compact the table"})


def _answer(file_format: FileFormat, path: Path, snapshot: str) -> dict[str, Any]:
    try:
        table, notes = _plan(file_format, path, snapshot)
        _require_columns(table)
    except ImportError:
        return {"refused": f"reading it takes Whiteroom's extra {file_format.value!r}, which is not installed"}
    except Unreadable as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": f"its metadata take more than {MEMORY_BYTES:,} bytes of memory. Compact the table"}
    except Exception as error:  # noqa: BLE001 -- libraries raise what they like over metadata that are broken
        return {
            "refused": f"its metadata cannot be read ({type(error).__name__}): they are damaged, or in another form"
        }
    return {"table": to_document(table), "notes": notes}


def _require_columns(table: CatalogTable) -> None:
    if len(table.columns) > _MOST_COLUMNS:
        raise Unreadable(f"it has {len(table.columns):,} columns; a table has up to {_MOST_COLUMNS:,}")
    repeated = [name for name, count in Counter(column.name.lower() for column in table.columns).items() if count > 1]
    if repeated:
        raise Unreadable(f"it has two columns named '{repeated[0]}' (case does not count). Rename one")


def _plan(file_format: FileFormat, path: Path, snapshot: str) -> tuple[CatalogTable, tuple[str, ...]]:
    if file_format is FileFormat.ICEBERG:
        from whiteroom.catalog.snapshots.iceberg import plan as plan_iceberg  # noqa: PLC0415 -- an extra

        return plan_iceberg(path, snapshot)
    from whiteroom.catalog.snapshots.delta import plan as plan_delta  # noqa: PLC0415 -- an extra

    return plan_delta(path, snapshot)


if __name__ == "__main__":
    main()

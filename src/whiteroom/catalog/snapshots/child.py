"""The process that reads a table's metadata: it may take memory and time, and takes none of the server's.

python -I -m whiteroom.catalog.snapshots.child FORMAT PATH SNAPSHOT [ROOT]    (its answer is a JSON document)

A log of Delta on this machine is read by links in the working directory, to files that are held. With ROOT, the table
is there in S3. This process has no way to it: PATH is Delta's log on this machine, or the URI of Iceberg's metadata.
What it needs of these it asks for, a line each (`{"bring": [URI...]}`), and is answered with a line on its standard
input, the files that were made of them (`[PATH...]`).
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from whiteroom.base.documents import to_document
from whiteroom.catalog.snapshots.delta_logs import held_log, require_written
from whiteroom.catalog.snapshots.places import Places, TableFolder, Unreadable
from whiteroom.catalog.snapshots.stored_places import Root, TablePrefix
from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat

MEMORY_BYTES = 2 << 30
CPU_SECONDS = 60
ANSWER_BYTES = 32 << 20
"""The longest answer that the server reads about a table: some 100,000 files."""
_MOST_COLUMNS = 10_000


def main() -> None:
    """Answer with the plan of a snapshot, or with why there is none."""
    file_format, path, snapshot, *root = sys.argv[1:5]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    sys.stdout.write(_bounded(json.dumps(_answer(FileFormat(file_format), path, snapshot, *root))))


def _bounded(answer: str) -> str:
    """The answer, which is ASCII; or that it is more than the server takes in."""
    if len(answer) <= ANSWER_BYTES:
        return answer
    said = f"its files, columns and partition values take {len(answer):,} bytes to name; {ANSWER_BYTES:,} are the most"
    return json.dumps({"refused": f"{said}. Compact the table"})


def _answer(file_format: FileFormat, path: str, snapshot: str, root: str = "") -> dict[str, Any]:
    try:
        table, notes = _plan(file_format, path, snapshot, root)
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


def _plan(file_format: FileFormat, path: str, snapshot: str, root: str) -> tuple[CatalogTable, tuple[str, ...]]:
    if file_format is FileFormat.ICEBERG:
        from whiteroom.catalog.snapshots.iceberg import plan as plan_iceberg  # noqa: PLC0415 -- an extra

        return plan_iceberg(path, snapshot, _places(root) or TableFolder(Path(path).parent.parent))
    from whiteroom.catalog.snapshots.delta import plan as plan_delta  # noqa: PLC0415 -- an extra

    if places := _places(root):
        require_written(Path(path))
        return plan_delta(Path(path), snapshot, places)
    table = TableFolder(Path(path))
    with held_log(table, snapshot, Path.cwd()) as log:
        require_written(log)
        return plan_delta(log, snapshot, table)


def _places(root: str) -> Places | None:
    return TablePrefix(Root(root), _Asking()) if root else None


class _Asking:
    """Asks whoever started this process for objects of the table."""

    def __init__(self) -> None:
        self._lock = Lock()

    def __call__(self, uris: Sequence[str]) -> list[Path]:
        with self._lock:
            sys.stdout.write(f"{json.dumps({'bring': list(uris)})}\n")
            sys.stdout.flush()
            return [Path(file) for file in json.loads(sys.stdin.readline())]


if __name__ == "__main__":
    main()

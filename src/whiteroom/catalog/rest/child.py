"""The process that asks a REST catalog for a table, with the configuration of that catalog alone.

python -I -m whiteroom.catalog.rest.child CATALOG NAMESPACE TABLE    (its answer is a JSON document)
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any, Final

from whiteroom.base.documents import to_document
from whiteroom.catalog.rest.answers import AGAIN, ANSWER_BYTES, REFUSED, TABLE, RestTable
from whiteroom.catalog.snapshots.places import SNAPSHOT

MEMORY_BYTES: Final = 2 << 30
CPU_SECONDS: Final = 30


def main() -> None:
    """Answer with the table, or with why there is none."""
    catalog, namespace, table = sys.argv[1:4]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer = json.dumps(_answer(catalog, namespace, table))
    if len(answer) > ANSWER_BYTES:
        answer = json.dumps({REFUSED: f"its columns take more than {ANSWER_BYTES:,} bytes to name"})
    sys.stdout.write(answer)


def _answer(catalog: str, namespace: str, table: str) -> dict[str, Any]:
    try:
        from whiteroom.catalog.rest import asking  # noqa: PLC0415 -- an extra
    except ImportError:
        return {REFUSED: "reading it takes Whiteroom's extra 'iceberg', which is not installed"}
    try:
        location, state, columns, properties = asking.loaded(catalog, namespace, table)
    except asking.NotAnswered as error:
        return {AGAIN: str(error)}
    except asking.NoTable as error:
        return {REFUSED: str(error)}
    except Exception as error:  # noqa: BLE001 -- libraries raise what they like over answers that are broken
        # What it said may be anything, and is told to nobody.
        return {REFUSED: f"the catalog's answer cannot be read ({type(error).__name__})"}
    return {TABLE: to_document(RestTable(location, state, properties.get(SNAPSHOT, ""), columns))}


if __name__ == "__main__":
    main()

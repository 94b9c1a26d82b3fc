"""The process that asks a database for the columns of a table.

python -I -m whiteroom.databases.child    (the connection and the relation on its standard input, its answer likewise
a JSON document)
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from whiteroom.base.documents import from_document, to_document
from whiteroom.databases.asking import SECONDS, LookedAt
from whiteroom.databases.connections import Connection
from whiteroom.databases.kinds import AnyConnection, connection_in
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved
from whiteroom.databases.sources import opened
from whiteroom.domain.privacy.query_tables import Column
from whiteroom.domain.privacy.relations import Relation

MEMORY_BYTES = 512 << 20
"""What a table of 1,600 columns takes is a third of it; a database that answers without an end is given no more."""
SNOWFLAKE_MEMORY_BYTES = 2 << 30
"""Its driver reserves more than it uses, which counts."""


def main() -> None:
    """Answer with the columns, or with why there are none."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.loads(sys.stdin.buffer.read())
    relation = asked["relation"]
    connection = connection_in(asked["connection"])
    memory_bytes = MEMORY_BYTES if isinstance(connection, Connection) else SNOWFLAKE_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    answer = _answer(
        connection,
        None if relation is None else from_document(Relation, relation),
    )
    sys.stdout.write(json.dumps(answer))


def _answer(connection: AnyConnection, relation: Relation | None) -> dict[str, Any]:
    try:
        with opened(connection, SECONDS) as begun:
            if relation is None:
                return dict(to_document(LookedAt(())))
            columns = tuple(Column(column.name, column.type) for column in begun.columns(relation))
            return dict(to_document(LookedAt(columns, begun.may_write(relation))))
    except DatabaseRefused as error:
        return {"refused": str(error)}
    except (DatabaseUnreachable, TableMoved) as error:
        return {"unreachable": str(error)}


if __name__ == "__main__":
    main()

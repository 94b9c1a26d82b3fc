"""ports.Tags: the tags of resources, by ARN."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from whiteroom.store import tables
from whiteroom.store.session import Session, change, rows_of


class TableTags:
    """ports.Tags."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, arn: str) -> Mapping[str, str]:
        rows = rows_of(
            self._session,
            ("tags", "get"),
            lambda: sa.select(tables.tags.c.tags).where(tables.tags.c.arn == sa.bindparam("arn")),
            {"arn": arn},
        )
        return msgspec.json.decode(rows[0][0], type=dict[str, str]) if rows else {}

    def put(self, arn: str, tags: Mapping[str, str]) -> None:
        change(
            self._session,
            ("tags", "delete"),
            lambda: sa.delete(tables.tags).where(tables.tags.c.arn == sa.bindparam("arn")),
            {"arn": arn},
        )
        if tags:
            change(
                self._session,
                ("tags", "insert"),
                lambda: sa.insert(tables.tags).values(arn=sa.bindparam("arn"), tags=sa.bindparam("tags")),
                {"arn": arn, "tags": msgspec.json.encode(tags).decode()},
            )

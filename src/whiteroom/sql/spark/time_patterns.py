"""Signatures of functions that read and write times by patterns."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.sql.spark.arguments import Function

FUNCTIONS: Mapping[str, Function] = {
    "DATE_FORMAT": Function(2, 2, "STRING"),
    "FROM_UNIXTIME": Function(1, 2, "STRING"),
    "TO_DATE": Function(1, 2, "DATE"),
    "TO_TIMESTAMP": Function(1, 2, "TIMESTAMP"),
    "TRY_TO_TIMESTAMP": Function(1, 2, "TIMESTAMP"),
    "UNIX_TIMESTAMP": Function(0, 2, "BIGINT"),
    "TO_UNIX_TIMESTAMP": Function(1, 2, "BIGINT"),
}

"""Signatures of hashes and checksums."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.sql.spark.arguments import MANY, Function

FUNCTIONS: Mapping[str, Function] = {
    "CRC32": Function(1, 1, "BIGINT"),
    "HASH": Function(1, MANY, "INT"),
    "XXHASH64": Function(1, MANY, "BIGINT"),
}

"""Hashes and checksums of values: md5, sha, sha2, crc32, hash and xxhash64."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import data, of_data, whole
from whiteroom.engines.duckdb.spark.building import call, cast
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import number_of
from whiteroom.sql.spark.building import Rule, type_of
from whiteroom.sql.spark.hashes import FUNCTIONS


def _sha2(node: exp.Expr) -> exp.Expr:
    length = node.args.get("length")
    if length is None:
        raise Refused("sha2 takes a number of bits: sha2(x, 256).")
    width = number_of(length)
    if width in {0, 256}:
        return call("SHA256", data(node.this))
    if width in {224, 384, 512}:
        return call(f"spark_sha{width}", data(node.this))
    return call("spark_sha2", data(node.this), whole(length))


_HASHED: Mapping[exp.DType, tuple[str, Callable[[exp.Expr], exp.Expr]]] = {
    exp.DType.BOOLEAN: ("int", lambda part: cast(part, "INT")),
    exp.DType.TINYINT: ("int", lambda part: cast(part, "INT")),
    exp.DType.SMALLINT: ("int", lambda part: cast(part, "INT")),
    exp.DType.INT: ("int", lambda part: part),
    exp.DType.DATE: ("int", arguments.days),
    exp.DType.BIGINT: ("long", lambda part: part),
    exp.DType.TIMESTAMP: ("long", arguments.micros),
    exp.DType.TIMESTAMPTZ: ("long", arguments.micros),
    exp.DType.TIMESTAMPLTZ: ("long", arguments.micros),
    exp.DType.FLOAT: ("float", lambda part: part),
    exp.DType.DOUBLE: ("real", lambda part: part),
    exp.DType.TEXT: ("bytes", data),
    exp.DType.VARCHAR: ("bytes", data),
    exp.DType.BINARY: ("bytes", lambda part: part),
    exp.DType.VARBINARY: ("bytes", lambda part: part),
    exp.DType.NULL: ("int", lambda part: cast(part, "INT")),
}


_SEED: exp.Expr = exp.Literal.number(42)


def _hash(node: exp.Expr) -> exp.Expr:
    """Column after column, each seeded by the one before."""
    seed: exp.Expr = _SEED.copy()
    for kind, value in _parts("hash", node):
        seed = call(f"spark_hash_{kind}", value, seed)
    return seed


def _xxhash64(node: exp.Expr) -> exp.Expr:
    """Two columns a call, seeded by those before, as unsigned numbers; Spark's is signed."""
    seed: exp.Expr = _SEED.copy()
    parts = _parts("xxhash64", node)
    for at in range(0, len(parts), 2):
        kinds, values = zip(*parts[at : at + 2], strict=True)
        seed = call(f"spark_xxhash64_{'_'.join(kinds)}", *values, seed)
    return call("spark_wrap_bigint", cast(seed, "HUGEINT"))


def _parts(name: str, node: exp.Expr) -> list[tuple[str, exp.Expr]]:
    """Each column's kind, and it as its kind is given to a native function."""
    found = []
    for part in node.expressions:
        kind = type_of(part)
        if kind is exp.DType.DECIMAL:
            found.append(_decimal(part))
            continue
        if kind is None or kind not in _HASHED:
            raise Refused(f"{name} takes texts, numbers, booleans, dates and times here.")
        suffix, taken = _HASHED[kind]
        found.append((suffix, taken(part)))
    return found


def _decimal(part: exp.Expr) -> tuple[str, exp.Expr]:
    """By its digits: a BIGINT of up to 18, bytes beyond."""
    precision, scale = (int(each.name) for each in part.type.expressions) if part.type is not None else (38, 0)
    if precision > 18:
        return "decimal", cast(part, "TEXT")
    digits = call("REPLACE", cast(part, "TEXT"), ".", "") if scale else part
    return "long", cast(digits, "BIGINT")


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.MD5: of_data("MD5"),
    exp.SHA: of_data("SHA1"),
    exp.SHA2: _sha2,
}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "CRC32": lambda node: call("spark_crc32", data(node.expressions[0])),
        "HASH": _hash,
        "XXHASH64": _xxhash64,
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}

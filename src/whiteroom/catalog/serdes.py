"""Hive's SerDes: which format a table's files have, and how the text of a CSV is read.

What a SerDe or a table says is obeyed, is of no effect on rows (listed here), or is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whiteroom.domain.privacy.query_tables import FileFormat, Reading
from whiteroom.domain.privacy.readings import encoding_of
from whiteroom.ports.catalog import UnusableFiles

Parameters = Mapping[str, str]

PARQUET = frozenset(
    {"org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", "parquet.hive.serde.ParquetHiveSerDe"}
)
ORC = frozenset({"org.apache.hadoop.hive.ql.io.orc.OrcSerde"})
JSON = frozenset(
    {
        "org.openx.data.jsonserde.JsonSerDe",
        "org.apache.hive.hcatalog.data.JsonSerDe",
        "org.apache.hadoop.hive.serde2.JsonSerDe",
    }
)
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
LAZY_SIMPLE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"

_TEXT_INPUT = frozenset({"org.apache.hadoop.mapred.TextInputFormat", ""})
_INPUTS: Mapping[FileFormat, frozenset[str]] = {
    FileFormat.CSV: _TEXT_INPUT,
    FileFormat.JSON_LINES: _TEXT_INPUT,
    FileFormat.PARQUET: frozenset(
        {
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "parquet.hive.DeprecatedParquetInputFormat",
            "",
        }
    ),
    FileFormat.ORC: frozenset({"org.apache.hadoop.hive.ql.io.orc.OrcInputFormat", ""}),
}
"""The input formats that go with a SerDe; others (links to files, sequence files) hold other rows than the files do."""

_WITHOUT_EFFECT = frozenset(
    {
        "serialization.format",
        "path",
        "paths",
        "compression",
        "parquet.compression",
        "orc.compress",
        "collection.delim",
        "colelction.delim",
        "mapkey.delim",
        "classification",
    }
)
"""Parameters of SerDes that say nothing of rows here: of nested types, of writing, of where the files are."""
_ONLY_AS: Mapping[str, str] = {
    "case.insensitive": "true",
    "dots.in.keys": "false",
    "ignore.malformed.json": "false",
    "parquet.column.index.access": "false",
    "orc.column.index.access": "false",
    "serialization.last.column.takes.rest": "false",
    "hive.lazysimple.extended_boolean_literal": "false",
    "line.delim": "\n",
    "use.null.for.invalid.data": "false",
}
"""Parameters of SerDes with the one value that is read."""
_DEFAULT_SEPARATOR = "\x01"
_HIVES_NULL = r"\N"
_MAX_SKIPPED = 1_000


def read_as(storage: Mapping[str, Any], table: Parameters) -> tuple[FileFormat, Reading]:
    """How files are read, by Glue's StorageDescriptor and the table's parameters.

    Raises:
        UnusableFiles: it is not read here; the message names the SerDe, or the parameter.
    """
    serde: Mapping[str, Any] = storage.get("SerdeInfo") or {}
    library = str(serde.get("SerializationLibrary") or "")
    parameters: dict[str, str] = dict(serde.get("Parameters") or {})
    _require_plain(storage, table)
    file_format = _format_of(library)
    if storage.get("InputFormat", "") not in _INPUTS[file_format]:
        raise UnusableFiles(f"its input format {storage['InputFormat']} is not read here.")
    for name, only in _ONLY_AS.items():
        given = parameters.pop(name, only)
        if given.lower() != only:
            raise UnusableFiles(f"its SerDe has {name} = {given!r}, which is not read here: only {only!r} is.")
    encoding = _encoding(parameters)
    if library == OPEN_CSV:
        reading = _open_csv(parameters, table)
    elif library == LAZY_SIMPLE:
        reading = _lazy_simple(parameters, table)
    else:
        reading = Reading()
    unknown = sorted(parameters.keys() - _WITHOUT_EFFECT)
    if unknown:
        raise UnusableFiles(f"its SerDe has the parameter {unknown[0]}, which is not known here. Take it out.")
    return file_format, replace(reading, encoding=encoding)


def _encoding(parameters: dict[str, str]) -> str:
    try:
        return encoding_of(parameters.pop("serialization.encoding", ""))
    except ValueError as error:
        raise UnusableFiles(f"its SerDe has a serialization.encoding that is not read here: {error}") from None


def _format_of(library: str) -> FileFormat:
    if library in PARQUET:
        return FileFormat.PARQUET
    if library in ORC:
        return FileFormat.ORC
    if library in JSON:
        return FileFormat.JSON_LINES
    if library in {OPEN_CSV, LAZY_SIMPLE}:
        return FileFormat.CSV
    raise UnusableFiles(
        f"its SerDe {library or '(none)'} is not read here. Parquet, ORC, JSON (openx, hcatalog), OpenCSVSerde and "
        "LazySimpleSerDe are."
    )


_OTHER_TABLES: Mapping[str, tuple[frozenset[str], str]] = {
    "table_type": (frozenset({"hudi"}), "it is a table of Hudi"),
    "spark.sql.sources.provider": (frozenset({"hudi", "csv", "text"}), "it is a table of Spark's"),
    "projection.enabled": (frozenset({"true"}), "Athena's partition projection makes up its partitions"),
    "transactional": (frozenset({"true"}), "it is a transactional table of Hive"),
    "has_encrypted_data": (frozenset({"true"}), "its objects are encrypted by the client that wrote them"),
}
"""What says that the rows are not what the files hold, by the table's parameter."""


def _require_plain(storage: Mapping[str, Any], table: Parameters) -> None:
    for name, (values, words) in _OTHER_TABLES.items():
        if str(table.get(name, "")).lower() in values:
            raise UnusableFiles(f"{words} ({name} = {table[name]}), which is not read here.")
    if table.get("skip.footer.line.count", "0") not in {"", "0"}:
        raise UnusableFiles("skip.footer.line.count: lines at the end of a file are rows here. Take them out.")
    if storage.get("StoredAsSubDirectories"):
        raise UnusableFiles("it is stored as subdirectories of skewed values, which is not read here.")


def _open_csv(parameters: dict[str, str], table: Parameters) -> Reading:
    return Reading(
        delimiter=_one(parameters, "separatorChar", ","),
        quote=_one(parameters, "quoteChar", '"'),
        escape=_one(parameters, "escapeChar", "\\"),
        skip_lines=_skipped(parameters, table),
        header=False,
        empty_texts=True,
    )


def _lazy_simple(parameters: dict[str, str], table: Parameters) -> Reading:
    null = parameters.pop("serialization.null.format", table.get("serialization.null.format", _HIVES_NULL))
    separator = parameters.pop("field.delim", parameters.get("serialization.format", _DEFAULT_SEPARATOR))
    escape = parameters.pop("escape.delim", "")
    return Reading(
        delimiter=_character("field.delim", separator),
        quote="",
        escape=_character("escape.delim", escape) if escape else "",
        null_words=(null,) if null else (),
        skip_lines=_skipped(parameters, table),
        header=False,
        empty_texts=bool(null),
    )


def _skipped(parameters: dict[str, str], table: Parameters) -> int:
    written = parameters.pop("skip.header.line.count", table.get("skip.header.line.count", "0"))
    if not (written.isascii() and written.isdigit() and int(written) <= _MAX_SKIPPED):
        raise UnusableFiles(f"skip.header.line.count is {written!r}; up to {_MAX_SKIPPED:,} lines are skipped.")
    return int(written)


def _one(parameters: dict[str, str], name: str, default: str) -> str:
    value = parameters.pop(name, default)
    if len(value) != 1 or value in "\r\n\0" or not value.isascii():
        raise UnusableFiles(f"its SerDe has {name} = {value!r}; one character of ASCII is read.")
    return value


def _character(name: str, written: str) -> str:
    """As LazySimpleSerDe takes it: a number is a byte, and of all else the first character counts."""
    # Source: LazyUtils.getByte (Hive 3.1).
    code = int(written) if written.isascii() and written.isdigit() else ord(written[0]) if written else 1
    if not 1 <= code < 128 or chr(code) in "\r\n":
        raise UnusableFiles(f"its SerDe has {name} = {written!r}; one character of ASCII is read.")
    return chr(code)

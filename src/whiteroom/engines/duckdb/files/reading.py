"""Members' data files as DuckDB reads them: one dialect a table, one reading of its errors.

A row's contents never leave through an error: DuckDB's messages quote the line they stumble over,
so only the line's number and the file's name are taken from them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from whiteroom.domain.privacy.query_tables import Column, FileFormat, Reading
from whiteroom.domain.privacy.readings import date_pattern
from whiteroom.engines.duckdb.column_types import to_duckdb
from whiteroom.engines.duckdb.files.lines import first_bad_json_line
from whiteroom.engines.duckdb.files.quoting import sql_literal

_CSV_LINE = re.compile(r"\A[^\n]*?CSV Error on Line: ([0-9]+)")
_CSV_FILE = re.compile(r"^  file = (.+)$", re.MULTILINE)
_JSON_ERROR = re.compile(r"\A[^\n\"]*JSON[^\n\"]* in file \"([^\"\n]+)\"[^\n]*? in line ([0-9]+)")


def reader(
    files: Sequence[str], file_format: FileFormat, reading: Reading, columns: Iterable[Column], *, broken: bool = False
) -> str:
    """What comes after FROM: the rows of all files. Parquet has its own columns; text is read as these.

    With `broken`, rows that cannot be read are passed over: for who looks at why a table was refused.
    """
    names = "[" + ", ".join(sql_literal(file) for file in files) + "]"
    if file_format is FileFormat.PARQUET:
        by_name = ", union_by_name=true" if reading.by_name else ""
        return f"read_parquet({names}, {_folders(reading)}{by_name})"
    # Where an empty field is a text, it is none of another type: who reads it says so (is_value).
    columns = held(as_text(columns) if reading.empty_texts else columns, reading)
    typed = ", ".join(f"{sql_literal(column.name)}: {sql_literal(to_duckdb(column.type))}" for column in columns)
    common = f"auto_detect=false, {_folders(reading)}, columns={{{typed}}}{', ignore_errors=true' if broken else ''}"
    if file_format is FileFormat.CSV:
        return f"read_csv({names}, {_dialect(reading, columns)}, {common})"
    return f"read_json({names}, format='newline_delimited', records=true, {common})"


def held(columns: Iterable[Column], reading: Reading) -> list[Column]:
    """Those of a table's columns that its files hold, and no folder names."""
    return [column for column in columns if column.name not in reading.partitions]


def _folders(reading: Reading) -> str:
    named = "true, hive_types_autocast=false" if reading.partitions else "false"
    return f"hive_partitioning={named}"


def as_text(columns: Iterable[Column]) -> list[Column]:
    """The same columns as they are written, without a type."""
    return [Column(column.name, "string") for column in columns]


def is_value(text: str, reading: Reading) -> str:
    """The SQL that says whether the text of a column that has another type is a value, and no NULL."""
    return f"{text} <> ''" if reading.empty_texts else f"{text} IS NOT NULL"


def _dialect(reading: Reading, columns: Sequence[Column]) -> str:
    words = reading.null_words if reading.empty_texts and reading.null_words else ("", *reading.null_words)
    nulls = ", ".join(map(sql_literal, words))
    options = [
        f"delim={sql_literal(reading.delimiter)}, quote={sql_literal(reading.quote)}",
        f"escape={sql_literal(reading.escape if reading.quote else '')}, nullstr=[{nulls}]",
        f"header={str(reading.header).lower()}, strict_mode=true, null_padding=false",
    ]
    if reading.empty_texts and not reading.null_words:
        options.append(f"force_not_null=[{', '.join(sql_literal(column.name) for column in columns)}]")
    if reading.skip_lines:
        options.append(f"skip={reading.skip_lines}")
    if reading.date_format:
        options.append(f"dateformat={sql_literal(date_pattern(reading.date_format, times=False)[0])}")
    if reading.timestamp_format:
        options.append(f"timestampformat={sql_literal(date_pattern(reading.timestamp_format, times=True)[0])}")
    return ", ".join(options)


def find_broken_row(message: str, files: Collection[str]) -> tuple[str, int] | None:
    """File and line (from 1) of the row that DuckDB's message is about; None where it is about no row of `files`."""
    if line := _CSV_LINE.search(message):
        # The file is named after the quoted row, which may hold anything: the last mention is DuckDB's own.
        named = _CSV_FILE.findall(message)
        if named and named[-1] in files:
            return named[-1], int(line[1])
    if (error := _JSON_ERROR.search(message)) and error[1] in files:
        return error[1], first_bad_json_line(Path(error[1])) or int(error[2])
    return None


def find_broken_file(message: str, files: Collection[str]) -> str | None:
    """The file that the first line of DuckDB's message names; None where it names none of `files`."""
    first_line = message.partition("\n")[0]
    return next((file for file in files if f'"{file}"' in first_line or f"'{file}'" in first_line), None)

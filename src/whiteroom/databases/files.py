"""Rows of a database as a file of Parquet: each value exactly, or none of them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from whiteroom.domain.privacy.column_types import decimal_digits
from whiteroom.domain.privacy.query_tables import Column

_TYPES = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""0001-01-01 and 9999-12-31. Databases have others, and infinity."""
_DAY_MICROSECONDS = 86_400_000_000


class Misfit(Exception):
    """A value is none of its column's type. The message names the column, and not the value."""


class TooManyBytes(Exception):
    """There is more than may be written."""


def write_rows(batches: Iterable[Any], columns: Sequence[Column], file: Path, most_bytes: int) -> int:
    """Write batches of Arrow, whose columns are these in their order; how many bytes that took.

    Raises:
        Misfit: a value is none of its column's type.
        TooManyBytes: they take more than `most_bytes`.
        OSError: the disk is full.
    """
    schema = pa.schema([(column.name, _arrow_type(column.type)) for column in columns])
    with file.open("xb") as stream, _Bounded(stream, most_bytes) as bounded:
        with parquet.ParquetWriter(bounded, schema) as writer:
            for batch in batches:
                if batch.num_columns != len(columns):
                    raise Misfit(f"{batch.num_columns:,} columns come, and the catalog has {len(columns):,}")
                arrays = [_converted(array, column) for array, column in zip(batch.columns, columns, strict=True)]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
        return bounded.written


def _arrow_type(spark_type: str) -> Any:
    digits = decimal_digits(spark_type)
    return _TYPES[spark_type] if digits is None else pa.decimal128(*digits)


def _converted(array: Any, column: Column) -> Any:
    target = _arrow_type(column.type)
    try:
        array.validate(full=True)
        if pa.types.is_timestamp(target) and pa.types.is_timestamp(array.type):
            array = array.cast(pa.timestamp("us", tz=array.type.tz)).cast(target)
        elif (pa.types.is_decimal(target) and pa.types.is_string(array.type)) or (
            pa.types.is_integer(target) and pa.types.is_decimal(array.type)
        ):
            array = array.cast(target)
        if array.type != target:
            raise Misfit(f"column '{column.name}' comes as {array.type}, and is {column.type} in the catalog")
    except pa.ArrowInvalid:
        raise Misfit(f"column '{column.name}' has a value that is no {column.type}") from None
    _require_years(array, column)
    return array


def _require_years(array: Any, column: Column) -> None:
    """Whether days and times are of the years that Spark can write."""
    if column.type == "date":
        numbers, first, last = array.view(pa.int32()), _FIRST_DAY, _LAST_DAY
    elif column.type == "timestamp":
        numbers = array.view(pa.int64())
        first, last = _FIRST_DAY * _DAY_MICROSECONDS, (_LAST_DAY + 1) * _DAY_MICROSECONDS - 1
    else:
        return
    found = pc.min_max(numbers).as_py()
    if found["min"] is not None and not first <= found["min"] <= found["max"] <= last:
        raise Misfit(
            f"column '{column.name}' has values of type {column.type} that are infinite, or of no year from 1 to 9999"
        )


class _Bounded(io.RawIOBase):
    """A file that takes so many bytes."""

    def __init__(self, stream: io.BufferedWriter, most_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = most_bytes
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.written += size
        if self.written > self._most_bytes:
            raise TooManyBytes
        self._stream.write(data)
        return size

    def tell(self) -> int:
        return self.written

    def flush(self) -> None:
        if not self._stream.closed:
            self._stream.flush()

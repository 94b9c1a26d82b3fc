from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from support.lakes import SERDES
from whiteroom.catalog.serdes import read_as
from whiteroom.domain.privacy.query_tables import FileFormat, Reading
from whiteroom.ports.catalog import UnusableFiles


def storage(kind: str, parameters: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    library, input_format = SERDES[kind]
    serde = {"SerializationLibrary": library, "Parameters": dict(parameters or {})}
    return {"InputFormat": input_format, "SerdeInfo": serde, **more}


def test_a_serde_says_the_format() -> None:
    found = {kind: read_as(storage(kind), {})[0] for kind in SERDES}
    assert found == {
        "csv": FileFormat.CSV,
        "delimited": FileFormat.CSV,
        "json": FileFormat.JSON_LINES,
        "parquet": FileFormat.PARQUET,
        "orc": FileFormat.ORC,
    }


def test_open_csv_has_hives_defaults_and_what_is_said() -> None:
    assert read_as(storage("csv"), {})[1] == Reading(",", '"', "\\", header=False, empty_texts=True)
    said = storage("csv", {"separatorChar": "|", "quoteChar": "'", "escapeChar": "^"})
    assert read_as(said, {"skip.header.line.count": "2"})[1] == Reading(
        "|", "'", "^", skip_lines=2, header=False, empty_texts=True
    )


HIVES = Reading("\x01", "", "", (r"\N",), header=False, empty_texts=True)
DELIMITED: tuple[tuple[Mapping[str, str], Reading], ...] = (
    ({}, HIVES),
    ({"field.delim": ","}, replace(HIVES, delimiter=",")),
    ({"serialization.format": "9"}, replace(HIVES, delimiter="\t")),
    ({"field.delim": ";", "serialization.format": ";"}, replace(HIVES, delimiter=";")),
    ({"serialization.null.format": "NA"}, replace(HIVES, null_words=("NA",))),
    ({"serialization.null.format": ""}, replace(HIVES, null_words=(), empty_texts=False)),
    ({"serialization.encoding": "Windows-1252"}, replace(HIVES, encoding="windows-1252")),
)


@pytest.mark.parametrize(("parameters", "reading"), DELIMITED)
def test_lazy_simple_has_hives_defaults_and_what_is_said(parameters: Mapping[str, str], reading: Reading) -> None:
    assert read_as(storage("delimited", parameters), {})[1] == reading


SYMLINKS = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
REFUSED: tuple[tuple[Mapping[str, Any], Mapping[str, str], str], ...] = (
    ({"SerdeInfo": {"SerializationLibrary": "org.example.AvroSerDe"}}, {}, r"org\.example\.AvroSerDe"),
    ({}, {}, r"\(none\)"),
    (storage("csv") | {"InputFormat": SYMLINKS}, {}, "SymlinkTextInputFormat"),
    (storage("csv", {"separatorChar": "||"}), {}, "separatorChar"),
    (storage("csv", {"surprise": "1"}), {}, "surprise"),
    (storage("csv"), {"skip.header.line.count": "-1"}, r"skip\.header\.line\.count"),
    (storage("csv"), {"skip.footer.line.count": "1"}, r"skip\.footer\.line\.count"),
    (storage("delimited", {"line.delim": "|"}), {}, r"line\.delim"),
    (storage("delimited", {"serialization.encoding": "ebcdic"}), {}, r"serialization\.encoding"),
    (storage("delimited", {"timestamp.formats": "millis"}), {}, r"timestamp\.formats"),
    (storage("json", {"ignore.malformed.json": "true"}), {}, r"ignore\.malformed\.json"),
    (storage("json", {"mapping.a": "b"}), {}, r"mapping\.a"),
    (storage("parquet", {"parquet.column.index.access": "true"}), {}, r"parquet\.column\.index\.access"),
    (storage("parquet"), {"table_type": "HUDI"}, "Hudi"),
    (storage("parquet"), {"spark.sql.sources.provider": "hudi"}, "hudi"),
    (storage("parquet"), {"projection.enabled": "true"}, "projection"),
    (storage("parquet", StoredAsSubDirectories=True), {}, "subdirectories"),
)


@pytest.mark.parametrize(("found", "table", "named"), REFUSED)
def test_what_is_not_read_is_refused_by_its_name(
    found: Mapping[str, Any], table: Mapping[str, str], named: str
) -> None:
    with pytest.raises(UnusableFiles, match=named):
        read_as(found, table)


def test_parameters_that_say_nothing_of_rows_are_passed_over() -> None:
    plain = {"serialization.format": "1", "paths": "a,b", "path": "s3://x/y", "mapkey.delim": ":"}
    assert read_as(storage("json", plain), {"classification": "json"}) == (FileFormat.JSON_LINES, Reading())

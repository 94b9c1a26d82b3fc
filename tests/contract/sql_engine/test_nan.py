"""A Parquet file whose statistics leave NaN out, as Arrow writes them: what a query says of NaN is true still."""

from __future__ import annotations

import base64

import pytest

from contract.sql_engine.conftest import EngineFolder
from whiteroom.domain.privacy.query_tables import FileFormat

ARROW = (
    "UEFSMRUAFSwVLCwVBBUAFQYVBhwYCAIAAAAAAAAAGAgBAAAAAAAAABYAKAgCAAAAAAAAABgIAQAAAAAAAAAREQAAAAIAAAAEAQEAAAAAAAAAAgAAAAAA"
    "AAAVABUsFSwsFQQVABUGFQYcGAgAAAAAAADwPxgIAAAAAAAA8D8WACgIAAAAAAAA8D8YCAAAAAAAAPA/EREAAAACAAAABAEAAAAAAADwPwAAAAAAAPh/"
    "FQQZPDUAGAZzY2hlbWEVBAAVBCUCGAJpZAAVCiUCGAFkABYEGRwZLCYAHBUEGSUGABkYAmlkFQAWBBaqARaqASYIPBgIAgAAAAAAAAAYCAEAAAAAAAAA"
    "FgAoCAIAAAAAAAAAGAgBAAAAAAAAABERABkcFQAVABUCADwpBhkmAAQAAAAmABwVChklBgAZGAFkFQAWBBaqARaqASayATwYCAAAAAAAAPA/GAgAAAAA"
    "AADwPxYAKAgAAAAAAADwPxgIAAAAAAAA8D8REQAZHBUAFQAVAgA8KQYZJgAEAAAAFtQCFgQmCBbUAgAoIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24g"
    "MjYuMC4xGSwcAAAcAAAAFAEAAFBBUjE="
)
"""id 1 with d 1.0, id 2 with d NaN; the least and the greatest d are both 1.0 by the file's own account."""


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT MAX(d) AS r FROM numbers", ["nan"]),
        ("SELECT COUNT(*) AS r FROM numbers WHERE d > 5", ["1"]),
        ("SELECT COUNT(*) AS r FROM numbers WHERE isnan(d)", ["1"]),
        ("SELECT id AS r FROM numbers WHERE d = CAST('NaN' AS DOUBLE)", ["2"]),
        ("SELECT d = CAST('NaN' AS DOUBLE) AS r FROM numbers", ["false", "true"]),
    ],
)
def test_nan_is_found_whatever_the_statistics_of_the_file_say(folder: EngineFolder, sql: str, rows: list[str]) -> None:
    file = folder.write("numbers.parquet", base64.b64decode(ARROW))
    folder.add("numbers", [file], {"id": "bigint", "d": "double"}, FileFormat.PARQUET)
    assert [line.lower() for line in folder.text(sql).splitlines()[1:]] == rows

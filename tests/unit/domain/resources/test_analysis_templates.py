from __future__ import annotations

from typing import Any

import pytest

from support.effort import effort_under
from whiteroom.domain.resources.analysis_templates import placeholders, tables_named, template_fits
from whiteroom.domain.verdicts import Denied


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT 1", ()),
        ("SELECT * FROM t WHERE a > :low AND a < :high", ("low", "high")),
        ("SELECT :a, :a, :b", ("a", "b")),
        ("SELECT CAST(x AS INT), y::date FROM t WHERE z = :z", ("z",)),
        ("SELECT ':no', \":no\", `:no`, :yes", ("yes",)),
        ("SELECT 'it''s :no', :yes", ("yes",)),
        (r"SELECT 'it\'s :no', :yes", ("yes",)),
        ("SELECT 1 -- :no\n, :yes", ("yes",)),
        ("SELECT 1 /* :no * / */ , :yes", ("yes",)),
        ("SELECT 'left open :no", ()),
        ("SELECT 1 /* left open :no", ()),
        ("SELECT `left open :no", ()),
        ("SELECT 1 : 2", ()),
        (":1st", ("1st",)),
        ("", ()),
    ],
)
def test_parameters_are_found_outside_of_strings_names_and_comments(text: str, names: tuple[str, ...]) -> None:
    assert placeholders(text) == names


@pytest.mark.parametrize("piece", ["'", '"', "`", "'\\", "/*", "/* *", "--", ":", "::", ":a", "\\'", "''", "'\n", "/"])
def test_the_longest_hostile_text_is_read_in_a_moment(piece: str) -> None:
    text = piece * (500_000 // len(piece))
    with effort_under(5):  # AWS's longest text is 500,000 characters
        placeholders(text)


def test_tables_are_found_by_their_names_in_any_case() -> None:
    text = "SELECT f.age FROM `Patients` f JOIN visits v ON f.id = v.id WHERE note = 'stock' -- orders"
    names = ("patients", "Visits", "stock", "orders", "ag", "id2")
    assert tables_named(text, names) == ("patients", "Visits")


A = {"name": "a", "type": "INT"}


@pytest.mark.parametrize(
    ("template_format", "source", "parameters", "word"),
    [
        ("SQL", {"text": "SELECT 1"}, [], None),
        ("SQL", {"text": "SELECT :a"}, [A], None),
        ("PYSPARK_1_0", {"text": "print()"}, [], "PYSPARK_1_0"),
        ("PYSPARK_2_0", {"artifacts": {}}, [], "PYSPARK_2_0"),
        ("SQL", {"artifacts": {}}, [], "source.text"),
        ("SQL", {"text": " \n"}, [], "source.text"),
        ("SQL", {"text": "SELECT :a"}, [], ":a"),
        ("SQL", {"text": "SELECT :A"}, [A], ":A"),
        ("SQL", {"text": "SELECT 1"}, [A], ":a"),
        ("SQL", {"text": "SELECT ':a'"}, [A], ":a"),
        ("SQL", {"text": "SELECT :a"}, [A, A], "more than once"),
    ],
)
def test_a_template_is_sql_whose_text_and_parameters_agree(
    template_format: str, source: dict[str, Any], parameters: list[dict[str, Any]], word: str | None
) -> None:
    verdict = template_fits(template_format, source, parameters)
    if word is None:
        assert verdict
    else:
        assert isinstance(verdict, Denied)
        assert word in verdict.reason


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELECT * FROM Patients", ("patients",)),
        ("SELECT * FROM `patients` JOIN lab_results", ("patients", "lab_results")),
        ("SELECT * FROM patients2, old_patients, :patients", ()),
        ("SELECT 'patients' -- patients", ()),
        ('SELECT "patients" /* patients */', ()),
        ("SELECT * FROM `my table`", ("my table",)),
        ("SELECT * FROM K\N{KELVIN SIGN}", ()),
        ("SELECT 'it\\'s patients'", ()),
        ("SELECT `patients", ("patients",)),
    ],
)
def test_tables_are_named_by_whole_words_and_quoted_names(text: str, named: tuple[str, ...]) -> None:
    assert tables_named(text, ["patients", "lab_results", "my table", "KK"]) == named


@pytest.mark.parametrize("part", ["a ", "patients ", "''", "'", "/*", "`", "--\n", "'\\", ":", "patient"])
def test_a_text_of_half_a_million_characters_is_read_once(part: str) -> None:
    with effort_under(2):
        tables_named(part * (500_000 // len(part)), ["patients", "visits"])

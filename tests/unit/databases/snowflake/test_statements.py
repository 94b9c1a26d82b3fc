from __future__ import annotations

from whiteroom.databases.snowflake.statements import describing, selecting, using
from whiteroom.domain.privacy.relations import Relation

PATIENTS = Relation("clinic", "wa.rd", 'pat"ients', account="acme", database="Lake; DROP")


def test_names_are_quoted_exactly_and_nothing_else_stands_in_a_statement() -> None:
    place = '"Lake; DROP"."wa.rd"."pat""ients"'
    assert using(PATIENTS) == 'USE DATABASE "Lake; DROP"'
    assert describing(PATIENTS) == f"DESCRIBE TABLE {place}"
    assert selecting(PATIENTS, ['"ID"'], ["id"]) == f'SELECT "ID" AS "id" FROM {place}'
    assert selecting(PATIENTS, (), ()) == f"SELECT TRUE AS nothing FROM {place}"

"""`whiteroom connections`, and tables of databases in `whiteroom catalog`, over a real PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from support.command import Answer, CommandLine
from support.postgresql import PASSWORD, READER, Database, PostgreSql

ALICE = "111111111111"
OF_ALICE = ("--account", ALICE)


@pytest.fixture(scope="module")
def database(postgresql: PostgreSql) -> Database:
    made = postgresql.database()
    made.table("visits", "id bigint, cost numeric, many int[]", "(1, 2.5, '{1}')")
    made.run(f"GRANT UPDATE ON visits TO {READER}")
    return made


Connect = Callable[..., Answer]


@pytest.fixture
def connect(cli: CommandLine, database: Database, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Has the operator make the connection `clinic`."""
    cli("accounts", "add", ALICE)

    def connect(*options: str, url: str = "", password: str = PASSWORD, name: str = "clinic") -> Answer:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        return cli("connections", "add", name, url or database.url(), *OF_ALICE, *options)

    return connect


def test_a_connection_is_made_listed_and_forgotten_and_its_password_is_never_shown(
    cli: CommandLine, connect: Connect, database: Database
) -> None:
    added = connect("--json")
    assert added.code == 0, added.err
    listed = cli("connections", "list", "--json")
    row = {
        "accountId": ALICE,
        "name": "clinic",
        "database": f"postgresql://{READER}@127.0.0.1:{database.server.port}/{database.name}",
        "sslmode": "disable",
    }
    assert added.json == row
    assert listed.json == [row]
    seen = added.out + added.err + listed.out + cli("connections", "list").out
    assert PASSWORD not in seen
    files = [file.read_bytes() for file in cli.data.rglob("*") if file.is_file()]
    assert not [text for text in files if PASSWORD.encode() in text or READER.encode() in text]
    removed = cli("connections", "remove", "clinic", *OF_ALICE, "--json").json
    assert removed == {"accountId": ALICE, "name": "clinic", "removed": True}
    assert cli("connections", "list", "--json").json == []
    assert "has no connection 'clinic'" in cli("connections", "remove", "clinic", *OF_ALICE).err


def test_doctor_tells_of_each_connection_whether_the_database_lets_the_server_in(
    cli: CommandLine, connect: Connect, database: Database
) -> None:
    assert connect().code == 0
    assert connect(name="second").code == 0

    def told() -> list[tuple[bool, str]]:
        findings = cli("doctor", "--json").json["findings"]
        return [(one["ok"], one["detail"]) for one in findings if one["name"] == "connection"]

    assert [ok for ok, _ in told()] == [True, True]
    database.run(f"ALTER ROLE {READER} NOLOGIN")
    try:
        refused = told()
    finally:
        database.run(f"ALTER ROLE {READER} LOGIN")
    assert [ok for ok, _ in refused] == [False, False]
    for (_, detail), name in zip(refused, ("clinic", "second"), strict=True):
        assert f"{name} of account {ALICE}" in detail
        assert "not permitted to log in" in detail
        assert PASSWORD not in detail


def test_a_connection_that_the_database_does_not_let_in_is_not_kept(cli: CommandLine, connect: Connect) -> None:
    refused = connect(password="another")
    assert refused.code == 1
    assert "Nothing was kept" in refused.err
    assert "password authentication failed" in refused.err
    assert cli("connections", "list", "--json").json == []


@pytest.mark.parametrize(
    ("url", "name", "told"),
    [
        ("postgresql://u:hunter2@127.0.0.1/x", "clinic", "has a password in it"),
        ("mysql://u@127.0.0.1/x", "clinic", "is not written as postgresql://"),
        ("postgresql://u@127.0.0.1/x", "Clinic 1", "is no name of a connection"),
    ],
)
def test_what_is_no_connection_is_refused_before_anything_is_asked(
    connect: Connect, url: str, name: str, told: str
) -> None:
    refused = connect(url=url, name=name)
    assert refused.code == 1
    assert told in refused.err
    assert "hunter2" not in refused.err


def test_a_table_of_a_database_is_added_shown_and_checked(cli: CommandLine, connect: Connect) -> None:
    connect()
    add = ("catalog", "add", "hospital.visits", "public.visits", *OF_ALICE, "--connection", "clinic")
    preview = cli(*add, "--preview")
    assert "Nothing was added" in preview.err
    assert cli("catalog", "list", "--json").json == []
    added = cli(*add, "--type", "cost=decimal(10,2)")
    assert added.out == f"hospital.visits of account {ALICE}: public.visits of PostgreSQL, 3 columns.\n"
    assert "Column 'many' is integer[] of PostgreSQL, which no query can read" in added.err
    assert "may write to public.visits" in added.err
    shown = cli("catalog", "show", "hospital.visits", *OF_ALICE, "--json").json
    assert (shown["format"], shown["files"], shown["sources"]) == ("postgresql", [], ["clinic:public.visits"])
    assert shown["columns"][1] == {"name": "cost", "type": "decimal(10,2)"}
    assert "public.visits of the connection clinic" in cli("catalog", "show", "hospital.visits", *OF_ALICE).out
    assert "clinic:public.visits" in cli("catalog", "list").out
    assert cli("catalog", "check").out == f"hospital.visits of account {ALICE}: as it was.\n"
    assert "hospital.visits needs it" in cli("connections", "remove", "clinic", *OF_ALICE).err
    assert cli("catalog", "remove", "hospital.visits", *OF_ALICE).code == 0
    assert cli("connections", "remove", "clinic", *OF_ALICE).code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("visits", "--connection", "clinic"), "write SCHEMA.TABLE"),
        (("public.visits", "public.more", "--connection", "clinic"), "write SCHEMA.TABLE"),
        (("public.visits", "--connection", "other"), "has no connection 'other'"),
        (("public.nothing", "--connection", "clinic"), "has no table or view public.nothing"),
        (("public.visits", "--connection", "clinic", "--null", "x"), "is said of files"),
        (("public.visits", "--connection", "clinic", "--type", "id=string"), "a type is chosen for numeric alone"),
    ],
)
def test_what_is_no_table_of_a_database_is_refused(
    cli: CommandLine, connect: Connect, words: tuple[str, ...], told: str
) -> None:
    connect()
    refused = cli("catalog", "add", "hospital.visits", *words, *OF_ALICE)
    assert refused.code == 1
    assert told in refused.err
    assert cli("catalog", "list", "--json").json == []

"""`whiteroom connections` to Snowflake, and what `whiteroom doctor` says of it."""

from __future__ import annotations

import importlib.util
import io

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from support.command import Answer, CommandLine
from support.snowflake import PASSWORD, Snowflake
from whiteroom.cli.connections_kept import connections_of
from whiteroom.cli.folder import settings_of
from whiteroom.cli.snowflake import about_snowflake
from whiteroom.databases.snowflake.connections import SnowflakeConnection

ALICE = "111111111111"
OF_ALICE = ("--account", ALICE)
URL = "snowflake://reader@acme-clinic"


@pytest.fixture(autouse=True)
def on(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("accounts", "add", ALICE)
    monkeypatch.setenv("WHITEROOM_SNOWFLAKE", "true")


def add(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, url: str, secret: str = PASSWORD, name: str = "prod/clinic"
) -> Answer:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{secret}\n"))
    return cli("connections", "add", name, url, *OF_ALICE)


def test_a_connection_is_refused_where_snowflake_is_not_switched_on(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WHITEROOM_SNOWFLAKE")
    refused = add(cli, monkeypatch, URL)
    assert refused.code == 1
    assert "`snowflake = true`" in refused.err
    assert cli("connections", "list", "--json").json == []


def test_what_is_no_connection_is_refused_before_anything_is_asked(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = add(cli, monkeypatch, "snowflake://u:hunter2@acme")
    assert refused.code == 1
    assert "has a password in it" in refused.err
    assert "hunter2" not in refused.err


def test_a_connection_is_tried_kept_sealed_and_listed_without_its_secret(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, snowflake: Snowflake
) -> None:
    added = add(cli, monkeypatch, snowflake.url())
    assert added.code == 0, added.err
    listed = cli("connections", "list", "--json")
    assert listed.json == [
        {"accountId": ALICE, "name": "prod/clinic", "database": URL, "sslmode": "disable"},
    ]
    files = [file.read_bytes() for file in cli.data.rglob("*") if file.is_file()]
    assert not [text for text in files if PASSWORD.encode() in text]
    refused = cli("catalog", "add", "hospital.visits", "WARD.VISITS", *OF_ALICE, "--connection", "prod/clinic")
    assert "leads to Snowflake, whose tables are in no catalog" in refused.err
    assert cli("connections", "remove", "prod/clinic", *OF_ALICE).code == 0


def test_all_lines_of_a_private_key_are_read(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, snowflake: Snowflake
) -> None:
    pem = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    added = add(cli, monkeypatch, snowflake.url(), pem)
    assert added.code == 0, added.err
    kept = connections_of(settings_of(cli.data))(ALICE, "prod/clinic")
    assert isinstance(kept, SnowflakeConnection)
    assert (kept.private_key.strip(), kept.password) == (pem.strip(), "")


def test_doctor_says_that_it_is_unproven_and_names_what_is_missing(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    (finding,) = about_snowflake(settings_of(cli.data))
    assert "UNPROVEN" in finding.detail
    assert "whiteroom[snowflake]" in finding.remedy
    monkeypatch.delenv("WHITEROOM_SNOWFLAKE")
    assert list(about_snowflake(settings_of(cli.data))) == []


def test_doctor_asks_no_account_there_once_it_is_switched_off(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, snowflake: Snowflake
) -> None:
    assert add(cli, monkeypatch, snowflake.url()).code == 0

    def told() -> list[str]:
        findings = cli("doctor", "--json").json["findings"]
        return [one["detail"] for one in findings if one["name"] == "connection"]

    assert told() == [f"prod/clinic of account {ALICE}: {URL} lets the server in."]
    monkeypatch.delenv("WHITEROOM_SNOWFLAKE")
    assert told() == [f"prod/clinic of account {ALICE}: {URL} was not asked, as Snowflake is switched off."]

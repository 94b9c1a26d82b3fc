from __future__ import annotations

import configparser
import os
import re
import stat
from pathlib import Path

import botocore.session
import pytest

from support.command import CommandLine
from support.fake_data import MemoryCatalog
from support.worlds.requests import collaboration_request
from support.worlds.servers import a_server
from whiteroom.store.sqlite import SqliteStore

ALICE = "111111111111"


def test_an_account_gets_a_key_and_a_profile_that_an_aws_client_reads(cli: CommandLine) -> None:
    answer = cli("accounts", "add", ALICE, "--name", "North Hospital")
    assert answer.code == 0
    profile = configparser.ConfigParser()
    profile.read_string(answer.out)
    values = profile[f"profile whiteroom-{ALICE}"]
    assert re.fullmatch("[A-Z0-9]{20}", values["aws_access_key_id"])
    assert re.fullmatch("[A-Za-z0-9_-]{40}", values["aws_secret_access_key"])
    assert values["region"] == "us-east-1"
    assert values["endpoint_url"] == "http://127.0.0.1:8080"


def test_the_profile_names_the_address_in_the_settings(cli: CommandLine) -> None:
    cli.data.mkdir()
    (cli.data / "whiteroom.toml").write_text('host = "::1"\nport = 9000\nregion = "eu-west-1"\n')
    key = cli("accounts", "add", ALICE, "--json").json
    assert (key["endpointUrl"], key["region"]) == ("http://[::1]:9000", "eu-west-1")


def test_the_profile_names_the_public_address_whatever_the_server_listens_at(cli: CommandLine) -> None:
    cli.data.mkdir()
    (cli.data / "whiteroom.toml").write_text('public_url = "https://room.example.org"\nport = 9000\n')
    assert cli("accounts", "add", ALICE, "--json").json["endpointUrl"] == "https://room.example.org"
    assert "s3EndpointUrl" not in cli("accounts", "rotate", ALICE, "--json").json


@pytest.mark.parametrize(
    ("public", "url"), [("", "http://127.0.0.1:9001"), ("https://s3.example.org", "https://s3.example.org")]
)
def test_the_profile_leads_boto3_to_the_s3_beside_the_server(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, public: str, url: str
) -> None:
    cli.data.mkdir()
    (cli.data / "whiteroom.toml").write_text(f's3_port = 9001\ns3_public_url = "{public}"\n')
    (tmp_path / "config").write_text(cli("accounts", "add", ALICE).out)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    session = botocore.session.Session(profile=f"whiteroom-{ALICE}")
    assert session.create_client("s3").meta.endpoint_url == url
    assert session.create_client("cleanrooms").meta.endpoint_url == "http://127.0.0.1:8080"
    assert cli("accounts", "rotate", ALICE, "--json").json["s3EndpointUrl"] == url


def test_the_first_account_makes_the_data_folder_for_its_owner_alone(cli: CommandLine) -> None:
    cli("accounts", "add", ALICE)
    assert stat.S_IMODE(cli.data.stat().st_mode) == 0o700


def test_accounts_are_listed_with_the_keys_that_sign(cli: CommandLine) -> None:
    made = cli("accounts", "add", ALICE, "--name", "North", "--json").json
    rows = cli("accounts", "list", "--json").json
    assert [(row["accountId"], row["name"], row["accessKeyIds"]) for row in rows] == [
        (ALICE, "North", [made["accessKeyId"]])
    ]
    table = cli("accounts", "list").out
    assert made["accessKeyId"] in table
    assert made["secretAccessKey"] not in table


def test_a_list_without_accounts_says_how_to_make_one(cli: CommandLine) -> None:
    cli.data.mkdir()
    (cli.data / "whiteroom.toml").touch()
    answer = cli("accounts", "list")
    assert (answer.code, answer.out) == (0, "")
    assert "accounts add" in answer.err


def test_a_rotated_account_has_a_new_key_and_no_other(cli: CommandLine) -> None:
    old = cli("accounts", "add", ALICE, "--json").json
    new = cli("accounts", "rotate", ALICE, "--json").json
    assert new["secretAccessKey"] != old["secretAccessKey"]
    assert cli("accounts", "list", "--json").json[0]["accessKeyIds"] == [new["accessKeyId"]]


def test_an_account_is_added_once(cli: CommandLine) -> None:
    cli("accounts", "add", ALICE)
    answer = cli("accounts", "add", ALICE)
    assert answer.code == 1
    assert "rotate" in answer.err


@pytest.mark.parametrize("account", ["1", "1111111111111", "11111111111a", "\u0661" * 12, ""])
@pytest.mark.parametrize("verb", ["add", "rotate", "disable", "enable", "remove"])
def test_an_account_is_twelve_digits(cli: CommandLine, verb: str, account: str) -> None:
    answer = cli("accounts", verb, account)
    assert answer.code == 1
    assert "twelve digits" in answer.err
    assert not cli.data.exists()


@pytest.mark.parametrize("verb", ["rotate", "disable", "enable", "remove"])
def test_an_account_that_is_not_there_cannot_be_changed(cli: CommandLine, verb: str) -> None:
    cli("accounts", "add", ALICE)
    answer = cli("accounts", verb, "222222222222")
    assert answer.code == 1
    assert "accounts add 222222222222" in answer.err


def test_a_new_account_has_one_user_who_is_its_administrator(cli: CommandLine) -> None:
    made = cli("accounts", "add", ALICE, "--json").json
    assert (made["user"], made["role"]) == ("admin", "administrator")
    (user,) = cli("users", "list", "--json").json
    assert (user["user"], user["role"], user["accessKeyIds"]) == ("admin", "administrator", [made["accessKeyId"]])


def test_rotating_leaves_the_keys_of_other_users_alone(cli: CommandLine) -> None:
    cli("accounts", "add", ALICE)
    other = cli("users", "add", "--account", ALICE, "zoe", "--role", "analyst", "--json").json
    new = cli("accounts", "rotate", ALICE, "--json").json
    assert cli("accounts", "list", "--json").json[0]["accessKeyIds"] == [new["accessKeyId"], other["accessKeyId"]]


def test_a_disabled_account_is_listed_as_such_until_it_is_enabled(cli: CommandLine) -> None:
    cli("accounts", "add", ALICE)
    assert "accounts enable" in cli("accounts", "disable", ALICE).out
    assert cli("accounts", "list", "--json").json[0]["status"] == "DISABLED"
    cli("accounts", "enable", ALICE)
    assert cli("accounts", "list", "--json").json[0]["status"] == "ENABLED"


def test_a_removed_account_is_gone_with_its_users_and_keys_and_may_be_added_anew(cli: CommandLine) -> None:
    old = cli("accounts", "add", ALICE, "--json").json
    cli("users", "add", "--account", ALICE, "zoe", "--role", "analyst")
    assert cli("accounts", "remove", ALICE).code == 0
    for noun in ("accounts", "users", "keys"):
        assert cli(noun, "list", "--json").json == []
    assert cli("accounts", "add", ALICE, "--json").json["accessKeyId"] != old["accessKeyId"]


def test_an_account_that_still_holds_something_is_not_removed_and_is_told_what(
    cli: CommandLine, tmp_path: Path
) -> None:
    cli("accounts", "add", ALICE)
    (tmp_path / "visits.csv").write_text("age\n1\n")
    assert cli("catalog", "add", "hospital.visits", str(tmp_path / "visits.csv"), "--account", ALICE).code == 0
    server = a_server(SqliteStore(cli.data / "whiteroom.db"), MemoryCatalog())
    collaboration = server.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request())["collaboration"]["id"]
    answer = cli("accounts", "remove", ALICE)
    assert answer.code == 1
    assert "1 collaboration (DeleteCollaboration), 1 table in the catalog (whiteroom catalog remove)" in answer.err
    assert len(cli("accounts", "list", "--json").json) == 1
    server.cleanrooms(ALICE, "DeleteCollaboration", collaborationIdentifier=collaboration)
    cli("catalog", "remove", "hospital.visits", "--account", ALICE)
    assert cli("accounts", "remove", ALICE).code == 0


def test_a_name_cannot_write_to_the_terminal(cli: CommandLine) -> None:
    cli("accounts", "add", ALICE, "--name", "\x1b[2J[red]North[/red]\r\n")
    table = cli("accounts", "list").out
    assert "\x1b" not in table
    assert "[red]North[/red]" in table

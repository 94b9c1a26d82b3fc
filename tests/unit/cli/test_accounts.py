from __future__ import annotations

import configparser
import re
import stat

import pytest

from support.command import CommandLine

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
@pytest.mark.parametrize("verb", ["add", "rotate"])
def test_an_account_is_twelve_digits(cli: CommandLine, verb: str, account: str) -> None:
    answer = cli("accounts", verb, account)
    assert answer.code == 1
    assert "twelve digits" in answer.err
    assert not cli.data.exists()


def test_an_account_that_is_not_there_cannot_be_rotated(cli: CommandLine) -> None:
    cli("accounts", "add", ALICE)
    answer = cli("accounts", "rotate", "222222222222")
    assert answer.code == 1
    assert "accounts add 222222222222" in answer.err


def test_a_name_cannot_write_to_the_terminal(cli: CommandLine) -> None:
    cli("accounts", "add", ALICE, "--name", "\x1b[2J[red]North[/red]\r\n")
    table = cli("accounts", "list").out
    assert "\x1b" not in table
    assert "[red]North[/red]" in table

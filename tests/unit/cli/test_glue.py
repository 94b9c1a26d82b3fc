"""What the command line says of AWS Glue."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import CommandLine

ACCOUNT = "111111111111"


@pytest.fixture
def aws(moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The AWS configuration of the server's user; a test may change it."""
    config = tmp_path / "aws"
    config.write_text(
        f"[default]\naws_access_key_id = AKIASERVER\naws_secret_access_key = s\nendpoint_url = {moto}\n"
        f"[profile hospital]\naws_access_key_id = AKIAHOSPITAL\naws_secret_access_key = s\nendpoint_url = {moto}\n"
    )
    for name, value in {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "WHITEROOM_CATALOG": "glue",
        "WHITEROOM_ACCOUNT_PROFILES": f"{ACCOUNT}=hospital",
    }.items():
        monkeypatch.setenv(name, value)
    return config


def findings(cli: CommandLine) -> list[tuple[bool, str]]:
    found = cli("doctor", "--json").json["findings"]
    return [(one["ok"], one["detail"]) for one in found if one["name"] == "Glue"]


def test_doctor_tells_whose_identities_reach_glue(cli: CommandLine, aws: Path) -> None:
    server, member = findings(cli)
    assert server[0]
    assert "Reached in us-east-1 for the server itself, as arn:aws:" in server[1]
    assert member[0]
    assert f"for the account {ACCOUNT}, as arn:aws:" in member[1]


def test_doctor_tells_what_keeps_the_server_from_glue(cli: CommandLine, aws: Path) -> None:
    aws.write_text("[profile hospital]\nregion = us-east-1\n")
    (server, member) = findings(cli)
    assert (server[0], member[0]) == (False, False)
    assert "sts:GetCallerIdentity for the server itself could not be made" in server[1]
    aws.write_text("")
    ((ok, detail),) = findings(cli)
    assert not ok
    assert "no AWS profile 'hospital'" in detail


def test_doctor_says_nothing_of_glue_where_it_is_not_used(cli: CommandLine) -> None:
    assert findings(cli) == []


def test_with_glue_no_table_is_added_here(cli: CommandLine, aws: Path, tmp_path: Path) -> None:
    cli("accounts", "add", ACCOUNT)
    (tmp_path / "a.csv").write_text("a\n1\n")
    answer = cli("catalog", "add", "--account", ACCOUNT, "lake.a", str(tmp_path / "a.csv"))
    assert answer.code == 1
    assert 'catalog = "glue" has tables looked up in AWS Glue' in answer.err

from __future__ import annotations

from pathlib import Path

import pytest

from support.command import CommandLine

CONFIG = """
[server]
aws_access_key_id = AKIASERVER
aws_secret_access_key = s
[hospital]
region = us-east-1
"""


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text(CONFIG)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def of_buckets(cli: CommandLine) -> list[tuple[bool, str]]:
    findings = cli("doctor", "--json").json["findings"]
    return [(one["ok"], one["detail"]) for one in findings if one["name"] == "members' buckets"]


def test_of_folders_there_is_nothing_to_say(cli: CommandLine) -> None:
    assert of_buckets(cli) == []


def test_whoever_the_server_signs_for_is_told_whether_it_can(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHITEROOM_BUCKETS", "s3")
    monkeypatch.setenv("WHITEROOM_AWS_PROFILE", "server")
    monkeypatch.setenv("WHITEROOM_ACCOUNT_PROFILES", "111122223333=hospital")
    own, mapped = of_buckets(cli)
    assert own == (True, "There are credentials for the server itself.")
    assert mapped[0] is False
    assert "the account 111122223333" in mapped[1]


def test_a_profile_that_is_not_there_is_told_as_what_keeps_a_server_from_starting(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHITEROOM_BUCKETS", "s3")
    monkeypatch.setenv("WHITEROOM_ACCOUNT_PROFILES", "111122223333=nobody")
    ((ok, detail),) = of_buckets(cli)
    assert not ok
    assert "'nobody'" in detail

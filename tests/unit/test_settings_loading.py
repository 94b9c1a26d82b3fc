from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from whiteroom.domain.resources.quotas import Quota
from whiteroom.settings import Settings, SettingsError
from whiteroom.settings_loading import load_settings


def loaded(folder: Path, text: str = "", environment: dict[str, str] | None = None, **overrides: object) -> Settings:
    (folder / "whiteroom.toml").write_text(text)
    return load_settings(folder, environment or {}, **overrides)


def refusal(folder: Path, text: str = "", environment: dict[str, str] | None = None, **overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text, environment, **overrides)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_a_folder_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert (settings.host, settings.port, settings.dev, settings.sandbox) == ("127.0.0.1", 8080, False, "required")
    assert settings.channel_file_bytes == 10**9
    assert settings.quotas.limit(Quota.COLLABORATIONS_PER_ACCOUNT) == 10


def test_the_file_then_the_environment_then_the_command_line_decide(tmp_path: Path) -> None:
    text = 'port = 1\nhost = "::1"\nregion = "eu-central-1"\n'
    settings = loaded(tmp_path, text, {"WHITEROOM_PORT": "2", "WHITEROOM_HOST": "127.0.0.2"}, port=3, host=None)
    assert (settings.port, settings.host, settings.region) == (3, "127.0.0.2", "eu-central-1")


def test_quotas_are_set_by_name_in_the_file_and_in_the_environment(tmp_path: Path) -> None:
    text = "[quotas]\ncollaborations-per-account = 7\nanalysis-templates-per-membership = 8\n"
    settings = loaded(tmp_path, text, {"WHITEROOM_QUOTA_COLLABORATIONS_PER_ACCOUNT": "9"})
    assert settings.quotas.limit(Quota.COLLABORATIONS_PER_ACCOUNT) == 9
    assert settings.quotas.limit(Quota.ANALYSIS_TEMPLATES_PER_MEMBERSHIP) == 8


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), ("FALSE", False), ("0", False)])
def test_a_variable_says_yes_and_no_in_the_usual_ways(tmp_path: Path, text: str, value: Any) -> None:
    assert loaded(tmp_path, environment={"WHITEROOM_DEV": text}).dev is value


def test_roles_of_receivers_are_needed_at_buckets_of_their_own_alone(tmp_path: Path) -> None:
    mapped = 'account_profiles = "111122223333=hospital"\n'
    assert loaded(tmp_path, mapped).signed_for is None
    assert loaded(tmp_path, mapped + 's3_port = 1\nbuckets = "s3"').signed_for is None
    assert list(loaded(tmp_path, mapped + 'buckets = "s3"').signed_for or ()) == ["111122223333"]


def test_variables_of_other_programs_and_of_the_command_line_are_left_alone(tmp_path: Path) -> None:
    environment = {"AWS_REGION": "x", "WHITEROOM_DATA": "y", "WHITEROOM_DEBUG": "1"}
    assert loaded(tmp_path, environment=environment) == loaded(tmp_path)


def test_the_place_of_data_is_called_data_in_the_file_and_the_folder_stays_what_it_was(tmp_path: Path) -> None:
    settings = loaded(tmp_path, 'data = "s3://bucket/in/the/file"', {"WHITEROOM_DATA": "y"})
    assert (settings.data, settings.data_location) == (tmp_path, "s3://bucket/in/the/file")
    variable = {"WHITEROOM_DATA_LOCATION": "s3://bucket/variable"}
    assert loaded(tmp_path, 'data = "s3://bucket/file"', variable).data_location == "s3://bucket/variable"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("prot = 80", "'prot'"),
        ('port = "80"', "port is '80'"),
        ("port = true", "port is True"),
        ("port = -1", "at least 0"),
        ("port = 65536", "at most 65535"),
        ("s3_port = 65536", "s3_port is 65536; it must be at most 65535"),
        ("dev = 1", "true or false"),
        ('host = ""', "host is empty"),
        ('sandbox = "off"', "'required' or 'unsafe-no-sandbox'"),
        ('buckets = "gcs"', "'folder' or 's3'"),
        ('account_profiles = "hospital"', "account_profiles: 'hospital' is not like ACCOUNT=PROFILE"),
        ("query_cpus = 0", "query_cpus is 0"),
        ("quotas = 3", "[quotas]"),
        ("[quotas]\nrooms = 3", "'rooms'"),
        ("[quotas]\nmembers-per-collaboration = -1", "members-per-collaboration is -1"),
        ("[quotas]\nmembers-per-collaboration = true", "members-per-collaboration is True"),
        ("[quotas.members-per-collaboration]\n", "members-per-collaboration is {}"),
        ("port = ", "is not TOML"),
        (
            "data = '/elsewhere'",
            "data: The location '/elsewhere' has not the form s3://BUCKET/PREFIX. --data and WHITE",
        ),
        ("data_location = 's3://bucket'", "'data_location'"),
        ("cache_bytes = 5", "cache_bytes is 5"),
        ('public_url = "room.example.org"', "public_url: 'room.example.org' is not like https://"),
        ('s3_public_url = "https://a/"', "s3_public_url: 'https://a/' is not like https://"),
        ('tls_cert = "/a"', "tls_cert is set and tls_key is not: set both, or leave both out."),
        ('tls_key = "/a"', "tls_key is set and tls_cert is not: set both, or leave both out."),
        ('tls_cert = "/a"\ntls_key = "b"', "tls_key is b; it must be an absolute path."),
        ('tls_cert = "/a"\ntls_key = "/b"\npublic_url = "http://a"', "the server speaks https alone: write https."),
        ('tls_cert = "/a"\ntls_key = "/b"\nconsole_url = "http://a"', "console_url is http://a, and with tls_cert"),
    ],
)
def test_what_is_wrong_with_the_file_is_one_sentence_that_names_it(tmp_path: Path, text: str, names: str) -> None:
    assert names in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("variable", "value", "names"),
    [
        ("WHITEROOM_PROT", "80", "WHITEROOM_PROT"),
        ("WHITEROOM_port", "80", "WHITEROOM_port"),
        ("WHITEROOM_PORT", "eighty", "'eighty'"),
        ("WHITEROOM_PORT", "9" * 5000, "port is"),
        ("WHITEROOM_DEV", "yes please", "'yes please'"),
        ("WHITEROOM_QUOTA_ROOMS", "1", "'rooms'"),
        ("WHITEROOM_QUOTA_COLLABORATIONS_PER_ACCOUNT", "many", "'many'"),
    ],
)
def test_what_is_wrong_with_a_variable_is_one_sentence_that_names_it(
    tmp_path: Path, variable: str, value: Any, names: str
) -> None:
    assert names in refusal(tmp_path, environment={variable: value})


@pytest.mark.parametrize(
    ("text", "environment", "options", "places"),
    [
        ("port = 65536", {}, {}, ["whiteroom.toml"]),
        ("port = 65536", {"WHITEROOM_PORT": "65537"}, {}, ["WHITEROOM_PORT"]),
        ("port = 65536", {"WHITEROOM_PORT": "65537"}, {"port": 65538}, ["--port"]),
        ("", {"WHITEROOM_DATA_LOCATION": "x"}, {}, ["WHITEROOM_DATA_LOCATION"]),
        ("dev = true", {"WHITEROOM_HOST": "0.0.0.0"}, {}, ["whiteroom.toml", "WHITEROOM_HOST"]),
        ('host = "0.0.0.0"', {}, {"dev": True}, ["--dev", "whiteroom.toml"]),
        ('keys = "aws"', {}, {}, ["whiteroom.toml"]),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_where_it_was_given(
    tmp_path: Path, text: str, environment: dict[str, str], options: dict[str, object], places: list[str]
) -> None:
    told = refusal(tmp_path, text, environment, **options)
    named = told.partition(": ")[0].replace(str(tmp_path / "whiteroom.toml"), "whiteroom.toml")
    assert named == " and ".join(places)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "whiteroom.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not TOML"):
        load_settings(tmp_path, {})


def test_a_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "whiteroom.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_development_mode_listens_on_loopback(tmp_path: Path, host: str) -> None:
    assert loaded(tmp_path, host=host, dev=True).dev


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org"])
def test_development_mode_is_refused_anywhere_else(tmp_path: Path, host: str) -> None:
    assert "loopback" in refusal(tmp_path, host=host, dev=True)


@pytest.mark.parametrize(
    ("text", "variables", "near"),
    [
        ("prot = 1", {}, "'port'"),
        ("max_body_byte = 1", {}, "'max_body_bytes'"),
        ("csv-header = true", {}, "'csv_header'"),
        ("[quota]\ncollaborations-per-account = 1", {}, "'quotas'"),
        ("[quotas]\ncollaboration-per-account = 1", {}, "'collaborations-per-account'"),
        ("[quotas]\ncollaborations_per_account = 1", {}, "'collaborations-per-account'"),
        ('log_level = "warn"', {}, "'warning'"),
        ("", {"WHITEROOM_PROT": "1"}, "'WHITEROOM_PORT'"),
        ("", {"WHITEROOM_port": "1"}, "'WHITEROOM_PORT'"),
        ("", {"WHITEROOM_QUOTA_COLLABORATION_PER_ACCOUNT": "1"}, "'collaborations-per-account'"),
    ],
)
def test_a_name_that_is_close_to_one_is_answered_with_that_one(
    tmp_path: Path, text: str, variables: dict[str, str], near: str
) -> None:
    (tmp_path / "whiteroom.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, variables)
    assert f"Did you mean {near}?" in str(caught.value)


def test_a_name_that_is_close_to_none_is_answered_with_all(tmp_path: Path) -> None:
    (tmp_path / "whiteroom.toml").write_text("zzzzzz = 1")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, {})
    assert "Did you mean" not in str(caught.value)
    assert "The settings are host, port" in str(caught.value)

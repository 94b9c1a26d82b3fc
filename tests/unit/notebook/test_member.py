"""A member's clients: boto3's own, with the waiters and the server's own service; nothing of the server is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from unit.notebook.members import ACCOUNT
from whiteroom import notebook
from whiteroom.notebook.member import ANSWERED, AWS_DATA
from whiteroom.wire.models import MODEL_NAMES, OWN_MODELS

PROFILES = """
[profile olga]
aws_access_key_id = AKIAOLGA
aws_secret_access_key = secret
region = eu-west-1
endpoint_url = http://127.0.0.1:7
"""


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_DATA_PATH"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").write_text(PROFILES)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def test_an_account_of_a_development_server_needs_no_key_and_no_region() -> None:
    alice = notebook.connect("http://127.0.0.1:8080", account=ACCOUNT)
    for client in (alice.cleanrooms, alice.ml, alice.client("logs"), alice.client("whiteroom")):
        assert client.meta.endpoint_url == "http://127.0.0.1:8080"
        assert client.meta.region_name == "us-east-1"
    assert alice.session.get_credentials().access_key == ACCOUNT
    alice.close()


def test_a_profile_has_all_that_it_has_in_boto3() -> None:
    olga = notebook.connect(profile="olga")
    assert (olga.ml.meta.endpoint_url, olga.ml.meta.region_name) == ("http://127.0.0.1:7", "eu-west-1")
    assert olga.session.get_credentials().access_key == "AKIAOLGA"
    olga.close()


def test_without_an_endpoint_it_is_aws() -> None:
    member = notebook.connect(account=ACCOUNT, region="eu-west-1")
    assert member.cleanrooms.meta.endpoint_url == "https://cleanrooms.eu-west-1.amazonaws.com"
    member.close()


def test_a_session_of_ones_own_gets_the_waiters_and_answers_that_show_themselves() -> None:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
    member = notebook.Member(session)
    assert notebook.Member(session).ml.waiter_names == member.ml.waiter_names
    assert "trained_model_active" in member.ml.waiter_names
    member.close()


def test_the_endpoint_is_that_of_the_services_which_the_server_answers_and_of_no_other() -> None:
    member = notebook.connect("http://127.0.0.1:8080", account=ACCOUNT)
    assert set(MODEL_NAMES) == ANSWERED
    for service in MODEL_NAMES:
        assert member.client(service).meta.endpoint_url == "http://127.0.0.1:8080"
    for service in ("s3", "glue"):
        assert member.client(service).meta.endpoint_url.endswith(".amazonaws.com")
    member.close()


def test_a_client_is_made_once() -> None:
    member = notebook.connect(account=ACCOUNT)
    assert member.client("cleanroomsml") is member.ml
    assert member.client("cleanroomsml", checked=False) is not member.ml
    member.close()


@pytest.mark.parametrize("account", ["1", "1111-1111-1111", "11111111111a", "", "１１１１１１１１１１１１"])  # noqa: RUF001
def test_an_account_has_twelve_digits(account: str) -> None:
    with pytest.raises(ValueError, match="An account has twelve digits"):
        notebook.connect(account=account)


def test_the_waiters_are_those_that_aws_data_prints() -> None:
    assert AWS_DATA == OWN_MODELS


def test_it_is_a_client_which_loads_nothing_of_the_server() -> None:
    program = """
import sys
from whiteroom import notebook
notebook.connect(account="111111111111").ml
print("\\n".join(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    ours = {name for name in loaded if name.startswith("whiteroom.")}
    assert {name for name in ours if not name.startswith("whiteroom.notebook")} == set()
    of_the_server = {"msgspec", "sqlalchemy", "duckdb", "sqlglot", "uvicorn", "typer", "rich", "cryptography"}
    optional = {"matplotlib", "polars", "pandas", "IPython"}
    assert loaded & (of_the_server | optional) == set()

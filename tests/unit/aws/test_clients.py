from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import SERVER, Identity, member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable, AwsUnusable, refusals

A, B = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{A}:role/results"
CONFIG = """
[profile server]
region = eu-west-1
[profile hospital]
endpoint_url = http://127.0.0.1:1
services = local
[services local]
s3 =
  endpoint_url = http://127.0.0.1:2
"""
CREDENTIALS = """
[server]
aws_access_key_id = AKIASERVER
aws_secret_access_key = s
[hospital]
aws_access_key_id = AKIAHOSPITAL
aws_secret_access_key = h
"""


@pytest.fixture(autouse=True)
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, variable, text in (
        ("config", "AWS_CONFIG_FILE", CONFIG),
        ("credentials", "AWS_SHARED_CREDENTIALS_FILE", CREDENTIALS),
    ):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def at_moto(moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    return moto


def arn_of(clients: AwsClients, identity: Identity) -> str:
    arn: str = clients.client("sts", identity).get_caller_identity()["Arn"]
    return arn


def test_for_a_member_its_role_is_assumed_and_the_session_names_the_resource(at_moto: str) -> None:
    clients = AwsClients("eu-central-1", "server")
    assert arn_of(clients, member(A, ROLE, "q-1")) == f"arn:aws:sts::{A}:assumed-role/results/whiteroom-q-1"


def test_the_server_speaks_for_itself_with_its_own_profile(at_moto: str) -> None:
    keys = AwsClients("eu-central-1", "server").credentials(SERVER)
    assert (keys["AWS_ACCESS_KEY_ID"], keys["AWS_REGION"]) == ("AKIASERVER", "eu-central-1")
    assert "AWS_SESSION_TOKEN" not in keys


def test_without_a_profile_it_is_the_default_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACHAIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "c")
    assert AwsClients("eu-central-1").credentials(SERVER)["AWS_ACCESS_KEY_ID"] == "AKIACHAIN"


def test_a_mapped_account_is_spoken_for_with_its_profile_whatever_its_role() -> None:
    clients = AwsClients("eu-central-1", "server", {A: "hospital"})
    for role in (ROLE, None):
        assert clients.credentials(member(A, role, "q-1"))["AWS_ACCESS_KEY_ID"] == "AKIAHOSPITAL"


def test_a_profile_says_where_its_services_are() -> None:
    clients = AwsClients("eu-central-1", "server", {A: "hospital"})
    here = member(A, None, "q-1")
    assert clients.client("s3", here).meta.endpoint_url == "http://127.0.0.1:2"
    assert clients.client("glue", here).meta.endpoint_url == "http://127.0.0.1:1"
    keys = clients.credentials(here)
    assert keys["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert keys["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    "variables",
    [{"AWS_ENDPOINT_URL": "http://127.0.0.1:3"}, {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:4"}],
    ids=["for all services", "for one"],
)
def test_a_child_finds_the_services_where_the_server_does(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    clients = AwsClients("eu-central-1", "server", {A: "hospital"})
    here = member(A, None, "q-1")
    wanted = {service: clients.client(service, here).meta.endpoint_url for service in ("s3", "glue")}
    keys = clients.credentials(here)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", *variables):
        monkeypatch.delenv(name)
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    assert {service: boto3.Session().client(service).meta.endpoint_url for service in wanted} == wanted


class Beside:
    """An S3 of this server's own."""

    endpoint = "http://127.0.0.1:8333"

    def key(self, account_id: str | None) -> tuple[str, str]:
        return f"KEY{account_id}", f"secret of {account_id}"


def test_of_an_s3_of_the_servers_own_all_is_asked_with_its_keys_whatever_roles_and_profiles_there_are(
    profiles: None,
) -> None:
    clients = AwsClients("eu-west-1", own_s3=Beside())
    for identity in (
        member("111122223333", "arn:aws:iam::999999999999:role/r", "x"),
        member("444455556666", None, "y"),
    ):
        client = clients.client("s3", identity)
        signs = client._request_signer._credentials
        assert client.meta.endpoint_url == "http://127.0.0.1:8333"
        assert (signs.access_key, signs.secret_key) == Beside().key(identity.account_id)
        assert clients.credentials(identity) == {
            "AWS_ACCESS_KEY_ID": f"KEY{identity.account_id}",
            "AWS_SECRET_ACCESS_KEY": f"secret of {identity.account_id}",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:8333",
        }
    assert clients.client("s3", SERVER)._request_signer._credentials.access_key == "KEYNone"


def test_clients_are_in_the_servers_region_unless_another_is_named() -> None:
    clients = AwsClients("eu-central-1", "server")
    assert clients.client("s3", SERVER).meta.region_name == "eu-central-1"
    assert clients.client("s3", SERVER, "us-west-2").meta.region_name == "us-west-2"


def test_a_client_is_made_once_for_all_threads(at_moto: str) -> None:
    clients, here = AwsClients("eu-central-1", "server"), member(A, ROLE, "q-2")
    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(lambda _: clients.client("s3", here), range(32))))) == 1


def test_ever_so_many_resources_keep_no_clients_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whiteroom.aws.clients._MOST_SESSIONS", 2)
    monkeypatch.setattr("whiteroom.aws.clients._MOST_CLIENTS", 2)
    clients = AwsClients("eu-central-1", "server")
    first = clients.client("sts", member(A, ROLE, "q-0"))
    for number in range(1, 4):
        clients.client("sts", member(A, ROLE, f"q-{number}"))
    assert clients.client("sts", member(A, ROLE, "q-3")) is clients.client("sts", member(A, ROLE, "q-3"))
    assert clients.client("sts", member(A, ROLE, "q-0")) is not first


def test_credentials_of_a_role_are_asked_for_anew_once_they_are_forgotten(at_moto: str) -> None:
    clients, here = AwsClients("eu-central-1", "server"), member(A, ROLE, "q-3")
    first = clients.credentials(here)
    assert first["AWS_SESSION_TOKEN"]
    assert clients.credentials(here) == first
    clients.forget(here)
    assert clients.credentials(here)["AWS_ACCESS_KEY_ID"] != first["AWS_ACCESS_KEY_ID"]


def test_a_member_with_neither_role_nor_profile_is_refused_and_told_what_to_set() -> None:
    with pytest.raises(AwsRefused, match=rf"{A} has set no role.*account_profiles"):
        AwsClients("eu-central-1", "server").client("s3", member(A, None, "q-1"))


def test_a_role_of_another_account_is_not_assumed() -> None:
    with pytest.raises(AwsRefused, match=f"is not of the account {B}"):
        AwsClients("eu-central-1", "server").client("s3", member(B, ROLE, "q-1"))


def test_a_server_without_credentials_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    clients = AwsClients("eu-central-1")
    with pytest.raises(AwsRefused, match="no AWS credentials for the server itself"):
        clients.credentials(SERVER)
    with pytest.raises(AwsRefused, match="no AWS credentials to assume"):
        clients.credentials(member(A, ROLE, "q-1"))


def test_a_role_that_cannot_be_asked_for_now_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    clients, here = AwsClients("eu-central-1", "server"), member(A, ROLE, "q-1")
    with pytest.raises(AwsUnreachable), refusals("s3:ListBuckets", here):
        clients.client("s3", here).list_buckets()


def test_a_profile_that_is_not_there_is_told_at_the_start() -> None:
    with pytest.raises(AwsUnusable, match=r"'nobody'.*account_profiles"):
        AwsClients("eu-central-1", "server", {A: "nobody"})


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(AwsUnusable, match=r"whiteroom\[aws\]"):
        AwsClients("eu-central-1")

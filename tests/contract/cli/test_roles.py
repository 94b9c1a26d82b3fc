"""Profiles with `role_arn` on a real server, by boto3's own configuration: assumed, refreshed, narrowed, ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.command import CommandLine
from support.server import RunningServer, running_server
from support.worlds.requests import ALICE, BOB, collaboration_request


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("roles") / "data", dev=False) as server:
        yield server


@pytest.fixture(scope="module")
def cli(server: RunningServer) -> CommandLine:
    return CommandLine(server.data)


@pytest.fixture(scope="module")
def profiles(cli: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of AWS's configuration, of what the commands print and nothing else."""
    printed = [
        cli("accounts", "add", ALICE).out,
        cli("accounts", "add", BOB).out,
        cli("users", "add", "--account", ALICE, "zoe", "--role", "privacy-officer").out,
        *(
            cli("roles", "add", "--account", ALICE, name, "--role", role, "--assumed-by", "zoe").out
            for name, role in (("nightly", "analyst"), ("reviews", "privacy-officer"))
        ),
    ]
    path = tmp_path_factory.mktemp("aws") / "config"
    path.write_text("\n".join(printed))
    return path


@pytest.fixture
def client(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Clients by profile, as a member's script has them: nothing else is configured."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profiles))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles.parent / "none"))
    made: list[Any] = []

    def make(service: Any, profile: str) -> Any:
        session = boto3.Session(botocore_session=botocore.session.Session(profile=profile))
        made.append(session.client(service, config=Config(retries={"total_max_attempts": 1})))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_profile_with_a_role_is_that_role(client: Any) -> None:
    identity = client("sts", f"whiteroom-{ALICE}-zoe-nightly").get_caller_identity()
    assert identity["Account"] == ALICE
    assert identity["Arn"].startswith(f"arn:aws:sts::{ALICE}:assumed-role/nightly/")


def test_each_profile_may_what_its_role_may(client: Any) -> None:
    algorithm = {
        "name": "trees",
        "roleArn": f"arn:aws:iam::{ALICE}:role/any",
        "inferenceContainerConfig": {"imageUri": "111111111111.dkr.ecr.us-east-1.amazonaws.com/trees:1"},
    }
    for profile, arn in (("zoe", f"{ALICE}:user/zoe"), ("zoe-reviews", f"{ALICE}:assumed-role/reviews/")):
        with pytest.raises(ClientError) as caught:
            client("cleanroomsml", f"whiteroom-{ALICE}-{profile}").create_configured_model_algorithm(**algorithm)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        assert arn in caught.value.response["Error"]["Message"]
    client("cleanroomsml", f"whiteroom-{ALICE}-zoe-nightly").create_configured_model_algorithm(**algorithm)
    with pytest.raises(ClientError, match="the role administrator"):
        client("cleanrooms", f"whiteroom-{ALICE}-zoe-nightly").create_collaboration(**collaboration_request())


@pytest.mark.parametrize(
    ("source", "arn", "because"),
    [
        (f"whiteroom-{BOB}", f"arn:aws:iam::{ALICE}:role/nightly", "of another account"),
        (f"whiteroom-{ALICE}", f"arn:aws:iam::{ALICE}:role/nightly", "the role is for zoe, and not for admin"),
        (f"whiteroom-{ALICE}-zoe", f"arn:aws:iam::{ALICE}:role/none", "no such role"),
    ],
)
def test_a_role_that_is_not_for_the_user_is_access_denied(client: Any, source: str, arn: str, because: str) -> None:
    with pytest.raises(ClientError) as caught:
        client("sts", source).assume_role(RoleArn=arn, RoleSessionName="monday")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert because in caught.value.response["Error"]["Message"]


def test_constraints_of_the_model_are_held_to(client: Any) -> None:
    asking = client("sts", f"whiteroom-{ALICE}-zoe")
    arn = f"arn:aws:iam::{ALICE}:role/nightly"
    for wrong in (
        {"DurationSeconds": 43_200},
        {"RoleSessionName": "zo\u00eb"},
        {"Policy": "{}"},
    ):
        with pytest.raises(ClientError) as caught:
            asking.assume_role(**{"RoleArn": arn, "RoleSessionName": "monday", **wrong})
        assert caught.value.response["Error"]["Code"] in ("ValidationError", "ValidationException")


def test_a_users_own_session_works_and_ends_with_its_key(client: Any, server: RunningServer, cli: CommandLine) -> None:
    key = cli("keys", "add", "--account", ALICE, "zoe", "--json").json
    given = server.client("sts", key["accessKeyId"], key["secretAccessKey"]).get_session_token()["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1")
    rooms = session.client("cleanrooms", endpoint_url=server.url, config=Config(retries={"total_max_attempts": 1}))
    rooms.list_memberships()
    cli("keys", "remove", key["accessKeyId"])
    with pytest.raises(ClientError) as caught:
        rooms.list_memberships()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
    rooms.close()


def test_sessions_outlive_a_server_and_need_its_key(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path / "data")
    key = cli("accounts", "add", ALICE, "--json").json
    given: Any = None

    def asks(server: RunningServer) -> str:
        session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1")
        sts = session.client("sts", endpoint_url=server.url, config=Config(retries={"total_max_attempts": 1}))
        try:
            return str(sts.get_caller_identity()["Arn"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        finally:
            sts.close()

    with running_server(cli.data, dev=False) as server:
        given = server.client("sts", key["accessKeyId"], key["secretAccessKey"]).get_session_token()["Credentials"]
    with running_server(cli.data, dev=False) as server:
        assert asks(server) == f"arn:aws:iam::{ALICE}:user/admin"
    with closing(sqlite3.connect(cli.data / "whiteroom.db")) as connection, connection:
        connection.execute("DELETE FROM secrets WHERE name = 'sessions'")
    with running_server(cli.data, dev=False) as server:
        assert asks(server) == "InvalidClientTokenId"


def test_in_development_mode_a_profile_may_have_a_role_too(tmp_path: Path) -> None:
    cli = CommandLine(tmp_path / "data")
    cli("accounts", "add", ALICE)
    cli("roles", "add", "--account", ALICE, "nightly", "--role", "analyst", "--assumed-by", "*")
    with running_server(cli.data) as server:
        said = server.client("sts", ALICE).assume_role(
            RoleArn=f"arn:aws:iam::{ALICE}:role/nightly", RoleSessionName="monday"
        )["Credentials"]
        session = boto3.Session(said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"], "us-east-1")
        rooms = session.client("cleanrooms", endpoint_url=server.url, config=Config(retries={"total_max_attempts": 1}))
        rooms.list_memberships()
        with pytest.raises(ClientError, match="an analyst"):
            rooms.create_collaboration(**collaboration_request())
        rooms.close()

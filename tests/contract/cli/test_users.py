"""Users of an account on a real server, by boto3: what each may do, how the history names them, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.command import CommandLine
from support.server import RunningServer, running_server
from support.worlds.requests import ALICE, BOB, collaboration_request

TABLE = {
    "name": "visits",
    "tableReference": {"glue": {"databaseName": "hospital", "tableName": "visits"}},
    "allowedColumns": ["age"],
    "analysisMethod": "DIRECT_QUERY",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("users") / "data", dev=False) as server:
        yield server


@pytest.fixture(scope="module")
def cli(server: RunningServer) -> CommandLine:
    commands = CommandLine(server.data)
    for account in (ALICE, BOB):
        commands("accounts", "add", account)
    return commands


@pytest.fixture
def user(cli: CommandLine, server: RunningServer) -> Iterator[Any]:
    """Makes users, and answers the keys that they are given."""
    made: list[str] = []

    def make(name: str, role: str) -> Any:
        made.append(name)
        return cli("users", "add", "--account", ALICE, name, "--role", role, "--json").json

    yield make
    for name in made:
        cli("users", "remove", "--account", ALICE, name)


def client(server: RunningServer, service: str, key: Any) -> Any:
    return server.client(service, key["accessKeyId"], key["secretAccessKey"])


def refusal(call: Any, **request: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_user_is_who_it_is_to_get_caller_identity(server: RunningServer, user: Any, cli: CommandLine) -> None:
    identity = client(server, "sts", user("zoe", "analyst")).get_caller_identity()
    (record,) = [row for row in cli("users", "list", "--json").json if row["user"] == "zoe"]
    assert identity["Arn"] == f"arn:aws:iam::{ALICE}:user/zoe"
    assert (identity["Account"], identity["UserId"]) == (ALICE, record["userId"])


def test_a_privacy_officer_reads_and_starts_nothing(server: RunningServer, user: Any) -> None:
    key = user("olga", "privacy-officer")
    rooms = client(server, "cleanrooms", key)
    assert rooms.list_collaborations()["collaborationList"] == []
    status, code, said = refusal(rooms.create_collaboration, **collaboration_request())
    assert (status, code) == (403, "AccessDeniedException")
    assert "a privacy officer" in said
    assert "the role administrator" in said
    status, code, said = refusal(
        client(server, "cleanroomsml", key).create_configured_model_algorithm,
        name="trees",
        roleArn=f"arn:aws:iam::{ALICE}:role/any",
        inferenceContainerConfig={"imageUri": "111111111111.dkr.ecr.us-east-1.amazonaws.com/trees:1"},
    )
    assert (status, code) == (403, "AccessDeniedException")
    assert "the role administrator or analyst" in said


def test_an_operation_that_declares_no_access_denied_is_refused_with_it_all_the_same(
    server: RunningServer, user: Any
) -> None:
    rooms = client(server, "cleanrooms", user("olga", "privacy-officer"))
    arn = f"arn:aws:cleanrooms:us-east-1:{ALICE}:collaboration/00000000-0000-4000-8000-000000000001"
    assert refusal(rooms.tag_resource, resourceArn=arn, tags={"a": "b"})[:2] == (403, "AccessDeniedException")


def test_what_the_operator_takes_away_is_gone_from_the_next_request_on(
    server: RunningServer, user: Any, cli: CommandLine
) -> None:
    key = user("zoe", "analyst")
    rooms = client(server, "cleanrooms", key)
    rooms.list_memberships()
    for take, give in (
        (("users", "disable", "--account", ALICE, "zoe"), ("users", "enable", "--account", ALICE, "zoe")),
        (("accounts", "disable", ALICE), ("accounts", "enable", ALICE)),
    ):
        assert cli(*take).code == 0
        assert refusal(rooms.list_memberships)[:2] == (403, "UnrecognizedClientException")
        assert cli(*give).code == 0
        rooms.list_memberships()
    second = cli("keys", "add", "--account", ALICE, "zoe", "--json").json
    cli("keys", "remove", key["accessKeyId"])
    assert refusal(rooms.list_memberships)[:2] == (403, "UnrecognizedClientException")
    others = client(server, "cleanrooms", second)
    others.list_memberships()
    cli("users", "change", "--account", ALICE, "zoe", "--role", "privacy-officer")
    assert refusal(others.create_configured_table, **TABLE)[:2] == (403, "AccessDeniedException")
    cli("users", "remove", "--account", ALICE, "zoe")
    assert refusal(others.list_memberships)[:2] == (403, "UnrecognizedClientException")


def test_in_development_mode_the_twelve_digits_are_the_accounts_administrator(tmp_path: Any) -> None:
    with running_server(tmp_path / "data") as server:
        identity = server.client("sts", ALICE).get_caller_identity()
        assert (identity["Arn"], identity["UserId"]) == (f"arn:aws:iam::{ALICE}:root", ALICE)
        server.client("cleanrooms", ALICE).create_collaboration(**collaboration_request())

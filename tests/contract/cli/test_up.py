"""`whiteroom up` as a process, and the other commands beside it."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from support.command import CommandLine
from support.server import RunningServer, running_server

ALICE = "111111111111"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("up") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def cli(server: RunningServer) -> CommandLine:
    return CommandLine(server.data)


def up(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "whiteroom", "up", "--data", str(data), *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_a_started_server_answers_and_keeps_its_data_for_its_owner_alone(server: RunningServer) -> None:
    assert server.client("sts", ALICE).get_caller_identity()["Account"] == ALICE
    assert server.client("cleanrooms", ALICE).list_collaborations()["collaborationList"] == []
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_an_operation_that_nothing_answers_says_so(server: RunningServer) -> None:
    with pytest.raises(ClientError, match="does not implement"):
        server.client("cleanroomsml", ALICE).list_audience_models()


def test_null_names_the_base_version_although_the_model_forbids_it(server: RunningServer) -> None:
    client = server.client("cleanroomsml", ALICE, parameter_validation=False)
    with pytest.raises(ClientError, match="has no membership"):
        client.get_trained_model(
            membershipIdentifier="00000000-0000-4000-8000-000000000000",
            trainedModelArn=f"arn:aws:cleanrooms-ml:us-east-1:{ALICE}:membership/"
            "00000000-0000-4000-8000-000000000000/trained-model/x",
            versionIdentifier="NULL",
        )


def test_a_new_account_signs_at_once_with_the_address_it_was_given(server: RunningServer, cli: CommandLine) -> None:
    key = cli("accounts", "add", "222222222222", "--json").json
    assert key["endpointUrl"] == server.url
    client = server.client("sts", key["accessKeyId"], key["secretAccessKey"])
    assert client.get_caller_identity()["Account"] == "222222222222"


def test_a_rotated_key_stops_at_once(server: RunningServer, cli: CommandLine) -> None:
    old = cli("accounts", "add", "333333333333", "--json").json
    client = server.client("cleanrooms", old["accessKeyId"], old["secretAccessKey"])
    client.list_collaborations()
    new = cli("accounts", "rotate", "333333333333", "--json").json
    with pytest.raises(ClientError, match="security token"):
        client.list_collaborations()
    server.client("cleanrooms", new["accessKeyId"], new["secretAccessKey"]).list_collaborations()


def test_a_second_server_on_the_folder_is_refused_with_the_address_of_the_first(server: RunningServer) -> None:
    second = up(server.data, "--port", "0")
    assert second.returncode == 1
    assert server.url in second.stderr
    assert second.stdout == ""


def test_a_port_that_is_taken_is_one_sentence(server: RunningServer, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    answer = up(tmp_path / "data", "--port", port)
    assert answer.returncode == 1
    assert "--port 0" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_port_of_s3_that_is_taken_is_one_sentence(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "whiteroom.toml").write_text(f"s3_port = {server.url.rpartition(':')[2]}\n")
    answer = up(tmp_path / "data", "--port", "0", "--s3")
    assert answer.returncode == 1
    assert "the setting s3_port" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_database_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "whiteroom.db").write_bytes(b"not a database" * 1000)
    answer = up(data, "--port", "0")
    assert answer.returncode == 1
    assert "whiteroom.db" in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])
def test_development_mode_is_refused_off_loopback(tmp_path: Path, host: str) -> None:
    answer = up(tmp_path / "data", "--host", host, "--dev")
    assert answer.returncode == 1
    assert "loopback" in answer.stderr


def test_an_address_of_another_machine_is_one_sentence(tmp_path: Path) -> None:
    answer = up(tmp_path / "data", "--host", "192.0.2.1", "--port", "0")
    assert answer.returncode == 1
    assert "Cannot listen on 192.0.2.1" in answer.stderr


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server_cleanly_and_frees_folder_and_port(tmp_path: Path, sent: signal.Signals) -> None:
    with running_server(tmp_path / "data") as server:
        client = server.client("cleanrooms", ALICE)
        client.list_collaborations()  # the connection stays open, and must not hold the server up
        assert server.stop(sent, seconds=8) == 0
        assert server.process.stdout is not None
        # What it said when it was ready, and nothing of its end.
        assert server.process.stdout.read() == f"The console for browsers is at {server.url}/console\n"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=120).close()
    assert (tmp_path / "data.log").read_text() == ""


def test_what_was_answered_survives_a_killed_server(tmp_path: Path) -> None:
    request = {
        "name": "Trial",
        "description": "d",
        "creatorDisplayName": "Alice",
        "creatorMemberAbilities": ["CAN_QUERY", "CAN_RECEIVE_RESULTS"],
        "members": [],
        "queryLogStatus": "DISABLED",
    }
    with running_server(tmp_path / "data") as server:
        made = server.client("cleanrooms", ALICE).create_collaboration(**request)["collaboration"]
        server.stop(signal.SIGKILL)
    with running_server(tmp_path / "data") as server:
        kept = server.client("cleanrooms", ALICE).list_collaborations()["collaborationList"]
        assert [room["id"] for room in kept] == [made["id"]]


def test_without_development_mode_an_account_number_is_no_key(tmp_path: Path) -> None:
    with (
        running_server(tmp_path / "data", dev=False) as server,
        pytest.raises(ClientError, match="security token"),
    ):
        server.client("sts", ALICE).get_caller_identity()


def test_the_doctor_looks_at_this_very_machine_and_sees_the_server(server: RunningServer, cli: CommandLine) -> None:
    answer = cli("doctor", "--json")
    assert answer.code == (0 if answer.json["well"] else 1)
    details = {finding["name"]: finding["detail"] for finding in answer.json["findings"]}
    assert server.url in details["server"]
    assert {"sandbox", "machine", "database"} <= set(details)
    assert all(finding["ok"] or finding["remedy"] for finding in answer.json["findings"])

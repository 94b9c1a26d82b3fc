"""`keys = "aws"` on a real server: its secrets and members' documents are sealed by keys of AWS KMS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.command import whiteroom
from support.kms import FakeKms
from support.server import RunningServer, running_server
from support.worlds.requests import ALICE, REGION, role_of

SERVERS = f"arn:aws:kms:{REGION}:999999999999:key/server"
ALICES = f"arn:aws:kms:{REGION}:{ALICE}:key/alice"


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeKms:
    made = FakeKms(SERVERS, ALICES)
    for name, value in {
        "WHITEROOM_KEYS": "aws",
        "WHITEROOM_KMS_KEY_ARN": SERVERS,
        "WHITEROOM_MASTER_KEY": str(tmp_path / "none" / "master.key"),
        "AWS_ENDPOINT_URL_KMS": made.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def arn(kms: FakeKms, data: Path) -> str:
    """An algorithm that a server has made which runs no more: the next one has nothing in memory."""
    with running_server(data) as server:
        return algorithm(server)


def algorithm(server: RunningServer, name: str = "forest") -> str:
    made: str = server.client_of("cleanroomsml", ALICE).create_configured_model_algorithm(
        name=name,
        roleArn=role_of(ALICE),
        trainingContainerConfig={"imageUri": "registry/forest:1"},
        kmsKeyArn=ALICES,
    )["configuredModelAlgorithmArn"]
    return made


def asked(server: RunningServer, arn: str) -> Any:
    """What Get answers; the error's code and its sentence, where it is one."""
    try:
        ml = server.client_of("cleanroomsml", ALICE)
        return ml.get_configured_model_algorithm(configuredModelAlgorithmArn=arn)["trainingContainerConfig"]
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]


def test_what_a_member_has_sealed_opens_as_long_as_its_key_is_enabled(kms: FakeKms, data: Path, arn: str) -> None:
    by = [request["KeyId"] for name, request in kms.asked if name == "GenerateDataKey"]
    assert by == [SERVERS, ALICES]
    with running_server(data) as server:
        assert asked(server, arn) == {"imageUri": "registry/forest:1"}
    kms.disabled.add(ALICES)
    with running_server(data) as server:
        code, sentence = asked(server, arn)
        assert code == "AccessDeniedException"
        assert "kms:Decrypt" in sentence
        assert ALICES in sentence
        with pytest.raises(ClientError, match="kms:GenerateDataKey"):
            algorithm(server, "another")
        assert server.client_of("cleanroomsml", ALICE).list_configured_model_algorithms()["configuredModelAlgorithms"]


def test_a_kms_that_does_not_answer_keeps_nobody_waiting_who_needs_no_key(kms: FakeKms, data: Path, arn: str) -> None:
    with running_server(data) as server:
        kms.refusal = "KMSInternalException"
        assert asked(server, arn)[0] == "ThrottlingException"
        assert server.client_of("cleanroomsml", ALICE).list_configured_model_algorithms()["configuredModelAlgorithms"]


def test_a_server_whose_own_key_is_disabled_does_not_start_and_says_so(kms: FakeKms, data: Path, arn: str) -> None:
    kms.disabled.add(SERVERS)
    added = whiteroom("accounts", "add", "222222222222", "--data", str(data))
    assert (added.code, SERVERS in added.err) == (1, True)
    assert "NO  server key" in whiteroom("doctor", "--data", str(data)).out


def test_no_master_key_is_made_where_none_is_needed(kms: FakeKms, data: Path, arn: str, tmp_path: Path) -> None:
    assert arn
    assert not (tmp_path / "none").exists()

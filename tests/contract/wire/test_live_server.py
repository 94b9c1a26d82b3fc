"""boto3 against uvicorn: real sockets, real HTTP."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
import pytest
import uvicorn
from botocore.config import Config

from contract.wire.connection import ACCOUNT, KEY, Operations, application
from support.protocols import OF_CLOUDWATCH, speak
from whiteroom.base.faults import ResourceNotFound
from whiteroom.wire.calls import Call

MEMBERSHIP = "00000000-0000-0000-0000-000000000000"
ARN = f"arn:aws:cleanrooms-ml:us-east-1:{ACCOUNT}:membership/{MEMBERSHIP}/trained-model/a/b"
CREATED = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def answer(call: Call) -> Mapping[str, Any]:
    match call.operation.name:
        case "GetTrainedModel":
            return {"trainedModelArn": call.parameters["trainedModelArn"], "createTime": CREATED, "description": None}
        case "GetMembership":
            return {"membership": {"id": call.parameters["membershipIdentifier"], "createTime": CREATED}}
        case "GetMetricStatistics":
            return {"Label": call.parameters["MetricName"], "Datapoints": [{"Timestamp": call.parameters["StartTime"]}]}
    raise ResourceNotFound("There is none.")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application(Operations(answer)), log_level="warning", lifespan="on", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield int(listener.getsockname()[1])
    server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture(scope="module")
def connect(port: int) -> Iterator[Any]:
    clients = []

    def make(service: Any, protocol: str | None = None) -> Any:
        session = botocore.session.Session()
        if protocol is not None:
            speak(session, protocol)
        made: Any = boto3.Session(botocore_session=session).client(
            service,
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id=KEY.access_key_id,
            aws_secret_access_key=KEY.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        clients.append(made)
        return made

    yield make
    for each in clients:
        each.close()


def test_an_arn_with_slashes_in_the_path_comes_back(connect: Any) -> None:
    model = connect("cleanroomsml").get_trained_model(membershipIdentifier=MEMBERSHIP, trainedModelArn=ARN)
    assert (model["trainedModelArn"], model["createTime"]) == (ARN, CREATED)
    assert "description" not in model


def test_cleanrooms_is_served_at_the_same_door(connect: Any) -> None:
    membership = connect("cleanrooms").get_membership(membershipIdentifier=MEMBERSHIP)["membership"]
    assert (membership["id"], membership["createTime"]) == (MEMBERSHIP, CREATED)


def test_a_refusal_is_an_exception_of_the_client(connect: Any) -> None:
    caller = connect("cleanroomsml")
    with pytest.raises(caller.exceptions.ResourceNotFoundException, match=r"There is none\."):
        caller.delete_trained_model_output(membershipIdentifier=MEMBERSHIP, trainedModelArn=ARN)


@pytest.mark.parametrize("protocol", OF_CLOUDWATCH)
def test_cloudwatch_answers_in_each_of_its_protocols(connect: Any, protocol: str) -> None:
    caller = connect("cloudwatch", protocol)
    span = {"StartTime": CREATED, "EndTime": CREATED, "Period": 60}
    answer = caller.get_metric_statistics(Namespace="/aws/x", MetricName="lösung +&", **span)
    assert (answer["Label"], answer["Datapoints"]) == ("lösung +&", [{"Timestamp": CREATED}])
    with pytest.raises(caller.exceptions.InvalidParameterValueException, match=r"There is none\."):
        caller.list_metrics()


def test_health_and_a_refused_body_leave_the_server_up(port: int) -> None:
    for method, path, body_bytes, status in (
        ("GET", "/health", 0, 200),
        ("HEAD", "/health", 0, 200),
        ("POST", "/configured-model-algorithms", 5_000_000, 413),
        ("GET", "/health", 0, 200),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.putrequest(method, path)
        connection.putheader("content-length", str(body_bytes))
        connection.endheaders()
        answered = connection.getresponse()  # a body too large is refused by its announced length, unsent
        answered.read()
        assert answered.status == status
        connection.close()

"""Figure 1: the API over keep-alive HTTP, one server core, beside moto's server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench.http_load import Load, signed
from bench.results import Figure, Section, spread
from bench.servers import on_core, server, whiteroom
from whiteroom.base.arns import cleanrooms_ml_arn, new_id
from whiteroom.base.clock import utc_now
from whiteroom.domain.resources.collaborations import (
    Collaboration,
    CollaborationStatus,
    Member,
    MemberStatus,
    member_id,
)
from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.domain.resources.trained_models import BASE_VERSION, Status, TrainedModel
from whiteroom.store.sqlite import SqliteStore

ACCOUNT, REGION = "111111111111", "us-east-1"
MODELS = 100_000
CONNECTIONS = 8
RUNS = 5
PEER_PYTHON = Path(".venv-bench/bin/python")


def run() -> Section:
    """Both servers at the same time, each on the same core, measured in turn."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder) / "room"
        # An account for each run of creates: they stay within an account's usual quota.
        accounts = [ACCOUNT, *(f"{number:012}" for number in range(1, RUNS + 2))]
        keys = [json.loads(whiteroom(room, "accounts", "add", account, "--json")) for account in accounts]
        membership, arn = _fill(room)
        with server(room, core=0) as ours, _peer() as peer, _own_core(1):
            pairs = [(key["accessKeyId"], key["secretAccessKey"]) for key in keys]
            us = _Ours(ours, dict(zip(accounts, pairs, strict=True)), membership, arn)
            moto = _Moto(peer)
            return _measure(us, moto)


@contextmanager
def _own_core(core: int) -> Iterator[None]:
    """Keep this process, the client, off the servers' core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _measure(us: _Ours, moto: _Moto) -> Section:
    reads = _both(us.load, us.gets(1500), moto.load, moto.gets(150))
    creates = _both(us.load, us.creates(800), moto.load, moto.creates(100), fresh=us.creates)
    first, last = us.list_pages()
    lists = _both(us.load, [first] * 300, moto.load, [moto.list()] * 6)
    pages = _both(us.load, [last] * 300, us.load, [first] * 300)
    figures = (
        _figure("GetTrainedModel, beside GetCollaboration", *reads, 15),
        _figure("CreateConfiguredModelAlgorithm (durable), beside CreateCollaboration (in memory)", *creates, 6),
        _figure(f"ListTrainedModels, 50 of {MODELS:,}, beside ListCollaborations likewise", *lists, 8),
        _page_figure(*pages),
    )
    about = (
        f"Requests a second over {CONNECTIONS} kept-alive connections; the server has one core, the client the other. "
        "Requests are signed beforehand; Whiteroom verifies each signature, moto does not. "
        f"Median of {RUNS} runs (least to most)."
    )
    return Section("The API", about, figures)


def _both(
    ours: Load, our_requests: list[bytes], theirs: Load, their_requests: list[bytes], fresh: Any = None
) -> tuple[list[float], list[float]]:
    our_rates, their_rates = [], []
    for turn in range(RUNS + 1):  # the first warms up
        requests = fresh(len(our_requests)) if fresh and turn else our_requests
        rates = ours.run(requests), theirs.run(their_requests)
        if turn:
            our_rates.append(rates[0])
            their_rates.append(rates[1])
    return our_rates, their_rates


def _figure(name: str, ours: list[float], theirs: list[float], target: float) -> Figure:
    ratio = median(ours) / median(theirs)
    return Figure(
        name,
        spread(ours, "/s", 0),
        spread(theirs, "/s", 1),
        f"{ratio:.1f} times",
        f"{target:g} times",
        ratio >= target,
    )


def _page_figure(last: list[float], first: list[float]) -> Figure:
    ratio = median(last) / median(first)
    return Figure(
        f"The last page of {MODELS:,}, beside the first",
        spread(last, "/s", 0),
        spread(first, "/s", 0),
        f"{ratio:.2f} times",
        "1 time (0.95 or more counts)",
        ratio >= 0.95,
    )


class _Ours:
    """Requests to Whiteroom."""

    def __init__(self, endpoint: str, keys: dict[str, tuple[str, str]], membership: str, arn: str) -> None:
        host, port = endpoint.removeprefix("http://").split(":")
        self.endpoint, self.key = endpoint, keys[ACCOUNT]
        self.others = [(account, key) for account, key in keys.items() if account != ACCOUNT]
        self.membership, self.arn = membership, arn
        self.load = Load((host, int(port)), CONNECTIONS)

    def sign(self, method: str, path: str, body: bytes = b"", key: tuple[str, str] | None = None) -> bytes:
        return signed(method, self.endpoint + path, body, "cleanrooms-ml", *(key or self.key))

    def gets(self, count: int) -> list[bytes]:
        path = self.arn.replace(":", "%3A").replace("/", "%2F")
        return [self.sign("GET", f"/memberships/{self.membership}/trained-models/{path}")] * count

    def creates(self, count: int) -> list[bytes]:
        account, key = self.others.pop()
        requests = []
        for number in range(count):
            body = {
                "name": f"algorithm {number}",
                "roleArn": f"arn:aws:iam::{account}:role/bench",
                "trainingContainerConfig": {"imageUri": "bench/image:1"},
            }
            requests.append(self.sign("POST", "/configured-model-algorithms", json.dumps(body).encode(), key))
        return requests

    def list_pages(self) -> tuple[bytes, bytes]:
        """The first page of 50, and the last."""
        path = f"/memberships/{self.membership}/trained-models?maxResults=50"
        token = None
        for _ in range(MODELS // 50 - 1):
            token = self._next(path if token is None else f"{path}&nextToken={token}")
        return self.sign("GET", path), self.sign("GET", f"{path}&nextToken={token}")

    def _next(self, path: str) -> str:
        token: str = self.load.ask(self.sign("GET", path))["nextToken"]
        return token.replace("=", "%3D")


class _Moto:
    """Requests to moto's server."""

    def __init__(self, endpoint: str) -> None:
        host, port = endpoint.removeprefix("http://").split(":")
        self.endpoint = endpoint
        self.load = Load((host, int(port)), CONNECTIONS)
        created = self.load.ask(self.creates(1)[0])
        self.collaboration = created["collaboration"]["id"]

    def sign(self, method: str, path: str, body: bytes = b"") -> bytes:
        return signed(method, self.endpoint + path, body, "cleanrooms", "testing", "testing")

    def gets(self, count: int) -> list[bytes]:
        return [self.sign("GET", f"/collaborations/{self.collaboration}")] * count

    def creates(self, count: int) -> list[bytes]:
        body = {
            "name": "a collaboration",
            "description": "a row",
            "creatorDisplayName": "us",
            "creatorMemberAbilities": ["CAN_QUERY"],
            "queryLogStatus": "DISABLED",
            "members": [],
        }
        return [self.sign("POST", "/collaborations", json.dumps(body).encode())] * count

    def list(self) -> bytes:
        return self.sign("GET", "/collaborations?maxResults=50")


def _fill(room: Path) -> tuple[str, str]:
    """A membership with 100,000 trained models, written straight into the store; its id and one model's ARN."""
    store = SqliteStore(room / "whiteroom.db")
    now = utc_now()
    collaboration, membership = new_id(), new_id()
    with store.transaction() as tx:
        tx.collaborations.add(
            Collaboration(
                id=collaboration,
                arn=f"arn:aws:cleanrooms:{REGION}:{ACCOUNT}:collaboration/{collaboration}",
                name="bench",
                description=None,
                creator_account_id=ACCOUNT,
                creator_display_name="us",
                query_log_status="DISABLED",
                job_log_status=None,
                analytics_engine="SPARK",
                data_encryption_metadata=None,
                auto_approved_change_types=(),
                allowed_result_regions=(),
                is_metrics_enabled=None,
                status=CollaborationStatus.ACTIVE,
                created_at=now,
                updated_at=now,
            )
        )
        arn = f"arn:aws:cleanrooms:{REGION}:{ACCOUNT}:membership/{membership}"
        place = member_id(collaboration, ACCOUNT)
        tx.members.add(
            Member(
                place,
                collaboration,
                ACCOUNT,
                "us",
                ("CAN_QUERY",),
                (),
                {},
                MemberStatus.ACTIVE,
                membership,
                arn,
                now,
                now,
            )
        )
        tx.memberships.add(
            Membership(
                membership, arn, collaboration, ACCOUNT, MembershipStatus.ACTIVE, "DISABLED",
                None, None, None, {}, None, now, now,
            )
        )  # fmt: skip
    for start in range(0, MODELS, 10_000):
        with store.transaction() as tx:
            for number in range(start, start + 10_000):
                model = _model(number, collaboration, membership, now - timedelta(seconds=number))
                tx.trained_models.add(model)
    store.close()
    return membership, model.arn


def _model(number: int, collaboration: str, membership: str, at: Any) -> TrainedModel:
    association = f"membership/{membership}/configured-model-algorithm-association/{collaboration}"
    return TrainedModel(
        id=new_id(),
        arn=cleanrooms_ml_arn(REGION, ACCOUNT, f"membership/{membership}/trained-model/{new_id()}"),
        version_identifier=BASE_VERSION,
        is_latest=True,
        membership_id=membership,
        collaboration_id=collaboration,
        account_id=ACCOUNT,
        name=f"model {number}",
        description="a row of the benchmark",
        association_arn=cleanrooms_ml_arn(REGION, ACCOUNT, association),
        resource_config={"instanceType": "ml.m5.xlarge", "instanceCount": 1, "volumeSizeInGB": 10},
        stopping_condition={"maxRuntimeInSeconds": 600},
        hyperparameters={"trees": "100", "learning_rate": "0.1"},
        environment={},
        data_channels=({"channelName": "train", "mlInputChannelArn": association},),
        incremental_channels=(),
        training_input_mode="File",
        payer_account_id=ACCOUNT,
        kms_key_arn=None,
        image_digest="sha256:" + "0" * 64,
        logs_status=None,
        logs_status_details=None,
        metrics_status=None,
        metrics_status_details=None,
        model_bytes=1_000_000,
        output_bytes=0,
        partial_bytes=None,
        partial_pending=False,
        retries=0,
        retry=None,
        seconds_spent=0,
        run_started_at=at,
        run_ended_at=at,
        status=Status.ACTIVE,
        status_code=None,
        status_message=None,
        revision=2,
        created_at=at,
        updated_at=at,
    )


@contextmanager
def _peer() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(PEER_PYTHON), "bench/moto_peer.py", str(port), str(MODELS)]
    process = subprocess.Popen(on_core(0, command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{endpoint}/moto-api/").close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        yield endpoint
    finally:
        process.terminate()
        process.wait(30)

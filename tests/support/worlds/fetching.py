"""Members who fetch what was delivered to them, from a real server that knows their keys.

members.join(BOB)
result = members.delivered.to(BOB, {"rows.csv": b"1"})
members.ask(members.keys[BOB], path_of(result))
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from support.command import CommandLine
from support.server import RunningServer
from support.shapes import botocore_session
from support.worlds.delivered import Delivered
from whiteroom.domain.resources.results import Result

REGION = "eu-west-1"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> str:
        return self.headers["x-amzn-errortype"]

    @property
    def message(self) -> str:
        said: str = json.loads(self.body)["message"]
        return said


@dataclass
class Members:
    """A server, its accounts with keys, and what was delivered to them."""

    server: RunningServer
    cli: CommandLine
    delivered: Delivered
    keys: dict[str, Credentials] = field(default_factory=dict)

    def join(self, account: str) -> None:
        self.keys[account] = key_of(self.cli("accounts", "add", account, "--json").json)

    def ask(
        self,
        who: Credentials,
        path: str,
        *,
        method: str = "GET",
        service: str = "whiteroom",
        sign: type[SigV4Auth] = SigV4Auth,
        **headers: str,
    ) -> Answer:
        """A request, signed by botocore."""
        request = AWSRequest(method, self.server.url + path)
        sign(who, service, REGION).add_auth(request)
        return self.send(method, path, {**request.headers, **named(headers)})

    def presigned(
        self, who: Credentials, path: str, *, method: str = "GET", seconds: int = 900, service: str = "whiteroom"
    ) -> str:
        """The path and query of a URL that botocore has presigned."""
        request = AWSRequest(method, self.server.url + path)
        SigV4QueryAuth(who, service, REGION, expires=seconds).add_auth(request)
        return str(request.url).removeprefix(self.server.url)

    def send(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        """A request as it stands."""
        connection = http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=30)
        try:
            connection.request(method, target, headers=dict(headers or {}))
            said = connection.getresponse()
            return Answer(said.status, {name.lower(): value for name, value in said.getheaders()}, said.read())
        finally:
            connection.close()

    def client(self, who: Credentials) -> Any:
        """botocore's own client of the service, from the model that comes with Whiteroom."""
        return botocore_session().create_client(
            "whiteroom",
            region_name=REGION,
            endpoint_url=self.server.url,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            aws_session_token=who.token,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def events(self, result: Result) -> list[str]:
        """The reasons of what happened to the job that gave a result."""
        with self.delivered.store.reading() as tx:
            job = tx.protected_queries.get(result.job_id)
            assert job is not None
            return [event.reason for event in tx.events(job.arn) if event.record_id == job.id]


def named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def key_of(told: Any) -> Credentials:
    return Credentials(told["accessKeyId"], told["secretAccessKey"])


def path_of(result: Result, name: str = "rows.csv") -> str:
    return f"/whiteroom/v1/results/{result.id}/{name}"

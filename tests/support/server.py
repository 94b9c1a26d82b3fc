"""The real server for tests: `whiteroom up --port 0 --dev` in a process of its own.

with running_server(tmp_path / "data") as server:
    server.client("cleanrooms", "111111111111").create_collaboration(...)
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config

from support.patience import stretch
from support.protocols import speak
from support.shapes import BOTOCORE_NAMES, assert_fits, botocore_session
from support.worlds.servers import AnyServer

READY_SECONDS = 120
_READY = re.compile(r"Whiteroom is ready at (https?://\S+?)[,.] ")


@dataclass
class RunningServer(AnyServer):
    """One server and what talks to it."""

    data: Path
    url: str
    process: subprocess.Popen[str]
    region: str = "us-east-1"
    parameter_validation: bool = True
    """Whether clients look at what they are to send."""
    ca: Path | None = None
    """Whose certificate clients trust, where the server speaks TLS."""
    _clients: list[Any] = field(default_factory=list)
    _known: dict[tuple[str, str, str | None], Any] = field(default_factory=dict)

    def call(self, account_id: str, service: str, operation: str, /, **request: Any) -> Any:
        """One operation as an account through boto3; what it answers is held to the service model."""
        client = self.client_of(BOTOCORE_NAMES[service], account_id)
        answer = getattr(client, xform_name(operation))(**request)
        model = client.meta.service_model.operation_model(operation)
        assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == model.http.get("responseCode", 200)
        if model.output_shape is not None:
            assert_fits(model.output_shape, answer)
        return answer

    def catalogue(self, account_id: str, name: str, columns: Iterable[str]) -> None:
        """Its operator adds tables, with commands."""

    def client_of(self, service: str, account: str, protocol: str | None = None) -> Any:
        """A client for all calls of an account in a protocol, or in the one that boto3 likes best."""
        known = (service, account, protocol)
        if known not in self._known:
            self._known[known] = self.client(
                service, account, protocol=protocol, parameter_validation=self.parameter_validation
            )
        return self._known[known]

    def client(
        self, service: str, account: str, secret: str = "unchecked", *, protocol: str | None = None, **config: Any
    ) -> Any:
        """A boto3 client; `account` is twelve digits (development mode) or an access key id with its `secret`."""
        session = botocore_session()
        if protocol is not None:
            speak(session, protocol)
        client: Any = boto3.Session(botocore_session=session).client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=account,
            aws_secret_access_key=secret,
            verify=None if self.ca is None else str(self.ca),
            config=Config(retries={"total_max_attempts": 1}, **config),
        )
        self._clients.append(client)
        return client

    def stop(self, sent: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
        """End the server; its exit code. It has so many seconds of a machine that does nothing else."""
        self.process.send_signal(sent)
        return self.process.wait(seconds * stretch())

    def close(self) -> None:
        """Close every client, and kill the server where it still runs."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.stop()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running_server(
    data: Path,
    *options: str,
    dev: bool = True,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
    ca: Path | None = None,
) -> Iterator[RunningServer]:
    """A server on `data`, ready when this is entered and gone when it is left. Its log is DATA.log."""
    command = [python, "-m", "whiteroom", "up", "--data", str(data), "--port", "0", *options]
    if dev:
        command.append("--dev")
    log = data.parent / f"{data.name}.log"
    with log.open("a") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(environment or {})}
        )
    server = RunningServer(data, "", process, ca=ca)
    try:
        line = _first_line(process)
        ready = _READY.match(line)
        if ready is None:
            raise AssertionError(f"The server did not start: {line!r}\n{log.read_text()}")
        server.url = ready[1]
        yield server
    finally:
        server.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    """What the server says first; nothing where it says nothing in time, and then it is killed."""
    assert process.stdout is not None
    overdue = threading.Timer(READY_SECONDS, process.kill)
    overdue.start()
    try:
        return process.stdout.readline()
    finally:
        overdue.cancel()

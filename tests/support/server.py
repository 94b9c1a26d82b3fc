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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from support.protocols import speak

READY_SECONDS = 120
_READY = re.compile(r"Whiteroom is ready at (http://\S+?)[,.] ")


@dataclass
class RunningServer:
    """One server and what talks to it."""

    data: Path
    url: str
    process: subprocess.Popen[str]
    region: str = "us-east-1"
    _clients: list[Any] = field(default_factory=list)

    def client(
        self, service: str, account: str, secret: str = "unchecked", *, protocol: str | None = None, **config: Any
    ) -> Any:
        """A boto3 client; `account` is twelve digits (development mode) or an access key id with its `secret`."""
        session = botocore.session.Session()
        if protocol is not None:
            speak(session, protocol)
        client: Any = boto3.Session(botocore_session=session).client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=account,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}, **config),
        )
        self._clients.append(client)
        return client

    def stop(self, sent: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
        """End the server; its exit code."""
        self.process.send_signal(sent)
        return self.process.wait(seconds)

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
    server = RunningServer(data, "", process)
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

"""server.json: the lock that allows one server per data folder, and the address where it listens."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from whiteroom.cli.problems import Problem


@dataclass(frozen=True, slots=True)
class ServerFile:
    """The file of a server that holds its data folder."""

    file: TextIOWrapper

    def announce(self, url: str, *, dev: bool, s3: str | None = None) -> None:
        """Write down where the server and its S3 listen, and whether in development mode, for the other commands."""
        self._write({"url": url, "pid": os.getpid(), "dev": dev, "s3": s3})

    def announce_end(self) -> None:
        """Write down that the server is stopping: nobody is answered any more."""
        with suppress(OSError):  # a disk that has failed meanwhile
            self._write({"stopping": True, "pid": os.getpid()})

    def _write(self, document: Mapping[str, object]) -> None:
        self.file.seek(0)
        self.file.truncate()
        json.dump(document, self.file)
        self.file.flush()


@contextmanager
def held(path: Path) -> Iterator[ServerFile]:
    """Hold the data folder; it is free again when this process ends, however it ends.

    Raises:
        Problem: another server holds it.
    """
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            written = _written(path)
            if written.get("stopping"):
                raise Problem(f"The server on {path.parent} is stopping: start this one in a moment.") from None
            raise Problem(
                f"A server already runs on {path.parent}, at {written.get('url') or 'another address'}. "
                "Stop it first, or name another folder with --data."
            ) from None
        except OSError as error:
            raise Problem(
                f"{path} cannot be locked: {error.strerror}. A data folder lies on a file system that has locks, "
                "such as a disk of this machine."
            ) from None
        file.truncate(0)
        yield ServerFile(file)
        with suppress(OSError):  # a disk that has failed meanwhile: who holds no lock is not there, whatever it says
            file.truncate(0)


def running_url(path: Path) -> str | None:
    """Where the server of a data folder listens; None where none runs."""
    url = _running(path).get("url")
    return None if url is None else str(url)


def running_s3_url(path: Path) -> str | None:
    """Where the S3 beside the server of a data folder listens; None where none runs."""
    url = _running(path).get("s3")
    return None if url is None else str(url)


def is_stopping(path: Path) -> bool:
    """Whether the server of a data folder is on its way out."""
    return bool(_running(path).get("stopping"))


def runs_in_development(path: Path) -> bool:
    """Whether a server runs on a data folder in development mode."""
    return bool(_running(path).get("dev"))


def _running(path: Path) -> Mapping[str, Any]:
    """What the server of a data folder has written down; nothing where none runs."""
    try:
        with path.open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _written(path)
    except FileNotFoundError:
        pass
    return {}


def _written(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def server_url(host: str, port: int, *, tls: bool = False) -> str:
    """The URL that clients of a server on `host` use; one that listens everywhere goes by the machine's name."""
    scheme = "https" if tls else "http"
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = socket.gethostname()
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

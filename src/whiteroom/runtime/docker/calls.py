"""The few calls of a container's life, without the SDK: its import takes 150 ms of a program's start.

An answer is read as HTTP/1.0 has it: until the engine closes the connection. What takes
credentials, a version or a search is the SDK's (engine.py). Imported by the supervisor:
nothing slow to import.
"""

# The module `socket` takes 9 ms to import, as it makes an enumeration of every constant; json 4 ms.
# ruff: noqa: PLC0415
from __future__ import annotations

import _socket
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_TIMEOUT_SECONDS = 60.0
_READ_BYTES = 1 << 16
_HEAD_BYTES = 1 << 16
_LINE, _LENGTH = b"\r\n", b"content-length"
_DONE, _CONFLICT, _NOT_FOUND = 300, 409, 404
_UPGRADED, _OK, _UNCHANGED = 101, 200, 304


class EngineFailed(Exception):
    """The engine cannot be reached, or refused. The message is its own words."""


class NotThere(EngineFailed):
    """The engine has no such thing."""


class Conflict(EngineFailed):
    """Something of that name is there already, or the state of things forbids it."""


class Calls:
    """One engine's socket. Every call has a connection of its own, so that any thread may call."""

    def __init__(self, socket: str, version: str) -> None:
        """Connect to nothing yet.

        Args:
            socket: the engine's.
            version: of its API, such as `1.41`.
        """
        self._socket, self._base = socket, f"/v{version}" if version else ""

    def create_network(self, document: Mapping[str, Any]) -> None:
        """Make a network of an API document."""
        self._call("POST", "/networks/create", _encoded(document))

    def remove_network(self, name: str) -> None:
        """Delete one; nothing there is a success."""
        self._remove(f"/networks/{name}")

    def remove_volume(self, name: str) -> None:
        """Delete one; nothing there is a success."""
        self._remove(f"/volumes/{name}?force=1")

    def create(self, name: str, document: bytes) -> None:
        """Make a container of an API document, in JSON."""
        self._call("POST", f"/containers/create?name={name}", document)

    def attach(self, container: str, *, writing: bool) -> int:
        """A descriptor to read what it writes from its start on, in frames (output.py).

        Args:
            container: has been made, and not started.
            writing: whether what it reads is written there, too.
        """
        streams = "stream=1&stdout=1&stderr=1" + ("&stdin=1" if writing else "")
        connection = self._connect()
        try:
            connection.sendall(
                f"POST {self._base}/containers/{container}/attach?{streams} HTTP/1.1\r\n"
                "Host: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n".encode()
            )
            status, length = _head(connection)
            if status not in {_UPGRADED, _OK}:
                # This connection is one that stays open.
                raise _failed(status, _rest(connection, length))
            connection.settimeout(None)
            return connection.detach()
        except OSError as problem:
            raise EngineFailed(str(problem)) from None
        finally:
            connection.close()

    def start(self, container: str) -> None:
        """Start it."""
        self._call("POST", f"/containers/{container}/start")

    def wait(self, container: str) -> None:
        """Return once it does not run."""
        self._call("POST", f"/containers/{container}/wait", timeout_seconds=None)

    def signal(self, container: str, name: str) -> None:
        """Send its first process a signal; one that does not run is a success."""
        try:
            self._call("POST", f"/containers/{container}/kill?signal={name}")
        except (Conflict, NotThere):
            return

    def inspect(self, container: str) -> dict[str, Any] | None:
        """All that the engine knows of it; None if there is no such container."""
        try:
            found = _plain(self._call("GET", f"/containers/{container}/json"))
        except NotThere:
            return None
        return found if isinstance(found, dict) else {}

    def remove_container(self, container: str) -> None:
        """Kill and delete one with its volumes; nothing there, or somebody else who is at it, is a success."""
        try:
            self._remove(f"/containers/{container}?force=1&v=1")
        except Conflict:
            return

    def _remove(self, path: str) -> None:
        try:
            self._call("DELETE", path)
        except NotThere:
            return

    def _call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        timeout_seconds: float | None = _TIMEOUT_SECONDS,
    ) -> bytes:
        kind = "Content-Type: application/json\r\n" if body else ""
        connection = self._connect()
        try:
            connection.settimeout(timeout_seconds)
            connection.sendall(
                f"{method} {self._base}{path} HTTP/1.0\r\nHost: engine\r\n{kind}"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            status, _ = _head(connection)
            answer = _rest(connection)
        except OSError as problem:
            raise EngineFailed(str(problem)) from None
        finally:
            connection.close()
        if status >= _DONE and status != _UNCHANGED:
            raise _failed(status, answer)
        return answer

    def _connect(self) -> _socket.socket:
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        connection.settimeout(_TIMEOUT_SECONDS)
        try:
            connection.connect(self._socket)
        except OSError as problem:
            connection.close()
            raise EngineFailed(str(problem)) from None
        return connection


def end_of_words(handle: int) -> None:
    """Tell a container that there is no more to read on an attached descriptor."""
    connection = _socket.socket(fileno=os.dup(handle))
    try:
        connection.shutdown(_socket.SHUT_WR)
    except OSError:
        return
    finally:
        connection.close()


def _head(connection: _socket.socket) -> tuple[int, int]:
    """Read an answer's head, and not a byte more: what follows may be a stream of another kind.

    Returns:
        The status, and how long the answer says that it is; 0 where it does not say.
    """
    head = b""
    while not head.endswith(_LINE + _LINE):
        # Looked at first: the kernel hands over all that is there.
        seen = connection.recv(_READ_BYTES, _socket.MSG_PEEK)
        if not seen or len(head) > _HEAD_BYTES:
            raise EngineFailed("It answered with no HTTP head.")
        end = (head + seen).find(_LINE + _LINE)
        wanted = len(seen) if end < 0 else end + 4 - len(head)
        head += connection.recv(wanted)
    first, *fields = head.split(_LINE)
    words = first.split(b" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        raise EngineFailed("It answered with no HTTP status.")
    lengths = [
        value.strip() for name, _, value in (field.partition(b":") for field in fields) if name.lower() == _LENGTH
    ]
    return int(words[1]), int(lengths[0]) if lengths and lengths[0].isdigit() else 0


def _rest(connection: _socket.socket, length: int | None = None) -> bytes:
    """The answer itself: so many bytes of it, or all until the connection is closed."""
    answer = b""
    while length is None or len(answer) < length:
        part = connection.recv(_READ_BYTES if length is None else length - len(answer))
        if not part:
            break
        answer += part
    return answer


def _encoded(document: Mapping[str, Any]) -> bytes:
    import json

    return json.dumps(document).encode()


def _plain(answer: bytes) -> object:
    import json

    try:
        return json.loads(answer) if answer.strip() else None
    except ValueError:
        return None


def _failed(status: int, answer: bytes) -> EngineFailed:
    said = _plain(answer)
    words = str(said.get("message") or said.get("cause") or "") if isinstance(said, dict) else ""
    words = words or answer[:500].decode(errors="replace").strip() or f"It answered with {status}."
    return {_NOT_FOUND: NotThere, _CONFLICT: Conflict}.get(status, EngineFailed)(words)

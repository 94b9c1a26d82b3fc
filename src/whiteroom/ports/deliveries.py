"""Delivers files to receivers' own locations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.deliveries import DeliveredFile, Destination


class DeliveryFailed(Exception):
    """A member's location took nothing. The message is for all members, and does not say where the location is.

    `for_receiver` is what the receiver and the operator read besides: which call was refused, and to whom. It may be
    empty.
    """

    def __init__(self, message: str, for_receiver: str = "") -> None:
        super().__init__(message)
        self.for_receiver = for_receiver


class DeliveryDelayed(Exception):
    """A member's location does not answer now: the same delivery is tried again, until it was too often.

    After that all members read the message; `for_receiver` is as in DeliveryFailed.
    """

    def __init__(self, message: str, for_receiver: str) -> None:
        super().__init__(message)
        self.for_receiver = for_receiver


class KeptResults(Protocol):
    """Has results that are on this server, and erases them."""

    def withdraw(self, location: str, path: str, files: Sequence[DeliveredFile], confirm: Callable[[], object]) -> bool:
        """Erase files that were delivered, without following links; what is absent is a success.

        Of files that are not those that were delivered, by their size, nothing is erased.

        Args:
            location: of the receiver, as it was delivered to.
            path: of the delivery, likewise.
            files: as `confirm` of the delivery got them.
            confirm: called when nothing else can be delivered to the same folder until they are erased; where it
                raises, nothing is erased, and what it raised goes to the caller.

        Returns:
            False where something is being delivered to the same folder: try again later.
        """


class DeliveryGone(Exception):
    """What was delivered is not there any more, or is not what was delivered. The message is for its receiver."""


class DeliveredBytes(Protocol):
    """Bytes of a delivered file, or a part of them, opened. From one thread at a time, whichever it is."""

    def read(self, limit_bytes: int) -> bytes:
        """The next bytes, at most so many; none at the end of what was asked for.

        Raises:
            DeliveryGone: the file was cut short meanwhile.
        """

    def close(self) -> None:
        """Let go of it; safe to repeat."""


class Deliveries(Protocol):
    """Puts files of data at members' locations, whole and safe to repeat."""

    def deliver(
        self,
        destination: Destination,
        job_id: str,
        path: str,
        sources: Iterable[tuple[str, DataRef]],
        confirm: Callable[[Sequence[DeliveredFile]], object] = lambda _files: None,
    ) -> None:
        """Put files (name, source) at the destination's location below the folder `path`, all or none.

        Sources are untrusted: only regular files are read, without following links.

        Args:
            destination: of the receiver.
            job_id: of the record of the job that gave them.
            path: of the delivery, below the location.
            sources: the files, by names made of `[A-Za-z0-9._-]` and slashes.
            confirm: called with what has been copied when all of it has been and none can be seen yet, since copying
                takes time: where it raises, nothing is delivered, and what it raised goes to the caller.

        Raises:
            UnsafeContents: a source is not a regular file, or no file can be delivered under its name.
            DeliveryFailed: the location cannot be written to.
            DeliveryDelayed: not now.
        """

    def open_delivered(
        self, location: str, path: str, file: DeliveredFile, start: int = 0, length: int | None = None
    ) -> DeliveredBytes:
        """Open a file that was delivered, without following links.

        It stays what it was when it was opened, whatever is delivered to the same place later. Whether it still is what
        was delivered then is for the caller to know from its records, once it is open.

        Args:
            location: of the receiver, as it was delivered to.
            path: of the delivery, likewise.
            file: as `confirm` got it.
            start: the first byte that is wanted.
            length: how many are; None for all that follow.

        Raises:
            DeliveryGone: it is not there, is no regular file, or has another size.
        """

"""Channels whose bytes are not on this machine, and come as a program reads them: one folder for each instance."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from whiteroom.base.documents import from_document, to_document
from whiteroom.domain.execution.runs import ChannelMount, InputMode, Run, TrainingRun, is_sharded, shard
from whiteroom.ports.data import Lent, LocalData
from whiteroom.runtime import contract
from whiteroom.runtime import spec as specs

_AS_THEY_COME = frozenset({InputMode.FAST_FILE, InputMode.PIPE})
"""Modes in which a program need not have all of a channel before it starts."""

_MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Lending:
    """What a run is lent."""

    places: Mapping[tuple[str, str], Path] = field(default_factory=dict)
    """By host and channel: where the folder is mounted, in the supervisor's own mount namespace alone."""
    lent: tuple[Lent, ...] = ()
    """What is in each, in the same order."""

    def place(self, host: str, channel: ChannelMount) -> Path | None:
        """Where a channel that is lent is found; None for one that is here."""
        return self.places.get((host, channel.name))

    def files(self, host: str, channel: ChannelMount) -> list[Path]:
        """The files that an instance is lent of a channel."""
        by_place = dict(zip(self.places, self.lent, strict=True))
        return [self.places[host, channel.name] / name for name in by_place[host, channel.name].names]


NOTHING = Lending()


def bring_all(run: Run, data: LocalData) -> None:
    """Have all be here that was offered: for a runtime that cannot lend."""
    for channel in _as_they_come(run):
        data.bring(channel.data)


def lend(run: Run, data: LocalData, folder: Path, final: Path, is_able: Callable[[], bool]) -> Lending:
    """What of a run's channels is to be lent; makes the folders that it is mounted on.

    What cannot be lent is brought, all of it.

    Args:
        run: has the channels.
        data: says what is elsewhere.
        folder: the run's while it is being made.
        final: its path once it is made.
        is_able: whether anything can be mounted here.
    """
    places, lent = {}, []
    if not isinstance(run, TrainingRun):
        return NOTHING
    for channel in _as_they_come(run):
        names = data.elsewhere(channel.data)
        if names and not is_able():
            data.bring(channel.data)
            continue
        for number, host in enumerate(contract.hosts(run.instance_count) if names else ()):
            place = Path(specs.LENT, host, channel.name)
            (folder / place).mkdir(parents=True)
            places[host, channel.name] = final / place
            own = shard(names, run.instance_count, number) if is_sharded(run, channel) else names
            lent.append(Lent(channel.data, tuple(own)))
    if lent:
        (folder / specs.LENT_FILE).write_text(json.dumps(to_document(lent)))
    return Lending(places, tuple(lent))


def start_lender(folder: Path, data: LocalData) -> None:
    """Start what lends to the run in `folder`, if it is lent anything, for its supervisor to connect to."""
    try:
        document = json.loads((folder / specs.LENT_FILE).read_text())
    except FileNotFoundError:
        return
    lent = [from_document(Lent, one) for one in document]
    with _listener(folder) as listener, (folder / specs.LENDER_LOG).open("ab") as log:
        data.lend(lent, listener, log.fileno())


def messages_of_lender(folder: Path) -> list[str]:
    """What the lender of the run in `folder` had for the operator, as far as one reads it."""
    try:
        with (folder / specs.LENDER_LOG).open(errors="replace") as words:
            return [line.rstrip() for line in islice(words, _MOST_LINES)]
    except FileNotFoundError:
        return []


@contextmanager
def _listener(folder: Path) -> Iterator[int]:
    """A socket in the run's folder, whose path may be longer than a socket's."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        (folder / specs.LENDER_SOCKET).unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(f"/proc/self/fd/{handle}/{specs.LENDER_SOCKET}")
            listener.listen(1)
            yield listener.fileno()
    finally:
        os.close(handle)


def _as_they_come(run: Run) -> Iterator[ChannelMount]:
    if isinstance(run, TrainingRun):
        yield from (channel for channel in run.channels if channel.input_mode in _AS_THEY_COME)

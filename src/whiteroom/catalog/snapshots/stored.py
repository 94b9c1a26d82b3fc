"""Asks for the state of a table of Iceberg or Delta that is in S3, by metadata brought with its owner's identity.

The process that reads them has no way to S3: it names what it needs, and that is brought for it (metadata_objects.py).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import IO, Any, cast

from whiteroom.aws.identities import Identity
from whiteroom.aws.refusals import AwsUnreachable
from whiteroom.catalog.snapshots.child import ANSWER_BYTES
from whiteroom.catalog.snapshots.delta_logs import needed_of_log
from whiteroom.catalog.snapshots.metadata_objects import MetadataObjects
from whiteroom.catalog.snapshots.places import MOST_FILES, Unreadable
from whiteroom.catalog.snapshots.planning import CHILD, SECONDS
from whiteroom.catalog.snapshots.remembering import Planned, Remembered, planned
from whiteroom.catalog.snapshots.states import HINT, HINT_BYTES, METADATA, state_among
from whiteroom.catalog.snapshots.stored_places import Root
from whiteroom.domain.privacy.query_tables import FileFormat, StoredObject
from whiteroom.ports.catalog import UnusableFiles

_LOG = "_delta_log"


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table in S3, as its catalog says."""

    format: FileFormat
    location: str
    """Its folder: all of its files are there."""
    state: str = ""
    """Iceberg's file of metadata; empty where no catalog names it, and the folder's own latest is meant."""
    snapshot: str = ""
    """Which state is meant; empty for the latest."""
    bucket_owner: str = ""
    """The account that must own its bucket; empty where any may."""


class StoredSnapshots:
    """What is known of tables' states, each for those who may read it."""

    def __init__(self, work: Path | None = None) -> None:
        """Have metadata in `work` while they are read, or where the machine has temporary files."""
        self._work = work
        self._remembered = Remembered()

    def plan(self, s3: Any, identity: Identity, table: StoredTable) -> Planned:
        """The objects and columns of a table's state.

        Args:
            s3: signs as the table's owner.
            identity: the owner's.
            table: which one.

        Raises:
            UnusableFiles: it cannot be read as it is.
            AwsRefused, AwsUnreachable: its metadata may not, or cannot, be read.
        """
        try:
            root = Root(table.location)
            objects = MetadataObjects(s3, identity, root, time.monotonic() + SECONDS, owner=table.bucket_owner)
            if table.format is FileFormat.ICEBERG and not table.state:
                table = replace(table, state=_latest(root, objects, self._work))
            needed = _needed(table, objects)
            mark = " ".join(f"{item.uri}-{item.etag}" for item in needed)
            who = (identity.account_id or "", identity.role_arn or "")
            key = (*who, table.format.value, root.uri, table.state, table.snapshot, mark)
            known = self._remembered.get(key)
            if known is None:
                known, size_bytes = _asked(table, root, objects, needed, self._work)
                self._remembered.keep(key, known, size_bytes)
        except Unreadable as error:
            raise UnusableFiles(
                f"it is a table of {table.format.value.title()} that cannot be read: {error}."
            ) from None
        except OSError as error:
            raise AwsUnreachable(f"Metadata cannot be written here while they are read: {error.strerror}.") from None
        return known


def _latest(root: Root, objects: MetadataObjects, work: Path | None) -> str:
    """The file of metadata that is a table's state, as its folder says."""
    found = objects.listed(METADATA)
    hint = None
    if HINT in found:
        if found[HINT].size_bytes > HINT_BYTES:
            raise Unreadable(f"{found[HINT].uri} has more than {HINT_BYTES} bytes, and names no state")
        with tempfile.TemporaryDirectory(prefix="whiteroom-metadata-", dir=work) as held:
            file = Path(held) / HINT
            objects.bring([found[HINT]], [file])
            hint = file.read_bytes()
    return found[state_among(found, hint, f"{root.uri}{METADATA}")].uri


def _needed(table: StoredTable, objects: MetadataObjects) -> list[StoredObject]:
    """What of the metadata tells their state from any other."""
    if table.format is FileFormat.ICEBERG:
        return [objects.looked_at(table.state)]
    found = objects.listed(_LOG)
    names = needed_of_log(found, table.snapshot)
    if len(names) > MOST_FILES:
        raise Unreadable(f"its log has more than {MOST_FILES:,} versions since a checkpoint. Make one")
    # Who may list it may not read it yet, and an answer may be remembered.
    objects.looked_at(found[names[-1]].uri)
    return [found[name] for name in names]


def _asked(
    table: StoredTable, root: Root, objects: MetadataObjects, needed: Sequence[StoredObject], work: Path | None
) -> tuple[Planned, int]:
    with tempfile.TemporaryDirectory(prefix="whiteroom-metadata-", dir=work) as held:
        folder = Path(held)
        if table.format is FileFormat.DELTA:
            (folder / _LOG).mkdir()
            objects.bring(needed, [folder / _LOG / item.uri.rpartition("/")[2] for item in needed])
            path = held
        else:
            path = table.state
        arguments = [table.format.value, path, table.snapshot, root.uri]
        answer = _Conversation(objects, folder).answer([sys.executable, "-I", "-B", "-m", CHILD, *arguments])
    return planned(answer), len(answer)


class _Conversation:
    """With the process that reads metadata: it names objects, and is told the files that were made of them."""

    def __init__(self, objects: MetadataObjects, folder: Path) -> None:
        self._objects, self._folder = objects, folder
        self._numbers = count()

    def answer(self, command: Sequence[str]) -> bytes:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, cwd="/"
        )
        late = threading.Event()

        def end() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(SECONDS, end)
        timer.start()
        try:
            with child:
                try:
                    said = self._until_answered(cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout))
                finally:
                    child.kill()
        finally:
            timer.cancel()
        if late.is_set():
            raise Unreadable(f"its metadata take more than {SECONDS} seconds to read")
        return said

    def _until_answered(self, asking: IO[bytes], asked: IO[bytes]) -> bytes:
        while True:
            said = asked.readline(ANSWER_BYTES + 1)
            wanted = _wanted(said)
            if wanted is None:
                return said
            files = [self._folder / str(next(self._numbers)) for _ in wanted]
            self._objects.bring_named(wanted, files)
            try:
                asking.write(f"{json.dumps(list(map(str, files)))}\n".encode())
                asking.flush()
            except OSError:
                return b""  # it is dead


def _wanted(said: bytes) -> list[str] | None:
    """The URIs that a line asks for; None where it is the answer."""
    try:
        wanted = json.loads(said).get("bring")
    except (ValueError, AttributeError):
        return None
    if wanted is None:
        return None
    if not (isinstance(wanted, list) and len(wanted) <= MOST_FILES and all(isinstance(uri, str) for uri in wanted)):
        raise Unreadable("its metadata name too many files")
    return wanted

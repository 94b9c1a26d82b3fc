"""Which place a server's folder keeps its data at: it is written down once, and no other is taken for it later."""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import SERVER
from whiteroom.aws.refusals import AwsUnreachable, AwsUnusable
from whiteroom.base.locations import PLACE_FILE, SHELF, parse_location
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.folder import FolderData
from whiteroom.data.s3.bucket import Bucket
from whiteroom.data.s3.cache import InUse
from whiteroom.data.s3.data import OUTLIVING, S3Data
from whiteroom.data.s3.lenders import Lenders
from whiteroom.data.s3.objects import Objects
from whiteroom.data.s3.sweeping import Sweeper

log = logging.getLogger(__name__)


class AnotherPlace(Exception):
    """The folder's data is elsewhere than the settings say. The message is for the operator."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder's data is."""

    location: str
    """`s3://BUCKET/PREFIX`."""
    server_id: str
    """What the server calls itself there."""


class Choice(Protocol):
    """What the settings say of a server's data."""

    @property
    def data(self) -> Path:
        """The server's folder."""

    @property
    def data_location(self) -> str:
        """`s3://BUCKET/PREFIX`; empty for the folder."""

    @property
    def cache_bytes(self) -> int:
        """How much of it may be on this machine."""

    @property
    def region(self) -> str:
        """The server's own."""

    @property
    def aws_profile(self) -> str:
        """Whose credentials; empty for the default chain."""


ServerData = FolderData | S3Data


def open_place(
    choice: Choice, in_use: InUse | None, sealed: Callable[[Objects | None], S3Data] | None = None
) -> ServerData:
    """The data of a server; for the server itself where `in_use` says what must stay on this machine.

    Args:
        choice: what the settings say.
        in_use: as it says.
        sealed: opens data that is sealed, in a bucket or, for None, in the folder; None where it is not to be.

    Raises:
        AnotherPlace: it is elsewhere, another server's, or S3 refuses this one. A server does not wait for one that
            does not answer: its steps do.
    """
    settled = require_place if in_use is None else settle
    place = settled(choice.data, choice.data_location)
    if sealed is None or choice.data_location:
        _require_no_shelf(choice.data)
    if not choice.data_location:
        return FolderData(choice.data) if sealed is None else sealed(None)
    bucket = bucket_of(choice, place)
    if sealed is None:
        folder = str(choice.data.absolute())
        lenders = Lenders(folder, choice.data_location, choice.cache_bytes, choice.region, choice.aws_profile)
        data = S3Data(choice.data, bucket, choice.cache_bytes, in_use, lenders=lenders)
    else:
        data = sealed(bucket)
    if in_use is not None:
        try:
            bucket.claim()
        except Trouble as error:
            if not isinstance(error.__cause__, AwsUnreachable):
                raise AnotherPlace(str(error)) from error
            log.error("The server starts all the same, and its steps wait: %s", error)  # noqa: TRY400 - a sentence says it
        Sweeper(data).start()
    return data


def try_out(choice: Choice) -> str:
    """Write, read, list and delete an object of its own where the data is; what was found, in a sentence.

    Raises:
        AnotherPlace: the data is elsewhere.
        Trouble: something of it fails, or the bucket is not fit to keep data in.
    """
    bucket = bucket_of(choice, require_place(choice.data, choice.data_location))
    folder, own = "doctor/", uuid.uuid4().hex
    try:
        if not bucket.write(folder + own, b"whiteroom", None) or bucket.write(folder + own, b"another", None):
            raise Trouble(
                f"The store of {bucket.shown()} lets a write through that is to happen only where nothing is yet "
                "(If-None-Match): use one that keeps to it, as S3 does."
            )
        found = bucket.read(folder + own)
        if found is None or found[0] != b"whiteroom" or own not in bucket.names(folder):
            raise Trouble(f"The store of {bucket.shown()} does not show what has just been written: use one that does.")
        list(bucket.uploads(folder))
    finally:
        bucket.delete([folder + own])
    if bucket.versions_are_kept():
        raise Trouble(
            f"The bucket of {bucket.shown()} keeps versions, so that what is erased is not gone: take one without "
            "versioning."
        )
    return f"{bucket.shown()} can be written, read, listed and deleted from."


def bucket_of(choice: Choice, place: Place | None) -> Bucket:
    """The bucket that is chosen, as the server that the place names."""

    def connect() -> Any:
        try:
            return AwsClients(choice.region, choice.aws_profile).client("s3", SERVER)
        except (AwsUnusable, BotoCoreError) as error:  # AWS_PROFILE may name a profile that is not there
            raise Trouble(f"S3 cannot be spoken to: {error}") from error

    return Bucket(connect, parse_location(choice.data_location), None if place is None else place.server_id)


def place_of(root: Path) -> Place | None:
    """Where the data of a server's folder is; None for the folder itself, or nowhere yet.

    Raises:
        AnotherPlace: its note of it is broken.
    """
    try:
        document = json.loads((root / PLACE_FILE).read_text(encoding="utf-8"))
        return Place(str(document["location"]), str(document["server"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise AnotherPlace(
            f"{root / PLACE_FILE} is broken, which says where the data is. Restore it from a backup."
        ) from None


def require_place(root: Path, location: str) -> Place | None:
    """Where the data of a server's folder is, which must be `location`; empty for the folder itself.

    Raises:
        AnotherPlace: it is elsewhere, so that what is there would be taken for lost.
    """
    place = place_of(root)
    location = _plain(location)
    if place is not None and place.location != location:
        given = f'data = "{location}"' if location else "the folder itself"
        raise AnotherPlace(
            f"The data of the server in {root} is at {place.location}, and its settings say {given}: set data to where "
            "it is. Nothing moves it."
        )
    if place is None and location and (found := sorted(set(_own(root)))):
        raise AnotherPlace(
            f"The folder {root} has data of its own, which would be taken for lost: {', '.join(found)}. Leave out the "
            f'setting data, or begin in another folder with data = "{location}".'
        )
    return place


def settle(root: Path, location: str) -> Place | None:
    """As `require_place`, and written down where it is not; safe to repeat.

    Raises:
        AnotherPlace: as `require_place`.
    """
    place = require_place(root, location)
    if place is None and location:
        place = Place(_plain(location), uuid.uuid4().hex)
        _write(root / PLACE_FILE, json.dumps({"location": place.location, "server": place.server_id}, indent=1))
    return place


def _require_no_shelf(root: Path) -> None:
    if any((root / SHELF).glob("manifests/*/*")):
        raise AnotherPlace(
            f'What the folder {root} keeps is sealed, and would be taken for lost: set files to "sealed", and leave '
            "out the setting data. Nothing takes the seals off."
        )


def _own(root: Path) -> Iterator[str]:
    data = FolderData(root)
    for kind in OUTLIVING:
        for record_id in data.held(kind):
            yield f"{kind} {record_id}"
            break


def _plain(location: str) -> str:
    return location.removesuffix("/")


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

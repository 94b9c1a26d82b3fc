"""Which keys, names and S3 locations are allowed. None that passes leads out of the store's folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from whiteroom.base.archives import shown

_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,255}")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS: Final = re.compile(r"\d+\.\d+\.\d+\.\d+")
_FORBIDDEN_STARTS: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_FORBIDDEN_ENDS: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

PLACE_FILE: Final = "data.json"
"""In a server's folder, where its data is in S3: which place that is."""
SHELF: Final = "sealed"
"""The folder in a server's that has what is kept sealed, where that is not in S3."""
STAGING_PREFIX: Final = ".delivery-"
"""What the store's own folders beside a delivery begin with; no member's folder may."""
_MAX_PATH_BYTES: Final = 1_024
"""S3's, for a whole key."""


@dataclass(frozen=True, slots=True)
class Location:
    """A parsed `s3://BUCKET/PREFIX`."""

    bucket: str
    folders: tuple[str, ...]
    """Of the prefix; empty where there is none."""


def plain_parts(text: str, what: str) -> tuple[str, ...]:
    """The parts of a key or of a file's name: `[A-Za-z0-9._-]`, joined by slashes.

    Raises:
        ValueError: it is none; the message names `what`.
    """
    parts = tuple(text.split("/"))
    if len(text) > _MAX_PATH_BYTES or any(part in {".", ".."} or not _PLAIN.fullmatch(part) for part in parts):
        raise ValueError(
            f"{what} {shown(text)!r} is not made of letters, digits, '.', '_' and '-', with single slashes between."
        )
    return parts


def folder_parts(text: str, what: str) -> tuple[str, ...]:
    """The folders of a prefix: any printable characters; a slash at the end adds nothing.

    Raises:
        ValueError: a folder is empty, `.`, `..`, too long, one of the store's own, or not printable.
    """
    text = text.removesuffix("/")
    parts = tuple(text.split("/")) if text else ()
    for part in parts:
        if part in {"", ".", ".."} or not part.isprintable() or len(part.encode(errors="replace")) > 255:
            raise ValueError(f"{what} {shown(text)!r} has a folder {shown(part)!r}, which no path can hold.")
        if part.startswith(STAGING_PREFIX):
            raise ValueError(f"{what} {shown(text)!r} has a folder that begins with {STAGING_PREFIX!r}.")
    if len(text.encode(errors="replace")) > _MAX_PATH_BYTES:
        raise ValueError(f"{what} is longer than {_MAX_PATH_BYTES:,} bytes.")
    return parts


def parse_location(location: str) -> Location:
    """Read `s3://BUCKET`, `s3://BUCKET/` or `s3://BUCKET/PREFIX`.

    Raises:
        ValueError: it has not that form, or the bucket's name breaks S3's rules.
    """
    scheme, separator, rest = location.partition("://")
    if scheme != "s3" or not separator:
        raise ValueError(f"The location {shown(location)!r} has not the form s3://BUCKET/PREFIX.")
    bucket, _, prefix = rest.partition("/")
    if (
        not _BUCKET.fullmatch(bucket)
        or ".." in bucket
        or _ADDRESS.fullmatch(bucket)
        or bucket.startswith(_FORBIDDEN_STARTS)
        or bucket.endswith(_FORBIDDEN_ENDS)
    ):
        raise ValueError(f"The location {shown(location)!r} names a bucket that breaks S3's rules for names.")
    return Location(bucket, folder_parts(prefix, "The location's prefix"))

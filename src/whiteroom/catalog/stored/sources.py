"""What an owner says of where a table is in S3: an object, a prefix, or a pattern, as of files of this machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from whiteroom.ports.catalog import UnusableFiles

_SCHEME = re.compile(r"s3[an]?://", re.IGNORECASE)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_MAGIC = re.compile(r"[*?[]")
_ANY = "**"
_MOST_BYTES = 1024
"""Of a key, in S3."""


def is_stored(source: str) -> bool:
    """Whether a source is a place in S3."""
    return _SCHEME.match(source) is not None


@dataclass(frozen=True, slots=True)
class Source:
    """A place in S3. Which of the three it is shows when it is looked for: a key may have any character."""

    bucket: str
    key: str
    """As it is written behind the bucket."""

    @property
    def uri(self) -> str:
        """As its owner reads it."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_pattern(self) -> bool:
        """Whether it may mean more than its own name says."""
        return _MAGIC.search(self.key) is not None

    @property
    def folder(self) -> str:
        """Where objects are looked for: behind it, folders may name partitions. Empty, or with a slash at its end."""
        if self.is_pattern:
            return self.key[: _MAGIC.split(self.key, maxsplit=1)[0].rfind("/") + 1]
        return self.as_folder

    @property
    def as_folder(self) -> str:
        """The key, taken for that of a folder as it is written: empty, or with a slash at its end."""
        return self.key if self.key.endswith("/") or not self.key else f"{self.key}/"

    @property
    def beginning(self) -> str:
        """How the keys of all begin that it means beside its own name."""
        return _MAGIC.split(self.key, maxsplit=1)[0] if self.is_pattern else self.folder

    def means(self, key: str) -> bool:
        """Whether a key that begins so is one of its objects.

        As of files: in a folder names that begin with a dot or an underscore are passed over; of a pattern, those that
        begin with a dot, unless it says one itself.
        """
        below = key[len(self.folder) :].split("/")
        if not self.is_pattern:
            return not any(part.startswith((".", "_")) for part in below)
        pattern = self.key[len(self.folder) :].split("/")
        if pattern[-1] == _ANY:
            pattern.append("*")
        dotted = any(part.startswith(".") for part in pattern)
        return _fits(below, pattern) and (dotted or not any(part.startswith(".") for part in below))


def parsed(source: str) -> Source:
    """A place in S3, of `s3://BUCKET/...`.

    Raises:
        UnusableFiles: it is none.
    """
    bucket, _, key = _SCHEME.sub("", source, count=1).partition("/")
    if not _BUCKET.fullmatch(bucket) or len(key.encode(errors="replace")) > _MOST_BYTES or not key.isprintable():
        raise UnusableFiles(f"{source!r} is no place in S3: write s3://BUCKET/PREFIX/, s3://BUCKET/KEY or a pattern.")
    return Source(bucket, key)


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path is one that a pattern means, part by part; `**` stands for any number of them."""
    reached = _opened({0}, pattern)
    for part in parts:
        reached = _opened(
            {at if pattern[at] == _ANY else at + 1 for at in reached if at < len(pattern) and _is(part, pattern[at])},
            pattern,
        )
    return len(pattern) in reached


def _is(part: str, pattern: str) -> bool:
    return pattern == _ANY or fnmatchcase(part, pattern)


def _opened(reached: set[int], pattern: Sequence[str]) -> set[int]:
    """Places of a pattern, with those behind each `**`, which may stand for nothing."""
    opened = set(reached)
    for at in range(len(pattern)):
        if at in opened and pattern[at] == _ANY:
            opened.add(at + 1)
    return opened

"""Environments that images share: made once of the same requirements, so that a change of code costs none.

    IMAGES/env-HEX            an environment, read-only; HEX is of its requirements, of Python and of pip's variables
    IMAGES/env-HEX.lock       held (shared) by a build that uses it, (alone) by the one that makes it

One stays as long as an image names it in its image.json. Requirements that name files, folders or addresses are not
shared: their text does not say what they are.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from whiteroom.runtime.images import environments
from whiteroom.runtime.images.locks import lock_of, locked, remove_unless_held
from whiteroom.runtime.trees import make_read_only

PREFIX: Final = "env-"

_NAMED: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[A-Za-z0-9._,\s-]*\])?\s*([<>=!~][^/\\@$]*)?(;[^/\\@$]*)?(\s--hash=\w+:[0-9a-f]+\s*)*"
)
"""A distribution by its name, with extras, versions, a marker and hashes."""
_ARCHIVE: Final = re.compile(r"\.(whl|zip|tar|tgz|gz|bz2|xz|tbz|txz|tlz|lz|lzma)\b", re.IGNORECASE)
"""pip takes a name that ends so for a file of the folder that it runs in."""
_INDEX: Final = re.compile(r"(-i|--index-url|--extra-index-url|--pre|--prefer-binary|--only-binary|--no-binary)\b[^$]*")
"""Options that say where from, in text that says it all."""


def names_versions_alone(requirements: str) -> bool:
    """Whether the same text asks for the same again: names and versions, and no file that may have changed."""
    whole = re.sub(r"\\\r?\n", " ", requirements)
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in whole.splitlines()]
    return all(
        _INDEX.fullmatch(line) or (_NAMED.fullmatch(line) and not _ARCHIVE.search(line)) for line in lines if line
    )


@contextmanager
def environment(
    images: Path,
    requirements: str,
    building: Callable[[], AbstractContextManager[Path]],
    progress: Callable[[str], None],
    *,
    fresh: bool = False,
) -> Iterator[Path]:
    """An environment below `images` in which the requirements are installed. In the block it stays, image or not.

    Args:
        images: the folder of images.
        requirements: the file's text.
        building: gives a folder to build in.
        progress: takes a line at a time of what is being done.
        fresh: whether one that is there is not good enough, such as after a new release of what is asked for.

    Raises:
        EnvironmentFailed: it cannot be had.
    """
    own = fresh or not names_versions_alone(requirements)
    place = images / (PREFIX + _key(requirements, os.urandom(16).hex() if own else ""))
    while True:
        with locked(lock_of(place), fcntl.LOCK_SH):
            if place.is_dir():
                progress("Using the environment")
                yield place
                return
        with locked(lock_of(place), fcntl.LOCK_EX):
            if not place.is_dir():
                with building() as folder:
                    _make(folder / "env", place, requirements, progress)


def sweep(images: Path) -> None:
    """Remove the environments that no image names and no build holds. The caller holds the lock of names."""
    wanted = {json.loads(facts.read_text()).get("environment") for facts in images.glob("sha256-*/image.json")}
    for place in images.glob(f"{PREFIX}*"):
        if place.is_dir() and place.name not in wanted:
            remove_unless_held(place)


def _key(requirements: str, salt: str) -> str:
    base = environments.base()
    pips = sorted((name, value) for name, value in os.environ.items() if name.startswith("PIP_"))
    parts = [requirements, base.identity, str(base.executable), str(base.prefix), pips, salt]
    return environments.sha256(json.dumps(parts).encode())


def _make(draft: Path, place: Path, requirements: str, progress: Callable[[str], None]) -> None:
    environments.create(draft, requirements, progress)
    make_read_only(draft)
    # A folder can be renamed only by who may write to it.
    draft.chmod(0o755)
    draft.rename(place)
    place.chmod(0o555)

"""What is kept under an id, as the store says it: the names of files, and in which object each one's bytes are.

A manifest is one object, written when all that it names is there. Readers believe it alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from whiteroom.base.documents import NoDocument, from_document, to_document
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.ports.keys import DataKey

FORMAT: Final = 1
BLOCK_BYTES: Final = 4 << 20
"""What a file is read by where it is read in ranges: each block has a checksum of its own."""
_SUM_BYTES: Final = 32
SEALED_FORMAT: Final = 2
"""Of a manifest that is sealed (seals.py)."""


class BrokenManifest(Exception):
    """It is none, or of a release that came later."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is kept."""

    name: str
    """Below the id, with slashes."""
    size_bytes: int
    sha256: str
    """Of all of it, in hexadecimal digits."""
    object: str
    """Names its bytes among the id's objects. No object is written twice."""
    mode: int
    """Its permissions."""
    content_bytes: int | None = None
    """Of what is inside, where it is an archive that `pack` made."""
    is_sealed: bool = False
    """Whether its object is a sealed stream."""
    blocks: str = ""
    """The SHA-256 of each BLOCK_BYTES of it, one after the other, in base64; empty for a file that is sealed, and for
    one that an earlier release kept."""

    def block_sums(self) -> tuple[bytes, ...]:
        """What `blocks` says, by block.

        Raises:
            BrokenManifest: it is none, or says it of another number of blocks.
        """
        try:
            sums = base64.b64decode(self.blocks, validate=True)
        except ValueError:
            sums = b"?"
        if self.blocks and len(sums) != -(-self.size_bytes // BLOCK_BYTES) * _SUM_BYTES:
            raise BrokenManifest(f"its checksums of the file {self.name} are of another one")
        return tuple(sums[start : start + _SUM_BYTES] for start in range(0, len(sums), _SUM_BYTES))


@dataclass(frozen=True, slots=True)
class ResourceKey:
    """What everything that is kept under an id is sealed by."""

    key: bytes = field(repr=False)
    """Of all objects of that id, and of nothing else. It is in the manifest, sealed, and nowhere else."""
    data_key: DataKey
    """What the manifest is sealed by; a ring that remembers may have given the same for something else."""
    context: str
    """The ARN that the data key is wrapped for."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is kept under an id."""

    files: tuple[KeptFile, ...] = ()
    key: ResourceKey | None = field(default=None, compare=False)
    """None where nothing is sealed."""
    by_name: Mapping[str, KeptFile] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {file.name: file for file in self.files})

    def below(self, part: str) -> dict[str, KeptFile]:
        """The file of that name, or all files in the folder of that name; every file for an empty one."""
        return {name: file for name, file in self.by_name.items() if is_below(name, part)}

    def replaced(self, part: str, files: Mapping[str, KeptFile]) -> Manifest:
        """With these files in place of what is at `part` or below it."""
        others = [file for file in self.files if not is_below(file.name, part)]
        return replace(self, files=tuple(sorted((*others, *files.values()), key=lambda file: file.name)))

    def dump(self) -> bytes:
        """As an object's bytes, in plain text."""
        return json.dumps({"format": FORMAT, "files": to_document(self.files)}, indent=1).encode()

    @classmethod
    def load(cls, data: bytes) -> Manifest:
        """What `dump` wrote.

        Raises:
            BrokenManifest: it did not write this.
        """
        try:
            document = json.loads(data)
            found = document["format"]
            if found == SEALED_FORMAT:
                raise BrokenManifest('it is sealed: set files to "sealed"')
            if found != FORMAT:
                raise BrokenManifest(f"it has the format {found}, and this release knows {FORMAT}")
            manifest = cls(tuple(from_document(KeptFile, item) for item in document["files"]))
            if not all(map(_leads_below, manifest.files)):
                raise BrokenManifest("it names a file that would lie elsewhere")
        except (ValueError, KeyError, TypeError, RecursionError, NoDocument) as error:
            raise BrokenManifest("it is not as it was written") from error
        return manifest


def _leads_below(file: KeptFile) -> bool:
    """Whether names of files and objects stay where they belong, whoever has written the manifest."""
    parts = file.name.split("/")
    return not {"", ".", ".."} & {*parts, file.object} and "/" not in file.object and "\0" not in file.name


def is_below(name: str, part: str) -> bool:
    """Whether a file is the part, or is in it."""
    return not part or name == part or name.startswith(f"{part}/")


def slug(kind: DataKind) -> str:
    """What a kind is called in names of objects and files."""
    return kind.name.lower().replace("_", "-")


OBJECTS: Final = "objects/"
"""The folder of what manifests name."""


def objects_of(ref: DataRef) -> str:
    """The folder of the objects of an id."""
    return f"{OBJECTS}{slug(ref.kind)}/{ref.id}/"

"""What is kept under an id is sealed by a key of its own, which lies sealed in the manifest, and nowhere else.

So erasing the manifest takes the key along, and nothing is looked up to open what is kept. A sealed manifest is a JSON
document with the ARN that its data key is wrapped for, and a sealed value (envelope/values.py): the wrapped data key,
and under it the 32 bytes of the key and the manifest.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from whiteroom.data.s3.manifests import SEALED_FORMAT, BrokenManifest, Manifest, ResourceKey, slug
from whiteroom.domain.execution.data import DataRef
from whiteroom.envelope.values import seal, unseal
from whiteroom.ports.keys import DATA_KEY_BYTES, DataKey, KeyRing, WrongKey


@dataclass(frozen=True, slots=True)
class SealedAs:
    """What data is sealed as."""

    key_name: str
    """The key that wraps its data key: the one that a request has named, or the collaboration's."""
    context: str
    """The ARN of what it belongs to."""


class Seal:
    """Seals manifests, and has the keys of what they name. For threads to share."""

    def __init__(self, ring: KeyRing, sealed_as: Callable[[DataRef], SealedAs], *, takes_plain: bool) -> None:
        """Seal by a ring.

        Args:
            ring: wraps the data keys.
            sealed_as: says of data by which key, and as what; asked for what nothing is kept of yet.
            takes_plain: whether what was kept in plain text before is read as well.
        """
        self._ring = ring
        self._sealed_as = sealed_as
        self._takes_plain = takes_plain

    def new_key(self, ref: DataRef) -> ResourceKey:
        """The key of an id under which nothing sealed is kept yet.

        Raises:
            KeyRefused: the ring gives none.
        """
        found = self._sealed_as(ref)
        data_key = self._ring.new(found.key_name, found.context)
        return ResourceKey(secrets.token_bytes(DATA_KEY_BYTES), data_key, found.context)

    def dump(self, ref: DataRef, manifest: Manifest, key: ResourceKey) -> bytes:
        """A manifest as an object's bytes, sealed."""
        text = seal(key.key + manifest.dump(), key.data_key, _place(ref, key.context))
        return json.dumps({"format": SEALED_FORMAT, "arn": key.context, "sealed": text}, indent=1).encode()

    def load(self, ref: DataRef, data: bytes) -> Manifest:
        """What `dump` wrote.

        Raises:
            BrokenManifest: it did not write this, or of something else.
            KeyTakenAway: the key that wraps its data key was.
            RingUnreachable: as it says.
        """
        if not is_sealed(data):
            if self._takes_plain:
                return Manifest.load(data)
            raise BrokenManifest("it is not sealed, and everything here is")
        document = json.loads(data)
        context, text = str(document.get("arn")), str(document.get("sealed"))
        opened: list[DataKey] = []

        def open_key(wrapped: bytes) -> bytes:
            opened.append(DataKey(self._ring.open(wrapped, context), wrapped))
            return opened[0].key

        try:
            plain = unseal(text, open_key, _place(ref, context))
        except WrongKey as error:
            raise BrokenManifest(f"it was changed, or belongs elsewhere ({error})") from None
        own, rest = plain[:DATA_KEY_BYTES], plain[DATA_KEY_BYTES:]
        return replace(Manifest.load(rest), key=ResourceKey(own, opened[0], context))


def is_sealed(data: bytes) -> bool:
    """Whether a manifest is sealed."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("format") == SEALED_FORMAT


def _place(ref: DataRef, context: str) -> str:
    return f"{context}\n{slug(ref.kind)}/{ref.id}"

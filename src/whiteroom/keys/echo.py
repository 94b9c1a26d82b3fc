"""A key ring that seals nothing: for development, where whoever looks at the folder is whoever made it."""

from __future__ import annotations

from whiteroom.keys.wrapping import Wrapped, parsed
from whiteroom.ports.keys import DATA_KEY_BYTES, DataKey, WrongKey

ECHO = "echo"


class EchoRing:
    """Implements `ports.KeyRing`: its data keys are known to everybody."""

    name = ECHO
    seals = False

    def new(self, key_arn: str, context: str) -> DataKey:
        """See `ports.KeyRing.new`."""
        return DataKey(bytes(DATA_KEY_BYTES), bytes(Wrapped(ECHO, key_arn, _blob(key_arn, context))))

    def open(self, wrapped: bytes, context: str) -> bytes:
        """See `ports.KeyRing.open`."""
        found = parsed(wrapped)
        if found.ring != ECHO or found.blob != _blob(found.key_arn, context):
            raise WrongKey(f"What is kept of {context} was wrapped for something else, or by another ring.")
        return bytes(DATA_KEY_BYTES)


def _blob(key_arn: str, context: str) -> bytes:
    return f"{key_arn} {context}".encode()

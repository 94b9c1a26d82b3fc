"""How wrapped keys are written: which ring wrapped it, by which key, and what that ring made of it."""

from __future__ import annotations

from dataclasses import dataclass

from whiteroom.ports.keys import WrongKey


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A wrapped data key, taken apart."""

    ring: str
    key_arn: str
    blob: bytes

    def __bytes__(self) -> bytes:
        return b"%s\n%s\n%s" % (self.ring.encode(), self.key_arn.encode(), self.blob)


def parsed(wrapped: bytes) -> Wrapped:
    """Take a wrapped key apart.

    Raises:
        WrongKey: it is none.
    """
    try:
        ring, key_arn, blob = wrapped.split(b"\n", 2)
        return Wrapped(ring.decode(), key_arn.decode(), blob)
    except ValueError:
        raise WrongKey("What is kept here is sealed by no key that this server knows, or is damaged.") from None

"""Keys that encrypt keys: each piece of what is kept has a data key of its own, and a ring wraps it.

Whoever keeps the wrapped key beside what it has sealed can open it again as long as the ring lets it, and no longer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

DATA_KEY_BYTES = 32


class KeyRefused(Exception):
    """A data key is not to be had. The message is a sentence for the owner of the key that wraps it."""


class KeyTakenAway(KeyRefused):
    """The key that wraps it was disabled, deleted, or withheld from this server, by whoever it belongs to."""


class WrongKey(KeyRefused):
    """It was wrapped by another key, for another context, or was changed since."""


class RingUnreachable(KeyRefused):
    """The ring does not answer. The same may succeed later."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key for one context: in the clear, to be used and forgotten; and wrapped, to be kept."""

    key: bytes = field(repr=False)
    """For AES-256-GCM."""
    wrapped: bytes
    """Says by itself which ring wrapped it, by which key."""


class KeyRing(Protocol):
    """Wraps data keys. Safe from any thread."""

    @property
    def name(self) -> str:
        """As the setting `keys` has it."""

    @property
    def seals(self) -> bool:
        """Whether its data keys keep anybody from reading anything."""

    def new(self, key_arn: str, context: str) -> DataKey:
        """A new data key.

        Args:
            key_arn: the key that wraps it: an AWS KMS key's ARN, or a name of the server's own, such as a
                collaboration's.
            context: the ARN of what is sealed by it, which is authenticated with it and not secret.

        Raises:
            KeyTakenAway: the key wraps nothing any more.
            RingUnreachable: as it says.
        """

    def open(self, wrapped: bytes, context: str) -> bytes:
        """The data key in the clear, where the key that wrapped it still does.

        Raises:
            KeyTakenAway: it does not.
            WrongKey: `wrapped` is none of this ring's, is damaged, or belongs to another context.
            RingUnreachable: as it says.
        """

"""The rings of one server: the chosen one wraps, and each opens what it has wrapped, whichever is chosen now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from whiteroom.keys.aws import AWS, AwsRing
from whiteroom.keys.echo import ECHO, EchoRing
from whiteroom.keys.local import LOCAL, LocalRing
from whiteroom.keys.remembering import RememberingRing
from whiteroom.keys.wrapping import parsed
from whiteroom.ports.keys import DataKey, KeyRing, WrongKey

RingName = Literal["local", "aws", "echo"]


class Rings:
    """Implements `ports.KeyRing` over several, so that what was sealed under one setting is read under another."""

    def __init__(self, chosen: str, rings: Mapping[str, KeyRing]) -> None:
        self._chosen = rings[chosen]
        self._rings = rings

    @property
    def name(self) -> str:
        """See `ports.KeyRing.name`."""
        return self._chosen.name

    @property
    def seals(self) -> bool:
        """See `ports.KeyRing.seals`."""
        return self._chosen.seals

    def new(self, key_arn: str, context: str) -> DataKey:
        """See `ports.KeyRing.new`."""
        return self._chosen.new(key_arn, context)

    def open(self, wrapped: bytes, context: str) -> bytes:
        """See `ports.KeyRing.open`."""
        name = parsed(wrapped).ring
        if name not in self._rings:
            raise WrongKey(f"What is kept of {context} was wrapped by the ring {name}, which this server has not.")
        return self._rings[name].open(wrapped, context)


def open_rings(chosen: RingName, master: Path, kms_key_arn: str, may_make: Callable[[], bool]) -> Rings:
    """The rings of a server; none of them is used before a key is asked for.

    Args:
        chosen: the one that wraps.
        master: the file of the local ring's master key.
        kms_key_arn: the AWS key of what no request has named a key for.
        may_make: whether a missing master key may be made.
    """
    return Rings(
        chosen,
        {
            LOCAL: LocalRing(master, lambda: chosen == LOCAL and may_make()),
            AWS: RememberingRing(AwsRing(kms_key_arn)),
            ECHO: EchoRing(),
        },
    )

"""Numbers that members carry back and forth, sealed: they reveal nothing, and the same number is sealed the same."""

from __future__ import annotations

import hmac

_ROUNDS = 6
_HALF = 0xFFFFFFFF


def sealed(number: int, key: bytes, purpose: str) -> int:
    """A number of 64 bits that stands for this one: a permutation that only the key's owner can turn back.

    A Feistel network on HMAC. Of two sealed numbers nobody can tell which was larger, or by how much.
    """
    left, right = number >> 32, number & _HALF
    for turn in range(_ROUNDS):
        left, right = right, left ^ _mixed(right, key, purpose, turn)
    return left << 32 | right


def unsealed(number: int, key: bytes, purpose: str) -> int:
    """The number behind a sealed one; some other where it was sealed for another purpose, or by nobody."""
    left, right = number >> 32, number & _HALF
    for turn in reversed(range(_ROUNDS)):
        left, right = right ^ _mixed(left, key, purpose, turn), left
    return left << 32 | right


def _mixed(half: int, key: bytes, purpose: str, turn: int) -> int:
    digest = hmac.digest(key, b"%d/%d/%s" % (turn, half, purpose.encode()), "sha256")
    return int.from_bytes(digest[:4], "big")

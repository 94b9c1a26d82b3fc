"""Sealed values: a text that is in a column in place of the plain one, and opens in that place alone.

`sealed:1:` and two parts in base64: the data key as the ring has wrapped it, empty where whoever reads it has the key;
and AES-256-GCM's nonce and ciphertext, over which the value's place is authenticated.
"""

from __future__ import annotations

import binascii
import os
from base64 import b64decode, b64encode
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from whiteroom.ports.keys import DataKey, WrongKey

PREFIX = "sealed:1:"
_NONCE_BYTES = 12


def is_sealed(text: str) -> bool:
    """Whether a column holds a sealed value. No JSON document begins like that, and no secret access key."""
    return text.startswith(PREFIX)


def seal(plain: bytes, key: DataKey, place: str) -> str:
    """Seal a value for one place, with its wrapped key beside it."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + AESGCM(key.key).encrypt(nonce, plain, place.encode())
    return f"{PREFIX}{b64encode(key.wrapped).decode()}:{b64encode(sealed).decode()}"


def unseal(text: str, open_key: Callable[[bytes], bytes], place: str) -> bytes:
    """The value, where its wrapped data key is opened.

    Raises:
        KeyRefused: it is not, or the value is damaged or stood somewhere else.
    """
    wrapped, sealed = _parts(text, place)
    return _opened(sealed, open_key(wrapped), place)


def unseal_by(text: str, key: bytes, place: str) -> bytes:
    """The value that was sealed by a key which is at hand.

    Raises:
        WrongKey: by another one; or it is damaged or stood somewhere else.
    """
    return _opened(_parts(text, place)[1], key, place)


def _parts(text: str, place: str) -> tuple[bytes, bytes]:
    try:
        wrapped, sealed = text.removeprefix(PREFIX).split(":")
        return b64decode(wrapped, validate=True), b64decode(sealed, validate=True)
    except (ValueError, binascii.Error):
        raise _wrong(place) from None


def _opened(sealed: bytes, key: bytes, place: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):
        raise _wrong(place) from None


def _wrong(place: str) -> WrongKey:
    where = " ".join(place.split())
    return WrongKey(f"What is kept of {where} was sealed for another place, by another key, or is damaged.")

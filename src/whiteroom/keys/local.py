"""A key ring of one master key in a file: what wraps is derived from it, one key for each key ARN.

There is nothing to be made for a key of a new name, and one backup of the master key is good for ever. A key is taken
away by its name in a list beside the master key, and given back by taking it out again.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from whiteroom.keys.wrapping import Wrapped, parsed
from whiteroom.ports.keys import DATA_KEY_BYTES, DataKey, KeyRefused, KeyTakenAway, RingUnreachable, WrongKey

LOCAL = "local"
MASTER_BYTES = 32
_NONCE_BYTES = 12
_KEYS_KEPT = 4096
"""Derived keys that are kept in memory; each takes microseconds to derive again."""


class UnusableMaster(KeyRefused):
    """There is no master key to begin with, or it is not the one. The message is a sentence for the operator."""


class LocalRing:
    """Implements `ports.KeyRing` over one master key. Nothing is read before the first key is asked for."""

    name = LOCAL
    seals = True

    def __init__(self, master: Path, may_make: Callable[[], bool]) -> None:
        """Wrap by the master key in the file `master`.

        Args:
            master: the file, for its owner alone; its folder is made with it.
            may_make: whether a missing master key may be made: nothing is wrapped by another one yet.
        """
        self._path = master
        self._may_make = may_make
        self._lock = Lock()
        self._cipher: Callable[[str], AESGCM] | None = None
        self._taken = _TakenAway(taken_list(master))

    def new(self, key_arn: str, context: str) -> DataKey:
        """See `ports.KeyRing.new`.

        Raises:
            UnusableMaster: as it says.
        """
        key, nonce = secrets.token_bytes(DATA_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
        sealed = self._key(key_arn).encrypt(nonce, key, context.encode())
        return DataKey(key, bytes(Wrapped(LOCAL, key_arn, nonce + sealed)))

    def open(self, wrapped: bytes, context: str) -> bytes:
        """See `ports.KeyRing.open`.

        Raises:
            UnusableMaster: as it says.
        """
        found = parsed(wrapped)
        if found.ring != LOCAL:
            raise WrongKey(f"What is kept of {context} was wrapped by the ring {found.ring}, not by the local one.")
        try:
            nonce, sealed = found.blob[:_NONCE_BYTES], found.blob[_NONCE_BYTES:]
            return self._key(found.key_arn).decrypt(nonce, sealed, context.encode())
        except (InvalidTag, ValueError):
            raise WrongKey(
                f"What is kept of {context} cannot be opened by the key {found.key_arn}: it was wrapped for something "
                "else, under another master key, or is damaged."
            ) from None

    def _key(self, key_arn: str) -> AESGCM:
        if self._taken.has(key_arn):
            raise KeyTakenAway(
                f"The key {key_arn} was taken away, so what it seals can be neither read nor written. The operator "
                f"gives it back by taking it out of {self._taken.path.name}."
            )
        if self._cipher is None:
            with self._lock:
                self._cipher = self._cipher or _ciphers(self._master())
        return self._cipher(key_arn)

    def _master(self) -> bytes:
        path = self._path
        try:
            if not path.exists():
                self._make()
            master = path.read_bytes()
        except OSError as error:
            raise UnusableMaster(
                f"The master key {path} cannot be used: {error.strerror}. It must be readable by the user that runs "
                "the server; the setting master_key names another file."
            ) from None
        if len(master) != MASTER_BYTES:
            raise UnusableMaster(
                f"The master key {path} must hold {MASTER_BYTES} bytes, and has {len(master)}. Restore it from a "
                "backup: without it what is sealed is lost."
            )
        return master

    def _make(self) -> None:
        """Put a new master key there, whole or not at all; of two at once the first one's is kept."""
        path = self._path
        if not self._may_make():
            raise UnusableMaster(
                f"The master key {path} is gone, and the data folder is sealed by it. Restore it from a backup, or "
                "name where it is now by the setting master_key. No other is made: it would open nothing."
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        own = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(MASTER_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(own, path)  # unlike a rename it replaces nothing
        except FileExistsError:
            pass
        finally:
            own.unlink()
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # before anything is sealed by it
        finally:
            os.close(folder)


def taken_list(master: Path) -> Path:
    """The list of the keys that were taken away: a key ARN a line."""
    return master.with_name(f"{master.name}.taken-away")


def is_private(path: Path) -> bool:
    """Whether nobody but its owner may read the file."""
    return not stat.S_IMODE(path.stat().st_mode) & 0o077


def _ciphers(master: bytes) -> Callable[[str], AESGCM]:
    @lru_cache(_KEYS_KEPT)
    def cipher(key_arn: str) -> AESGCM:
        derived = HKDF(SHA256(), DATA_KEY_BYTES, salt=b"whiteroom", info=key_arn.encode()).derive(master)
        return AESGCM(derived)

    return cipher


class _TakenAway:
    """The list of keys that were taken away, read again whenever it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[tuple[int, int, int] | None, frozenset[str]] = (None, frozenset())

    def has(self, key_arn: str) -> bool:
        """Whether the key was taken away.

        Raises:
            RingUnreachable: nobody can say.
        """
        try:
            facts = self.path.stat()
            version = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
            if version != self._read[0]:
                self._read = version, frozenset(map(str.strip, self.path.read_text(encoding="utf-8").splitlines()))
        except FileNotFoundError:
            return False
        except (OSError, UnicodeDecodeError) as error:
            raise RingUnreachable(
                f"{self.path} cannot be read, so that nobody knows which keys were taken away: {error}. "
                "No key is used until it can be."
            ) from None
        return key_arn in self._read[1]

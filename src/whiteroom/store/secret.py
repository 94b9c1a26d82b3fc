"""A secret of the data folder's own: random bytes, made once, in a file that the server's user alone reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32


class BrokenSecret(Exception):
    """The file holds something else. The message names it."""


def kept_secret(path: Path) -> bytes:
    """The secret in that file; where there is none, a new one is put there, whole or not at all.

    Raises:
        BrokenSecret: the file has another length.
    """
    if not path.exists():
        own = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(own, path)  # unlike a rename it replaces nothing: of two processes the first one's is kept
        except FileExistsError:
            pass
        finally:
            own.unlink()
    found = path.read_bytes()
    if len(found) != SECRET_BYTES:
        raise BrokenSecret(f"{path} must hold {SECRET_BYTES} bytes, and has {len(found)}. Restore it from a backup.")
    return found

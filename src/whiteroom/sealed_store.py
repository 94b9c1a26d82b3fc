"""The store of a data folder, with the ring of keys that its settings name; and the secrets that are in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from whiteroom.base.machine_errors import Trouble
from whiteroom.data.s3.seals import Seal, SealedAs
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.keys.local import LOCAL
from whiteroom.keys.rings import Rings, open_rings
from whiteroom.ports.keys import KeyRefused, WrongKey
from whiteroom.settings import Settings, SettingsError
from whiteroom.store.sealed import place_of
from whiteroom.store.secrets import is_sealed_by
from whiteroom.store.sqlite import SqliteStore

SECRET_BYTES = 32
NOISE, SESSIONS, LOG_TOKENS = "noise", "sessions", "log tokens"
"""What the noise of metrics is drawn from, what session tokens are sealed with, and the tokens of logs' pages."""


def open_store(settings: Settings, *, look_only: bool = False) -> SqliteStore:
    """The store of a data folder; from then on its secrets are sealed.

    Args:
        settings: of the folder.
        look_only: nothing is sealed that is not, and no key is made.

    Raises:
        SettingsError: its keys cannot be had. The message says which, and what to do.
    """
    store = SqliteStore(settings.database, _open_rings(settings))
    try:
        if not look_only:
            store.seal_secrets()
    except KeyRefused as error:
        store.close()
        remedy = f" Restore to {master_key_file(settings)} the master key that it was sealed under."
        wrong = isinstance(error, WrongKey) and settings.keys == LOCAL
        raise SettingsError(f"What the folder keeps cannot be opened: {error}{remedy if wrong else ''}") from None
    except BaseException:
        store.close()
        raise
    return store


def open_seal(settings: Settings, store: SqliteStore | None) -> Seal:
    """What seals the files of a data folder.

    Args:
        settings: of the folder.
        store: says whose the files are; None for a process that only opens some.
    """

    def sealed_as(ref: DataRef) -> SealedAs:
        if store is None:
            raise Trouble(f"The {ref.kind} {ref.id} lies in plain text still: a server on the folder seals it.")
        with store.reading() as tx:
            record = getattr(tx, RECORDS[ref.kind]).get(ref.id)
        if record is None:
            raise Trouble(f"There is no record of the {ref.kind} {ref.id}, so that nobody knows its key.")
        place = place_of(record)
        return SealedAs(place.key_name, place.context)

    return Seal(_open_rings(settings), sealed_as, takes_plain=bool(settings.data_location))


RECORDS: Final[Mapping[DataKind, str]] = {
    DataKind.CHANNEL: "ml_input_channels",
    DataKind.LAYOUT: "ml_input_channels",
    DataKind.RESULT: "protected_queries",
    DataKind.BASE_MODEL: "trained_models",
    DataKind.CHECKPOINT: "trained_models",
    DataKind.ARTEFACT: "trained_models",
}
"""By what is kept, the records that it belongs to, by their ids."""


def _open_rings(settings: Settings) -> Rings:
    return open_rings(
        settings.keys,
        master_key_file(settings),
        settings.kms_key_arn,
        may_make=lambda: not is_sealed_by(settings.database, LOCAL),
    )


def master_key_file(settings: Settings) -> Path:
    """The file of the local ring's master key."""
    return Path(settings.master_key) if settings.master_key else _state_folder() / "master.key"


def noise_secret(settings: Settings, store: SqliteStore, *, look_only: bool = False) -> bytes:
    """What the noise of a data folder's metrics is drawn from; made when it is first asked for, and never again.

    Raises:
        SettingsError: it cannot be read, or it is gone. With another one members would be shown other noise over the
            same values, and could average both.
    """
    path = settings.noise_key
    if not store.has_secret(NOISE) and not path.exists() and store.has_metrics():
        raise SettingsError(
            f"{path} is gone, from which the noise of the metrics in the database was drawn. Restore it from the "
            "backup of the database. Where there is none, and members may learn more of the metrics that they have "
            f"seen, make another: (umask 077; head -c {SECRET_BYTES} /dev/urandom > {path})"
        )
    return _secret(store, NOISE, path, "The key of the metrics' noise cannot be used: {}", look_only=look_only)


def session_secret(settings: Settings, store: SqliteStore, *, look_only: bool = False) -> bytes:
    """What a data folder's session tokens are sealed with; made when it is first asked for.

    Raises:
        SettingsError: it cannot be read.
    """
    without_backup = " Where that file has no backup, remove it: another is made, and users get new sessions."
    sentence = "The key of session tokens cannot be used: {}"
    return _secret(store, SESSIONS, settings.sessions_key, sentence, without_backup, look_only=look_only)


def log_token_secret(settings: Settings, store: SqliteStore) -> bytes:
    """What the tokens are sealed with, by which members page through logs; made when it is first asked for.

    Raises:
        SettingsError: it cannot be read.
    """
    return _secret(store, LOG_TOKENS, settings.folder("logs") / "token.key", "The key of log tokens cannot be used: {}")


def _secret(
    store: SqliteStore, name: str, path: Path, sentence: str, of_a_file: str = "", *, look_only: bool = False
) -> bytes:
    """A secret of the store's. One that is in a file, as earlier releases kept it, is taken in, and the file removed.

    Nothing is lost where this is cut short: the file goes when the store has it on the disk.

    Args:
        store: keeps it.
        name: its name there.
        path: the file of an earlier release.
        sentence: why it cannot be used, with the reason.
        of_a_file: what else to say where the file is the reason.
        look_only: make and keep nothing.
    """
    try:
        return _taken_in(store, name, path, look_only=look_only)
    except KeyRefused as error:
        raise SettingsError(sentence.format(error)) from None
    except (_Broken, OSError) as error:
        raise SettingsError(sentence.format(error) + of_a_file) from None


def _taken_in(store: SqliteStore, name: str, path: Path, *, look_only: bool) -> bytes:
    lying, found = _read(path), store.secret(name)
    if found is not None and lying not in (None, found):
        raise _Broken(f"{path} holds another one than the database, which has the one in use. Remove the file.")
    if look_only:
        return found or lying or b""
    if found is None:
        store.keep_secret(name, lying or secrets.token_bytes(SECRET_BYTES))
    if lying is not None:
        path.unlink(missing_ok=True)
        _sync(path.parent)
    kept = store.secret(name)
    if kept is None:
        raise RuntimeError(f"the secret {name} was kept, and is not there")
    return kept


class _Broken(Exception):
    """A file holds something else than it should. The message names it."""


def _read(path: Path) -> bytes | None:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(found) != SECRET_BYTES:
        raise _Broken(f"{path} must hold {SECRET_BYTES} bytes, and has {len(found)}. Restore it from a backup.")
    return found


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _state_folder() -> Path:
    """Where the user that runs the server keeps what is no data: `$XDG_STATE_HOME/whiteroom`, or its default."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():
        return Path(state) / "whiteroom"
    if os.geteuid() == 0:
        return Path("/var/lib/whiteroom-keys")
    try:
        return Path.home() / ".local" / "state" / "whiteroom"
    except RuntimeError:
        raise SettingsError(
            "This user has no home, so that there is no place for the master key: name its file by the setting "
            "master_key, outside of the data folder."
        ) from None

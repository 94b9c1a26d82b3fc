"""What `whiteroom doctor` says of keys: which ring seals what, and whether its master key is where it should."""

from __future__ import annotations

import os
from collections.abc import Iterator

from whiteroom.domain.execution.runs import Finding
from whiteroom.keys.local import LOCAL, is_private, taken_list
from whiteroom.ports.keys import KeyRefused
from whiteroom.sealed_store import master_key_file
from whiteroom.settings import Settings
from whiteroom.store.secrets import is_sealed_by
from whiteroom.store.sqlite import SqliteStore

SEALED = "Secrets, query texts, environments and hyperparameters are sealed; logs of programs are not."


def about_keys(settings: Settings, store: SqliteStore) -> Iterator[Finding]:
    """Which ring seals, and what; what is in plain text from before; and how the master key is."""
    plain = store.plain_documents()
    before = f" {plain:,} records are from before that, and are not sealed." if plain else ""
    match settings.keys:
        case "echo":
            detail = "NOTHING IS SEALED: keys is echo. It is for development mode alone."
            yield Finding("keys", ok=settings.dev, detail=detail, remedy="Leave the setting keys out.")
        case "aws":
            yield Finding("keys", ok=True, detail=f"AWS KMS, {settings.kms_key_arn}. {SEALED}{before}")
        case _:
            yield _about_master(settings, before)
    if is_sealed_by(settings.database, settings.keys):
        yield from _about_opening(store)


def _about_master(settings: Settings, before: str) -> Finding:
    path = master_key_file(settings)
    if not path.exists():
        if is_sealed_by(settings.database, LOCAL):
            return Finding(
                "keys", ok=False, detail=f"The master key {path} is gone.", remedy="Restore it from a backup."
            )
        return Finding("keys", ok=True, detail=f"The master key {path} is not there yet; the first server makes it.")
    detail = f"The master key is {path}. {SEALED}{before}"
    where = os.path.realpath(path)
    if os.path.commonpath((where, os.path.realpath(settings.data))) == os.path.realpath(settings.data):
        remedy = "It lies in the data folder, so whoever takes that has both: move it, and name it by master_key."
        return Finding("keys", ok=False, detail=detail, remedy=remedy)
    for file in filter(os.path.exists, (path, taken_list(path))):
        if not is_private(file):
            return Finding("keys", ok=False, detail=detail, remedy=f"Others may read it: chmod 600 {file}")
    return Finding("keys", ok=True, detail=f"{detail} Keep a backup of it, apart from the data folder's.")


def _about_opening(store: SqliteStore) -> Iterator[Finding]:
    """Whether the server's own key opens."""
    try:
        store.require_server_key()
    except KeyRefused as error:
        yield Finding("server key", ok=False, detail=str(error), remedy="No server starts on this folder.")

"""`whiteroom restore`: a data folder of a backup, on which a server goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from whiteroom.cli.backup import DATABASE, LOGS, say_what_is_missing
from whiteroom.cli.folder import AsJson
from whiteroom.cli.output import say, say_json
from whiteroom.cli.problems import Problem
from whiteroom.cli.progress import progress
from whiteroom.data.backups import BackupRefused, Manifest, drafted_folder, read_manifest, restore_files
from whiteroom.reads.under_way import runs_under_way
from whiteroom.store.migrations import HEAD
from whiteroom.store.sqlite import SqliteStore


def restore(
    backup: Annotated[Path, typer.Argument(help="What `whiteroom backup` has made.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="The new data folder; not there yet, or empty.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Make a data folder of a backup. It is there whole or not at all, and every file is held to its checksum.

    Put the keys that are named in their places before a server starts on it. Work that was under way when the backup
    was made has died with the machine, for the new server, and is started again.

    Example: `whiteroom restore /backups/monday /srv/whiteroom`
    """
    try:
        manifest = read_manifest(backup)
        _refuse_newer(manifest, backup)
        with drafted_folder(folder) as draft:
            size_bytes = sum(entry.size_bytes for entry in manifest.entries)
            with progress("Restoring", size_bytes, in_bytes=True) as advance:
                restore_files(backup, manifest, draft, advance)
            (draft / LOGS).mkdir(exist_ok=True, mode=0o700)
            runs = _mark_dead(draft)
    except BackupRefused as error:
        raise Problem(str(error)) from None
    if as_json:
        summary = {
            "folder": str(folder),
            "madeAt": manifest.made_at,
            "lost": manifest.lost,
            "keysToPutThere": manifest.keys,
        }
        say_json({**summary, "runsStartedAgain": runs})
        return
    say(f"{folder} is as the backup's data folder was at {manifest.made_at}.")
    say_what_is_missing(manifest, folder)
    if manifest.keys:
        say("Put these keys there, then start a server on it.")
    if runs:
        say(f"Runs that were under way, and are started again: {len(runs)}.")


def _refuse_newer(manifest: Manifest, backup: Path) -> None:
    if manifest.schema > HEAD:
        raise BackupRefused(
            f"{backup} was made by Whiteroom {manifest.release}, whose schema {manifest.schema} this release does not "
            f"know: it knows {HEAD}. Install that release, or a later one."
        )


def _mark_dead(draft: Path) -> list[str]:
    """Have every run that was under way look like one that died before it began: it is tried again (decision 0023)."""
    store = SqliteStore(draft / DATABASE)
    try:
        damage = store.damage()
        if damage:
            raise BackupRefused(f"The backup's database cannot be used: {damage}")
        runs = [*map(str, runs_under_way(store))]
    finally:
        store.close()
    for run in runs:
        (draft / "runs" / run).mkdir(parents=True, mode=0o700)
    return runs

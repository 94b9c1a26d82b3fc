"""`whiteroom backup`: a copy of a data folder while its server runs, as of one moment of its database."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from whiteroom.app import open_data
from whiteroom.base.clock import utc_now
from whiteroom.base.locations import PLACE_FILE, STAGING_PREFIX
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store, require_database
from whiteroom.cli.output import say, say_json
from whiteroom.cli.problems import Problem
from whiteroom.cli.progress import progress
from whiteroom.cli.s3_backup import copy_s3
from whiteroom.data.backups import BackupRefused, BackupWriter, Manifest, drafted_folder
from whiteroom.data.drafts import UNFINISHED
from whiteroom.data.s3.data import S3Data
from whiteroom.data.sealed.data import SealedData
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import INFERENCE_PREFIX, TRAINING_PREFIX
from whiteroom.domain.resources import ml_input_channels, trained_models
from whiteroom.domain.resources.trained_models import TrainedModel, artefacts
from whiteroom.ports.transaction import Transaction
from whiteroom.runtime.images.locks import locked
from whiteroom.sealed_store import master_key_file
from whiteroom.settings import FILE_NAME, Settings
from whiteroom.store.migrations import HEAD
from whiteroom.store.sqlite import SqliteStore

DATABASE: Final = "whiteroom.db"
KEYS: Final[Mapping[str, str]] = {
    "master.key": "Nothing that is sealed opens without it, and no server starts on the restored folder.",
    "noise.key": "No server starts on the restored folder without it, once metrics were recorded.",
    "sessions.key": "Without it another is made, and temporary credentials end.",
    "logs/token.key": "Without it another is made, and members page through logs anew.",
}
"""What a backup leaves out, and what becomes of a restored folder without it. Keep them apart from backups.

The master key is the ring's; the others are those of an earlier release, until a server of this one takes them in."""
LOGS: Final = "logs"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a record in the snapshot says is there."""

    ref: DataRef
    name: str
    """Of its record, for people."""
    kind: str
    """Names the records' repository."""
    record_id: str
    status: str


def backup(
    folder: Annotated[Path, typer.Argument(help="Takes the backup; not there yet, or empty.", show_default=False)],
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Copy a data folder, but for keys, as of one moment of its database. Its server may run meanwhile.

    The folder is there whole or not at all, with a manifest of checksums. What the database speaks of and was erased
    before it was copied is listed. Keys are left out and named: keep them elsewhere. `docs/operating.md` says what is
    in it, and what becomes of work that was under way.

    Example: `whiteroom backup /backups/monday --data /srv/whiteroom`
    """
    settings = existing_folder(data)
    require_database(settings)
    if not settings.database.exists():
        raise Problem(f"{settings.database} is not there yet: there is nothing to back up.")
    if folder.absolute().resolve().is_relative_to(settings.data.resolve()):
        raise Problem(f"{folder} lies in the data folder. Name one that is on another disk.")
    try:
        with drafted_folder(folder) as draft, progress("Copying", in_bytes=True) as advance:
            manifest = _written(settings, BackupWriter(draft, copied=advance))
    except BackupRefused as error:
        raise Problem(str(error)) from None
    files = [entry for entry in manifest.entries if entry.sha256]
    size_bytes = sum(entry.size_bytes for entry in files)
    if as_json:
        summary = {"folder": str(folder), "madeAt": manifest.made_at, "files": len(files), "bytes": size_bytes}
        say_json(
            {**summary, "lost": manifest.lost, "keysLeftOut": manifest.keys, "elsewhere": list(_elsewhere(settings))}
        )
        return
    say(f"{folder} holds {len(files):,} files, {size_bytes:,} bytes, as of {manifest.made_at}.")
    say_what_is_missing(manifest, settings.data)
    for sentence in _elsewhere(settings):
        say(f"ELSEWHERE  {sentence}")


def _elsewhere(settings: Settings) -> Iterator[str]:
    """What no backup of the folder has, and is to be backed up by itself."""
    if settings.data_location:
        yield f"Channels, models and checkpoints are in {settings.data_location}: back that up too."


def say_what_is_missing(manifest: Manifest, data: Path) -> None:
    """Tell what a backup does not hold."""
    for sentence in manifest.lost:
        say(f"LOST  {sentence}")
    for key in manifest.keys:
        say(f"KEY   {data / key} is left out. {KEYS.get(key, KEYS['master.key'])}")


def _written(settings: Settings, writer: BackupWriter) -> Manifest:
    """Everything that one snapshot of the store speaks of, in the draft, and the manifest with it."""
    logs = {path.name for path in settings.folder(LOGS).glob("*.jsonl")}
    with opened_store(settings) as store:
        made_at = utc_now().isoformat()
        store.snapshot(writer.place(DATABASE))
        things, runs = _spoken_of(writer.place(DATABASE))
        writer.keep(DATABASE)
        lost = [
            f"The {thing.ref.kind.value} of {thing.name} was erased before it was copied."
            for thing in things
            if not _copied(settings, writer, store, thing)
        ]
    lost += _copied_logs(settings.folder(LOGS), writer, logs, runs)
    lost += _copied_folders(settings, writer)
    copy_s3(settings.folder("s3"), writer)
    master = str(master_key_file(settings))
    keys = tuple(key for key in (master, *KEYS) if (settings.data / key).exists())
    manifest = Manifest(made_at, version("whiteroom"), HEAD, tuple(writer.entries), tuple(lost), keys)
    writer.finish(manifest)
    return manifest


def _spoken_of(database: Path) -> tuple[list[Thing], set[str]]:
    """What the records of the snapshot say is there; and the runs that they have."""
    store = SqliteStore(database)
    try:
        with store.reading() as tx:
            things = [*_things(tx)]
            models = {TRAINING_PREFIX + record.id for record in tx.trained_models.all()}
            jobs = {INFERENCE_PREFIX + record.id for record in tx.trained_model_inference_jobs.all()}
    finally:
        store.close()
    return things, models | jobs


def _things(tx: Transaction) -> Iterator[Thing]:
    for channel in tx.ml_input_channels.all():
        if channel.status is ml_input_channels.Status.ACTIVE:
            ref = DataRef(DataKind.CHANNEL, channel.id)
            yield Thing(ref, f"channel {channel.name}", "ml_input_channels", channel.id, channel.status.value)
    for model in tx.trained_models.all():
        if _has_artefacts(model):
            yield Thing(artefacts(model.id), f"model {model.name}", "trained_models", model.id, model.status.value)


def _has_artefacts(model: TrainedModel) -> bool:
    partial = model.status is trained_models.Status.CREATE_FAILED and model.partial_bytes is not None
    return model.status is trained_models.Status.ACTIVE or partial


def _copied(settings: Settings, writer: BackupWriter, store: SqliteStore, thing: Thing) -> bool:
    """Copy it, unless it is being erased: a record changes its status before anything of its is.

    What is kept in S3 stays there.
    """
    data = open_data(settings)
    if isinstance(data, SealedData) and not settings.data_location:
        # What an earlier server left in plain text may have been sealed while it was copied.
        copied = any(_copied_files(settings, writer, data.lying_at(thing.ref)) for _ in range(2))
    elif isinstance(data, S3Data):
        return thing.ref.id in data.held(thing.ref.kind) if settings.files == "sealed" else bool(data.list(thing.ref))
    else:
        copied = _copied_files(settings, writer, [Path(data.path(thing.ref))])
    with store.reading() as tx:
        repository: Any = getattr(tx, thing.kind)
        record = repository.get(thing.record_id)
    if record is None or record.status.value != thing.status:
        for path in {entry.path for entry in writer.entries if thing.ref.id in entry.path.split("/")}:
            writer.drop(path)
        return False
    return copied


def _copied_files(settings: Settings, writer: BackupWriter, sources: Sequence[Path]) -> bool:
    """Copy these files and folders; nothing where something of them went away meanwhile, or there are none."""
    paths = [source.relative_to(settings.data).as_posix() for source in sources]
    try:
        for source, path in zip(sources, paths, strict=True):
            if source.is_dir():
                writer.add_tree(source, path, _is_draft)
            else:
                writer.add(source, path)
    except FileNotFoundError:
        for path in paths:
            writer.drop(path)
        return False
    return bool(paths)


def _copied_logs(folder: Path, writer: BackupWriter, seen: set[str], runs: set[str]) -> list[str]:
    """Copy the logs of these runs, which may go on; what of them was erased since it was `seen`."""
    lost = []
    for name in sorted(seen | {path.name for path in folder.glob("*.jsonl")}):
        if name.partition(".")[0] not in runs:
            continue
        try:
            writer.add(folder / name, f"{LOGS}/{name}", whole_lines=True)
        except FileNotFoundError:
            lost.append(f"The log {name} was erased before it was copied.")
    return lost


def _copied_folders(settings: Settings, writer: BackupWriter) -> list[str]:
    """Copy what no record speaks of: deliveries, the catalog, images, the settings; what went away meanwhile."""
    gone: list[str] = []
    for name in (FILE_NAME, PLACE_FILE):
        if (settings.data / name).exists():
            writer.add(settings.data / name, name)
    images = settings.folder("images")
    if images.is_dir():
        # Images are neither built to their end nor removed meanwhile.
        with locked(images / "names.lock", fcntl.LOCK_SH):
            writer.add_tree(images, images.name, _is_draft)
    for folder in (settings.folder("catalog"), settings.folder("objects")):
        if folder.is_dir():
            writer.add_tree(folder, folder.name, _is_draft, gone)
    return [f"{path} was erased before it was copied." for path in gone]


def _is_draft(name: str) -> bool:
    """Whether that is being written, by any of those who write."""
    return name.startswith((UNFINISHED, STAGING_PREFIX, ".building-"))

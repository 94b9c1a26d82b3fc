"""`whiteroom doctor`: what this machine can run, and what to do about what it cannot."""

from __future__ import annotations

import os
import stat
import typing
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer

from whiteroom.app import open_finder, sandbox_report
from whiteroom.base.clock import utc_now
from whiteroom.base.machine_errors import Trouble
from whiteroom.cli.buckets import about_buckets
from whiteroom.cli.connection_findings import about_connections
from whiteroom.cli.file_findings import about_files
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, opened_store, require_database, settings_of
from whiteroom.cli.glue import about_glue
from whiteroom.cli.key_findings import about_keys
from whiteroom.cli.notification_findings import about_notifications
from whiteroom.cli.output import say, say_json
from whiteroom.cli.problems import Problem
from whiteroom.cli.progress import progress
from whiteroom.cli.s3_findings import about_s3
from whiteroom.cli.server_file import is_stopping, running_url
from whiteroom.cli.snowflake import about_snowflake
from whiteroom.cli.tls import about_tls
from whiteroom.data.s3.places import AnotherPlace, try_out
from whiteroom.domain.execution.runs import Diagnosis, Finding
from whiteroom.engines.duckdb.noise import mechanisms as noise
from whiteroom.redaction import personal
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.machine import machine
from whiteroom.sealed_store import noise_secret, session_secret
from whiteroom.settings import Folder, Settings, SettingsError
from whiteroom.store.sqlite import SqliteStore
from whiteroom.synthesis import synthesiser

GIB = 2**30
SCARCE_MEMORY_BYTES = 2 * GIB
SCARCE_DISK_BYTES = GIB


def doctor(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Look at this machine and the data folder: what can run, and what to do about what cannot.

    The exit code is 1 where a line says NO: something is broken, would be refused, or is weaker than it should be; else
    it is 0. What is not installed has a line that begins with `--`: it is refused, and nothing is wrong. Nothing is
    changed: where the data is in S3, an object is written there and deleted again.

    Example: `whiteroom doctor --data /srv/whiteroom`
    """
    settings = settings_of(data)
    with progress("Looking"):
        found = diagnosis(settings)
    if as_json:
        findings = [asdict(finding) for finding in found.findings]
        say_json({"well": found.well, "sandboxUsable": found.usable, "findings": findings})
    else:
        _say(found.findings)
        say("")
        say(found.verdict)
    if not found.well:
        raise typer.Exit(1)


def diagnosis(settings: Settings, finder: PatternFinder | None = None) -> Diagnosis:
    """Look at everything. May take half a minute.

    Args:
        settings: of the data folder.
        finder: what masks logs, where it is there already: to make it can take seconds.
    """
    report = sandbox_report(settings)
    findings = (
        *report.findings,
        _about_machine(),
        _about_redaction(settings, finder),
        *_about_noise(),
        *about_buckets(settings),
        *about_glue(settings),
        *about_snowflake(settings),
        *_about_folder(settings),
        *about_tls(settings),
        *about_s3(settings),
    )
    well = report.usable and settings.sandbox == "required" and all(finding.ok for finding in findings)
    return Diagnosis(well, _verdict(settings, findings, usable=report.usable), report.usable, findings)


def _say(findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        mark = "--" if finding.is_absent else "ok" if finding.ok else "NO"
        say(f"{mark}  {finding.name}: {finding.detail}")
        if finding.remedy and not finding.ok:
            say(f"      {finding.remedy}")


def _verdict(settings: Settings, findings: tuple[Finding, ...], *, usable: bool) -> str:
    if not usable:
        return "Trainings and inference jobs are refused on this machine: they cannot be isolated. See above."
    if settings.sandbox != "required":
        return "Trainings and inference jobs run UNSEALED on this machine, since the setting `sandbox` says so."
    wrong = [finding.name for finding in findings if not finding.ok]
    if wrong:
        return f"Trainings and inference jobs run isolated on this machine, but not all is well: {', '.join(wrong)}."
    absent = [finding.name for finding in findings if finding.is_absent]
    if absent:
        return f"Trainings and inference jobs run isolated on this machine. Not installed: {', '.join(absent)}."
    return "All is well: trainings and inference jobs run isolated on this machine."


def _about_machine() -> Finding:
    here = machine()
    return Finding(
        "machine",
        here.memory_bytes >= SCARCE_MEMORY_BYTES,
        f"{here.cpus} processors, {here.memory_bytes / GIB:.1f} GiB of memory. No instance gets more than that.",
        "Runs and queries need about 2 GiB between them: use a larger machine.",
    )


def _about_redaction(settings: Settings, finder: PatternFinder | None) -> Finding:
    """Whether personal information is found in logs, and whether names of people are."""
    title = "redaction of personal information"
    try:
        names = (finder or open_finder(settings)).names
    except SettingsError as error:
        return Finding(
            title,
            ok=False,
            detail=str(error),
            remedy="No server starts under this setting. Where it is left empty, names are not masked.",
        )
    if names is not None:
        return Finding(
            title, ok=True, detail=f"By form and number; names by {names.pipeline}: {', '.join(names.kinds)}."
        )
    if not personal.is_installed():
        return Finding(
            title,
            ok=True,
            is_absent=True,
            detail="None: logs under it are shown to nobody. It takes the extra pii: pip install 'whiteroom[pii]'",
        )
    return Finding(
        title,
        ok=True,
        detail="By form and number. NAMES OF PEOPLE AND PLACES ARE NOT FOUND: install a spaCy pipeline, and name it in "
        "redaction_language_model.",
    )


def _about_noise() -> Iterator[Finding]:
    """Whether there is what noise is made with: for queries, and for synthetic rows."""
    for title, there, can, cannot, extra in (
        (
            "differential privacy",
            noise.is_installed(),
            "Tables under it can be queried.",
            "None: queries of tables under it are refused.",
            "dp",
        ),
        (
            "synthetic data",
            synthesiser.is_installed(),
            "Channels of synthetic rows can be made.",
            "None: channels of synthetic rows fail.",
            "synthetic",
        ),
    ):
        without = f"{cannot} It takes the extra {extra}: pip install 'whiteroom[{extra}]'"
        yield Finding(title, ok=True, is_absent=not there, detail=can if there else without)


def _about_folder(settings: Settings) -> Iterator[Finding]:
    if not settings.data.is_dir():
        yield Finding("data folder", ok=True, detail=f"{settings.data} is not there yet; `whiteroom up` makes it.")
        return
    mode = stat.S_IMODE(settings.data.stat().st_mode)
    yield Finding(
        "data folder",
        not mode & 0o077,
        f"{settings.data}, mode {mode:o}.",
        f"It holds keys and members' rows, for nobody else to read: chmod 700 {settings.data}",
    )
    yield _about_disk(settings.data)
    yield _about_what_fills_it(settings)
    if settings.data_location:
        yield _about_store(settings)
    yield from _about_database(settings)
    url, stopping = running_url(settings.server_file), is_stopping(settings.server_file)
    none = "One is stopping." if stopping else "None runs on this folder."
    yield Finding("server", ok=True, detail=f"One runs at {url}." if url else none)


def _about_disk(folder: Path) -> Finding:
    facts = os.statvfs(folder)
    free = facts.f_bavail * facts.f_frsize
    if facts.f_flag & os.ST_RDONLY:
        return Finding(
            "disk", ok=False, detail="Its file system is read-only.", remedy="Find out why; mount it for writing again."
        )
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        owner = folder.stat().st_uid
        return Finding(
            "disk",
            ok=False,
            detail=f"The folder belongs to user {owner}, and user {os.geteuid()} may not work in it.",
            remedy="Run as that user, or give the folder to this one with chown -R.",
        )
    return Finding(
        "disk",
        free >= SCARCE_DISK_BYTES,
        f"{free / GIB:.1f} GiB free of {facts.f_blocks * facts.f_frsize / GIB:.1f} GiB.",
        "Channels, models and results need more: make room. A server on a full disk waits.",
    )


def _about_store(settings: Settings) -> Finding:
    """Whether the server could keep its data in S3, tried with an object of the doctor's own."""
    try:
        return Finding("data in S3", ok=True, detail=try_out(settings))
    except (AnotherPlace, Trouble) as error:
        return Finding("data in S3", ok=False, detail=str(error), remedy="Work waits as long as it cannot be used.")


def _about_what_fills_it(settings: Settings) -> Finding:
    """How much of the disk each folder takes, the largest first."""
    sizes = {name: _used_bytes(settings.folder(name)) for name in typing.get_args(Folder)}
    database = settings.database.name
    sizes[database] = sum(_blocks_of(path) for path in settings.data.glob(f"{database}*"))
    largest = sorted((name for name in sizes if sizes[name]), key=lambda name: -sizes[name])
    used = [f"{name} {sizes[name] / GIB:.2f} GiB" for name in largest]
    return Finding("what fills the disk", ok=True, detail=f"{', '.join(used) or 'nothing'}.")


def _used_bytes(folder: Path) -> int:
    found = (os.path.join(top, name) for top, _, names in os.walk(folder) for name in names)  # noqa: PTH118 - many
    return sum(map(_blocks_of, found))


def _blocks_of(path: str | Path) -> int:
    """Bytes of the disk that a file takes; none where it went away meanwhile."""
    try:
        return os.lstat(path).st_blocks * 512
    except OSError:
        return 0


def _about_database(settings: Settings) -> Iterator[Finding]:
    path = settings.database
    restore = "Restore it from a backup."
    try:
        require_database(settings)
        if not path.exists():
            yield Finding("database", ok=True, detail="It is not there yet; the first account or server makes it.")
            return
        with opened_store(settings, look_only=True) as store:
            with store.reading() as tx:
                accounts = len(tx.accounts.all())
            damage = store.damage()
            yield Finding("database", not damage, damage or f"{path}; accounts: {accounts}.", restore)
            yield from about_keys(settings, store)
            yield from about_files(settings)
            yield _about_noise_key(settings, store)
            yield from _about_sessions_key(settings, store)
            yield from about_connections(settings, store)
            yield from about_notifications(settings, store, utc_now())
    except Problem as problem:
        yield Finding("database", ok=False, detail=str(problem), remedy=restore)
    except OSError as error:
        yield Finding("database", ok=False, detail=f"{path} cannot be used: {error.strerror}.", remedy="See above.")


def _about_sessions_key(settings: Settings, store: SqliteStore) -> Iterator[Finding]:
    """Whether a server could seal session tokens; where there is no key, the first one makes it."""
    try:
        session_secret(settings, store, look_only=True)
    except SettingsError as error:
        yield Finding("session key", ok=False, detail=str(error), remedy="No server starts on this folder with it.")


def _about_noise_key(settings: Settings, store: SqliteStore) -> Finding:
    try:
        found = noise_secret(settings, store, look_only=True)
    except SettingsError as error:
        return Finding("noise key", ok=False, detail=str(error), remedy="No server starts on this folder without it.")
    if not found:
        return Finding("noise key", ok=True, detail="It is not there yet; the first server makes it.")
    return Finding("noise key", ok=True, detail=f"It is in {settings.database}, and in its backups.")

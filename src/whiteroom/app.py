"""The composition root: it makes a running server from settings. Only here do adapters meet."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import MutableMapping
from functools import partial
from importlib.metadata import version
from typing import Any

from whiteroom.answering import Answering, Inside
from whiteroom.aws.clients import OwnS3
from whiteroom.base.clock import Clock, utc_now
from whiteroom.base.machine_errors import machine_error_of
from whiteroom.controllers.loop import Reconciler
from whiteroom.controllers.metrics import MetricsReader
from whiteroom.controllers.ml_input_channels import MLInputChannelController
from whiteroom.controllers.protected_queries import ProtectedQueryController
from whiteroom.controllers.query_specs import QuerySettings
from whiteroom.controllers.querying import Querying
from whiteroom.controllers.running import RunSettings, RunTools
from whiteroom.controllers.scheduler import Controllers
from whiteroom.controllers.synthesising import Synthesising
from whiteroom.controllers.timing import Timing
from whiteroom.controllers.trained_model_export_jobs import TrainedModelExportJobController
from whiteroom.controllers.trained_model_inference_jobs import TrainedModelInferenceJobController
from whiteroom.controllers.trained_models import TrainedModelController
from whiteroom.controllers.training_inputs import TrainingInputs
from whiteroom.data.s3.cache import InUse
from whiteroom.data.s3.places import AnotherPlace, ServerData, open_place
from whiteroom.data.sealed.memory import memory_folder
from whiteroom.data.sealed.places import open_sealed, tell_lost
from whiteroom.domain.execution.runs import SandboxReport
from whiteroom.domain.observability.container_logs import redacted_failure
from whiteroom.domain.resources.trained_models import BASE_VERSION
from whiteroom.engines.duckdb.layouts import FolderLayouts
from whiteroom.opening import open_deliveries, open_engine, open_handover, open_notifying, open_retention, open_tables
from whiteroom.operations.context import Deployment
from whiteroom.ports.catalog import Catalog
from whiteroom.reads.bills import Bills, bills
from whiteroom.reads.data_at_work import ids_at_work
from whiteroom.reads.under_way import runs_under_way
from whiteroom.redaction.finder import PatternFinder
from whiteroom.redaction.names import NoNames, load_names
from whiteroom.runtime.docker.runtime import DockerRuntime
from whiteroom.runtime.images.library import Images
from whiteroom.runtime.machine import machine
from whiteroom.runtime.run_logs import FolderRunLogs
from whiteroom.runtime.runtimes import Runtimes
from whiteroom.runtime.sandbox.runtime import SandboxRuntime
from whiteroom.sealed_store import log_token_secret, noise_secret, open_seal, open_store, session_secret
from whiteroom.settings import Settings, SettingsError
from whiteroom.store.connections import StoreConnections
from whiteroom.store.credentials import Credentials
from whiteroom.store.damage import CHECK_EVERY_SECONDS
from whiteroom.store.group_commit import GroupCommit
from whiteroom.store.sqlite import SqliteStore
from whiteroom.synthesis.synthesiser import LocalSynthesiser
from whiteroom.web.downloads import DeliveredDownloads
from whiteroom.web.gauges import damage, disk, state
from whiteroom.web.machine_facts import MachineFacts, machine_facts
from whiteroom.web.openmetrics import Family, Requests, exposition, info
from whiteroom.wire.asgi import Application
from whiteroom.wire.inside import InsideCalls
from whiteroom.wire.requests import Receive
from whiteroom.wire.responses import Send

logger = logging.getLogger(__name__)

STOP_SECONDS = 30.0
"""How long a stopping server waits for the steps that its controllers are taking; the next server finishes the rest."""

VERSIONS_BY_NAME = {name: frozenset({BASE_VERSION}) for name in ("versionIdentifier", "trainedModelVersionIdentifier")}
"""`NULL` names the base version, though the models' pattern for identifiers forbids it (docs/sources.md)."""


def open_images(settings: Settings) -> Images:
    """The local images of a data folder."""
    return Images(settings.folder("images"))


def open_data(settings: Settings, in_use: InUse | None = None, store: SqliteStore | None = None) -> ServerData:
    """The rows, artefacts and deliveries of a server; `in_use` is the server's own to say, by its store."""
    try:
        if settings.files == "sealed":
            return open_sealed(settings, in_use, open_seal(settings, store))
        return open_place(settings, in_use)
    except AnotherPlace as error:
        raise SettingsError(str(error)) from None


def open_runtime(settings: Settings) -> Runtimes:
    """The runtimes of a data folder. Any number may be open: what runs belongs to the folder, not to a process."""
    pull_from = tuple(filter(None, (place.strip() for place in settings.docker_pull.split(","))))
    data, in_memory = open_data(settings), settings.files == "sealed"
    unsafe = settings.sandbox == "unsafe-no-sandbox"
    return Runtimes(
        SandboxRuntime(settings.data, data, unsafe_no_sandbox=unsafe, in_memory=in_memory),
        DockerRuntime(
            settings.data,
            data,
            socket=settings.docker_socket,
            oci_runtime=settings.docker_runtime,
            pull_from=pull_from,
            in_memory=in_memory,
        ),
    )


def open_run_logs(settings: Settings, key: bytes = b"") -> FolderRunLogs:
    """The logs of a data folder's runs, in whichever runtime they were; the key seals the tokens of their pages."""
    return FolderRunLogs(settings.folder("logs"), key)


def open_finder(settings: Settings) -> PatternFinder:
    """What masks logs and failure texts. Takes seconds where there is a language model to load.

    Raises:
        SettingsError: the language model cannot be used.
    """
    if not settings.redaction_language_model:
        return PatternFinder()
    try:
        return PatternFinder(load_names(settings.redaction_language_model))
    except NoNames as error:
        raise SettingsError(f"redaction_language_model: {error}") from error


def sandbox_report(settings: Settings) -> SandboxReport:
    """What this machine can do to isolate a run."""
    return open_runtime(settings).report()


class Whiteroom:
    """One server on one data folder. As an ASGI application it starts with ASGI's lifespan and ends with it."""

    def __init__(self, settings: Settings, clock: Clock = utc_now, own_s3: OwnS3 | None = None) -> None:
        if settings.keys == "echo" and not settings.dev:
            raise SettingsError('keys is "echo", which seals nothing and is for development mode alone: leave it out.')
        self._settings = settings
        self._clock = clock
        self._finder = open_finder(settings)
        self._store = open_store(settings)
        self._turns = GroupCommit(self._store)
        self._catalog = open_tables(settings, own_s3, StoreConnections(self._store).find)
        self._downloads = DeliveredDownloads(open_deliveries(settings, open_data(settings).here, own_s3))
        logs = open_run_logs(settings, log_token_secret(settings, self._store))
        self._requests = Requests()
        self._runtime = open_runtime(settings)
        self._deployment = Deployment(
            quotas=settings.quotas,
            strict_machine=machine() if settings.strict_instance_types else None,
            default_result_location=settings.default_result_location,
            finder=self._finder,
            noise_secret=noise_secret(settings, self._store),
            session_secret=session_secret(settings, self._store),
            bucket_regions=settings.regions_of_buckets,
            signed_for=settings.signed_for,
            strict_keys=settings.strict_keys,
            keys_seal=settings.keys != "echo",
            files_are_sealed=settings.files == "sealed",
            withhold_query_text=settings.withhold_query_text,
        )
        self._answering = Answering(self._store, self._turns, self._catalog, logs, self._deployment, clock)
        self._controllers = _controllers(settings, clock, self._store, self._catalog, self._finder, own_s3)
        self._stopping = threading.Event()
        # A daemon: to read all of a large database may take longer than a server has to stop.
        self._checkup = threading.Thread(target=self._look_for_damage, name="database-checkup", daemon=True)
        self._notifying = open_notifying(settings, self._store, clock)
        self._store.on_work(self._controllers.wake)
        self._store.on_work(self._notifying.wake)
        self._application = Application(
            Credentials(self._turns.view, self._deployment.session_secret, dev=settings.dev),
            self._answering.answer,
            clock,
            dev=settings.dev,
            max_body_bytes=settings.max_body_bytes,
            extra_values=VERSIONS_BY_NAME,
            observe=self._requests.observe,
            fetch=self._downloads.fetch,
        )

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._application(scope, receive, send)

    def inside(self) -> Inside:
        """For a face in this process. On the server's event loop."""
        calls = InsideCalls(self._answering.answer, VERSIONS_BY_NAME, self._downloads.fetch)
        answering = self._answering
        return Inside(calls, self._turns, self._clock, answering.advice, self._hurry, answering.read_apart)

    def openmetrics(self, *more: Family) -> bytes:
        """What the operator's Prometheus reads, and `more` of it. From any thread."""
        about = info("whiteroom", "The server.", version=version("whiteroom"))
        now = state(self._store, self._runtime, self._clock())
        broken = damage(self._store.damaged_tables)
        return exposition((about, *self._requests.families(), *disk(self._settings.data), *broken, *now, *more))

    def _hurry(self) -> None:
        self._store.make_all_due(self._clock())
        self._controllers.wake()

    @property
    def finder(self) -> PatternFinder:
        """What masks logs and failure texts."""
        return self._finder

    def machine_facts(self) -> MachineFacts:
        """How the machine does. From any thread; may take a while."""
        return machine_facts(self._settings.data, self._store, self._runtime, machine(), self._clock())

    def bills(self) -> Bills:
        """What is kept and was used, by payer and collaboration. From any thread; may take a while."""
        with self._store.reading() as tx:
            return bills(tx)

    def _look_for_damage(self) -> None:
        """Read all of the database, now and once a day."""
        while not self._stopping.is_set():
            try:
                self._store.look_hard_for_damage(self._stopping)
            except sqlite3.Error as error:
                logger.error("The database could not be checked for damage: %s", machine_error_of(error) or error)  # noqa: TRY400 - a sentence says it
            self._stopping.wait(CHECK_EVERY_SECONDS)

    async def _live(self, receive: Receive, send: Send) -> None:
        """ASGI's lifespan. Stopping ends no training: the next server on the folder takes it over."""
        await receive()
        # One server a data folder (cli/server_file.py): whoever holds a lease now was killed, and nobody waits for it.
        self._store.release_all_leases()
        self._store.make_all_due(self._clock())  # an earlier server's clock may have been ahead
        self._store.look_for_damage()
        self._controllers.start()
        self._notifying.start()
        self._checkup.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._stopping.set()
        self._downloads.close()
        await self._answering.close()
        told = await asyncio.to_thread(self._notifying.stop)
        worked = await asyncio.to_thread(self._controllers.stop, STOP_SECONDS)
        if told and worked:
            self._store.close()
        elif not worked:
            logger.warning("Some work was cut short; the next server on this folder goes on with it.")
        await send({"type": "lifespan.shutdown.complete"})


def _controllers(
    settings: Settings, clock: Clock, store: SqliteStore, catalog: Catalog, finder: PatternFinder, own_s3: OwnS3 | None
) -> Controllers:
    data = open_data(settings, lambda: ids_at_work(store), store)
    if settings.files == "sealed":
        memory = memory_folder(settings.memory_folder, settings.data)
        tell_lost(memory, settings.data, lambda: runs_under_way(store))
    runtime = open_runtime(settings)
    runtime.warm()
    redact = partial(redacted_failure, finder=finder)
    data.sweep()
    engine = open_engine(settings, data, own_s3, StoreConnections(store).find)
    runs = _run_settings(settings)
    queries, quotas = _query_settings(settings), settings.quotas
    querying = Querying(store, engine, catalog, queries, clock)
    synthesising = Synthesising(LocalSynthesiser(data.work, data), data, queries)
    tools = RunTools(store, runtime, runs, redact, MetricsReader(store, runtime, clock))
    handover = open_handover(settings, store, data.here, clock, own_s3)
    inputs = TrainingInputs(
        data,
        FolderLayouts(data, memory_bytes=queries.memory_bytes, cpus=queries.cpus),
        csv_header=settings.csv_header,
    )
    reconciler = Reconciler(
        store,
        (
            MLInputChannelController(store, engine, querying, synthesising, data, clock),
            ProtectedQueryController(
                store,
                engine,
                querying,
                data,
                handover,
                settings.default_result_location,
                settings.regions_of_buckets,
                clock,
            ),
            TrainedModelController(tools, data, inputs, clock, quotas),
            TrainedModelInferenceJobController(tools, data, handover),
            TrainedModelExportJobController(store, data, handover),
        ),
        clock,
        timing := Timing(lease_seconds=settings.lease_seconds),
        quotas,
    )
    also = open_retention(settings, store, data.here, runtime, clock).sweep_now_and_then
    return Controllers(store, reconciler, clock, timing, settings.controller_threads, also=also)


def _query_settings(settings: Settings) -> QuerySettings:
    here = machine()
    return QuerySettings(
        csv_header=settings.csv_header,
        max_file_bytes=settings.channel_file_bytes,
        max_result_bytes=settings.max_result_bytes,
        memory_bytes=settings.query_memory_bytes or here.memory_bytes // 4,
        cpus=settings.query_cpus or here.cpus,
        timeout_seconds=settings.query_timeout_seconds,
        lookups_of_one=max(1, settings.controller_threads // 2),
    )


def _run_settings(settings: Settings) -> RunSettings:
    return RunSettings(
        machine=machine(),
        processes=settings.processes_per_instance,
        default_max_runtime_seconds=settings.default_max_runtime_seconds,
        stop_grace_seconds=settings.stop_grace_seconds,
        ready_timeout_seconds=settings.ready_timeout_seconds,
        csv_header=settings.csv_header,
        finish_revoked_work=settings.finish_revoked_work,
    )

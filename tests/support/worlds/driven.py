"""A room of two members in a real store, with fakes around it, and controllers that are driven by hand.

    world = World(tmp_path)
    model = world.model()              # asked for
    world.drive()                      # until nothing is due
    world.get(Work.TRAINED_MODELS, model.id).status

The room is made by the builder of all rooms. Its jobs are records (records.py): what controllers find need not be what
an operation would leave.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.failpoints import Crash
from support.fake_data import CountedLayouts, MemoryCatalog, RiggedData
from support.fakes import NOON, FakeClock, FakeEngine, FakeRuntime, FakeSynthesiser
from support.worlds.records import (
    ASSOCIATION,
    FLIGHTS,
    MEMBERSHIPS,
    REGION,
    ROOM,
    SYNTHETIC,
    SYNTHETIC_TEMPLATE,
    WEATHER,
    a_budget,
    a_channel,
    a_model,
    a_query,
    a_query_of,
    a_synthetic_template,
    an_export_job,
    an_inference_job,
)
from support.worlds.requests import ALICE, BOB, collaboration_request, input_channel, member
from support.worlds.rooms import Parts, Room, SharedTable
from support.worlds.servers import a_server
from whiteroom.base.callers import Caller
from whiteroom.controllers.loop import Failpoint, Reconciler, nothing
from whiteroom.controllers.metrics import MetricsReader
from whiteroom.controllers.ml_input_channels import MLInputChannelController
from whiteroom.controllers.protected_queries import ProtectedQueryController
from whiteroom.controllers.query_specs import QuerySettings
from whiteroom.controllers.querying import Querying
from whiteroom.controllers.results import Handover
from whiteroom.controllers.running import RunSettings, RunTools
from whiteroom.controllers.synthesising import Synthesising
from whiteroom.controllers.timing import Timing
from whiteroom.controllers.trained_model_export_jobs import TrainedModelExportJobController
from whiteroom.controllers.trained_model_inference_jobs import TrainedModelInferenceJobController
from whiteroom.controllers.trained_models import TrainedModelController
from whiteroom.controllers.training_inputs import TrainingInputs
from whiteroom.domain.execution.instance_types import Shape
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.domain.observability.analysis_logs import STREAMS
from whiteroom.domain.privacy.policies import LogPolicy
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.resources import ml_input_channels, trained_models
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociationAnalysisRule
from whiteroom.domain.resources.memberships import MembershipStatus
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.operations.analysis_logs import log_job, log_query
from whiteroom.operations.context import Context, Deployment
from whiteroom.ports.analysis_logs import LogStreamKey
from whiteroom.ports.store import Work
from whiteroom.ports.transaction import Transaction
from whiteroom.store.sqlite import SqliteStore

TIMING = Timing()
GB = 10**9
POLICIES: dict[str, Any] = {
    "trainedModels": {"maxArtifactSize": {"unit": "GB", "value": 1.0}},
    "trainedModelExports": {"maxSize": {"unit": "GB", "value": 1.0}, "filesToExport": ["MODEL", "OUTPUT"]},
    "trainedModelInferenceJobs": {"maxOutputSize": {"unit": "GB", "value": 1.0}},
}
OPEN_RULE: Mapping[str, Any] = {
    "allowedAnalyses": ["ANY_QUERY"],
    "allowedAnalysisProviders": [ALICE],
    "additionalAnalyses": "ALLOWED",
}
OPEN_ASSOCIATION_RULE: Mapping[str, Any] = {
    "allowedResultReceivers": [ALICE, BOB],
    "allowedAdditionalAnalyses": [ASSOCIATION],
}
"""What BOB allows ALICE, and her algorithm."""
_LOGGED = {"queryLogStatus": "ENABLED", "jobLogStatus": "ENABLED"}
_FURNISHED: list[bytes] = []
"""The database of a new room, made once: migrating an empty one takes longer than most tests."""


class Stuck(AssertionError):
    """The controllers go on and on."""


@dataclasses.dataclass
class World:
    """A room, everything outside it, and the time."""

    tmp: Path
    clock: FakeClock = dataclasses.field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        database = self.tmp / "whiteroom.db"
        furnished = bool(_FURNISHED)
        if furnished:
            database.write_bytes(_FURNISHED[0])
        self.store = SqliteStore(database)
        self.data = RiggedData(self.tmp)
        self.runtime = FakeRuntime(self.data)
        self.engine = FakeEngine(self.data)
        self.catalog = MemoryCatalog()
        self.layouts = CountedLayouts(self.data)
        self.channels = self.tmp / "channels"
        self.results = self.tmp / "results"
        self.originals = self.tmp / "originals"
        self.synthesiser = FakeSynthesiser(self.data)
        self.default_location = ""
        self.kept_here = True
        self.regions = BucketRegions("us-east-1")
        self.csv_header = True
        self.cpus, self.memory_bytes = 2, GB
        self.finish_revoked_work = False
        self.quotas = Quotas({})
        self.redactions: list[tuple[LogPolicy, ...]] = []
        self._number = 0
        for table in ("flights", "weather"):
            self.catalog.put(BOB, "db", table, {"a": "bigint"})
        if not furnished:
            _furnish(self.store)
            self.store.close()
            _FURNISHED.append(database.read_bytes())
            self.store = SqliteStore(database)

    def close(self) -> None:
        self.store.close()

    def redact(self, text: str, policies: Iterable[LogPolicy]) -> str:
        self.redactions.append(tuple(policies))
        return text.replace("secret", "***")

    def reconciler(self, failpoint: Failpoint = nothing) -> Reconciler:
        """New controllers on the same store and the same world: what a restarted server has."""
        settings = RunSettings(
            machine=Shape(2, 8 * 2**30),
            processes=100,
            default_max_runtime_seconds=86_400,
            stop_grace_seconds=5,
            ready_timeout_seconds=60,
            csv_header=True,
            finish_revoked_work=self.finish_revoked_work,
        )
        queries = QuerySettings(
            csv_header=self.csv_header,
            max_file_bytes=GB,
            max_result_bytes=1_000 * GB,
            memory_bytes=self.memory_bytes,
            cpus=self.cpus,
            timeout_seconds=3_600,
        )
        querying = Querying(self.store, self.engine, self.catalog, queries, self.clock)
        synthesising = Synthesising(self.synthesiser, self.data, queries)
        metrics = MetricsReader(self.store, self.runtime, self.clock)
        tools = RunTools(self.store, self.runtime, settings, self.redact, metrics)
        handover = Handover(self.store, self.data, self.clock, self.quotas, kept_here=self.kept_here)
        inputs = TrainingInputs(self.data, self.layouts, csv_header=settings.csv_header)
        controllers = (
            MLInputChannelController(self.store, self.engine, querying, synthesising, self.data, self.clock),
            ProtectedQueryController(
                self.store,
                self.engine,
                querying,
                self.data,
                handover,
                self.default_location,
                self.regions,
                self.clock,
            ),
            TrainedModelController(tools, self.data, inputs, self.clock, self.quotas),
            TrainedModelInferenceJobController(tools, self.data, handover),
            TrainedModelExportJobController(self.store, self.data, handover),
        )
        return Reconciler(self.store, controllers, self.clock, TIMING, self.quotas, failpoint)

    def drive(
        self, reconciler: Reconciler | None = None, steps: int = 200, at_crash: Callable[[], object] = lambda: None
    ) -> None:
        """Take steps until nothing is due within the hour, moving the clock on. A crash restarts the server."""
        reconciler = reconciler or self.reconciler()
        for _ in range(steps):
            try:
                if reconciler.step("worker"):
                    continue
            except Crash:
                at_crash()
                reconciler = self.reconciler()
                continue
            due_at = self.store.next_due_at()
            if due_at is None or due_at - self.clock.now > timedelta(hours=1):
                return
            self.clock.now = max(self.clock.now, due_at) + timedelta(milliseconds=1)
        raise Stuck

    def get(self, work: Work, record_id: str) -> Any:
        with self.store.reading() as tx:
            return getattr(tx, work.value).get(record_id)

    def ask(self, work: Work, record_id: str, event: Event) -> None:
        """What an operation does: a member's wish, recorded."""
        with self.store.transaction() as tx:
            repository = getattr(tx, work.value)
            repository.transition(repository.get(record_id), event, actor=ALICE, at=self.clock())

    def end_membership(self, account_id: str) -> None:
        with self.store.transaction() as tx:
            membership = tx.memberships.get(MEMBERSHIPS[account_id])
            assert membership is not None
            tx.memberships.update(membership, status=MembershipStatus.REMOVED)

    def set_policies(self, policies: dict[str, Any] | None) -> None:
        with self.store.transaction() as tx:
            association = tx.configured_model_algorithm_associations.find(arn=ASSOCIATION)
            assert association is not None
            configuration = None if policies is None else {"policies": policies}
            tx.configured_model_algorithm_associations.update(association, privacy_configuration=configuration)

    def channel(self, **changes: Any) -> MLInputChannel:
        """A channel that was asked for, with its query."""
        channel = a_channel(self._new_id("channel"), self.clock(), **changes)
        query = a_query_of(channel, self.clock())
        with self.store.transaction() as tx:
            tx.ml_input_channels.submit(channel, actor=ALICE)
            tx.protected_queries.add(query)
            log_query(self._context(tx), query, None, channel)
        return channel

    def synthetic_channel(self, **changes: Any) -> MLInputChannel:
        """A channel that was asked for with a template for synthetic data."""
        with self.store.transaction() as tx:
            tx.analysis_templates.add(a_synthetic_template())
        rows = input_channel({"analysisTemplateArn": SYNTHETIC_TEMPLATE})
        return self.channel(input_channel=rows, synthetic_data_parameters=SYNTHETIC, **changes)

    def query(self, **changes: Any) -> ProtectedQuery:
        """A query of ALICE's, for herself and BOB."""
        told: dict[str, Any] = {
            "id": self._new_id("query"),
            "result_format": "CSV",
            "receivers": (
                {"accountId": ALICE, "s3": {"resultFormat": "CSV", "bucket": "alice", "keyPrefix": "asked/"}},
                {"accountId": BOB},
            ),
            "created_at": self.clock(),
            "updated_at": self.clock(),
        }
        query = a_query(**{**told, **changes})
        self.allow_receivers(ALICE, BOB)
        with self.store.transaction() as tx:
            tx.protected_queries.submit(query, actor=ALICE)
            log_query(self._context(tx), query, None)
        return query

    def allow_receivers(self, *accounts: str, additional_analyses: str = "ALLOWED") -> None:
        """ALICE may query BOB's tables, and these accounts receive results."""
        own = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [ALICE]}
        own_policy = {"v1": {"custom": {**own, "additionalAnalyses": additional_analyses}}}
        policy = {"v1": {"custom": {"allowedResultReceivers": list(accounts)}}}
        with self.store.transaction() as tx:
            shared = tx.configured_table_association_analysis_rules
            for table in (FLIGHTS, WEATHER):
                rule = tx.configured_table_analysis_rules.get(table.configured_table_id)
                assert rule is not None
                tx.configured_table_analysis_rules.update(rule, policy=own_policy)
                found = shared.get(table.association_id)
                if found is not None:
                    shared.remove(found)
                at = {"created_at": NOON, "updated_at": NOON}
                shared.add(ConfiguredTableAssociationAnalysisRule(table.association_id, "CUSTOM", policy, **at))

    def budget(self, table: SharedTable = FLIGHTS, lifetime: int = 10) -> PrivacyBudgetTemplate:
        """A LIFETIME budget of a table of BOB's, of which one use is counted."""
        template = a_budget(table, lifetime, self.clock())
        with self.store.transaction() as tx:
            tx.privacy_budget_templates.add(template)
        return template

    def used(self, template: PrivacyBudgetTemplate) -> int:
        """How many uses are counted."""
        with self.store.reading() as tx:
            found = tx.privacy_budget_templates.get(template.id)
        assert found is not None
        return found.lifetime_used

    def ready_channel(self) -> MLInputChannel:
        """A channel with rows."""
        channel = self.channel()
        self.drive()
        ready: MLInputChannel = self.get(Work.ML_INPUT_CHANNELS, channel.id)
        assert ready.status is ml_input_channels.Status.ACTIVE
        return ready

    def model(self, **changes: Any) -> TrainedModel:
        """A training that was asked for."""
        record_id = self._new_id("model")
        channels = changes.pop("channels", None) or (self.ready_channel(),)
        model = a_model(record_id, self.clock(), *channels, **changes)
        self._submit(Work.TRAINED_MODELS, model)
        return model

    def ready_model(self) -> TrainedModel:
        """A model with artefacts."""
        model = self.model()
        self.drive()
        ready: TrainedModel = self.get(Work.TRAINED_MODELS, model.id)
        assert ready.status is trained_models.Status.ACTIVE
        return ready

    def inference_job(self, **changes: Any) -> TrainedModelInferenceJob:
        """An inference job that was asked for; BOB is to receive."""
        record_id = self._new_id("inference")
        model = changes.pop("model", None) or self.ready_model()
        channel = changes.pop("channel", None) or self.ready_channel()
        self.runtime.leaves = {"output/part-0.csv.out": b"1\n"}
        job = an_inference_job(record_id, self.clock(), model, channel, **changes)
        self._submit(Work.TRAINED_MODEL_INFERENCE_JOBS, job)
        return job

    def export_job(self, **changes: Any) -> TrainedModelExportJob:
        """An export job that was asked for; BOB is to receive."""
        record_id = self._new_id("export")
        model = changes.pop("model", None) or self.ready_model()
        job = an_export_job(record_id, self.clock(), model, **changes)
        self._submit(Work.TRAINED_MODEL_EXPORT_JOBS, job)
        return job

    def _submit(self, work: Work, job: Any) -> None:
        with self.store.transaction() as tx:
            getattr(tx, work.value).submit(job, actor=ALICE)
            log_job(self._context(tx), job)

    def analysis_log(self, account_id: str, analysis_id: str) -> list[str]:
        """The stages of an analysis in an account's log, and how it ended, in order."""
        found = []
        with self.store.reading() as tx:
            for stream in STREAMS:
                events = tx.analysis_logs.forward(LogStreamKey(account_id, ROOM, stream), 0, 1_000)
                found += [one.event for one in events if one.event.analysis_id == analysis_id]
        return [f"{event.stage.value} {event.message['status']}" for event in found]

    def _context(self, tx: Transaction) -> Context:
        deployment = Deployment(quotas=Quotas({}))
        caller = Caller(ALICE, REGION)
        return Context(caller=caller, tx=tx, now=self.clock(), catalog=self.catalog, deployment=deployment)

    def _new_id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number}"


def _furnish(store: SqliteStore) -> None:
    """ALICE's room, in which she trains and queries what BOB shares, a minute before it is looked at."""
    catalog = MemoryCatalog()
    server = a_server(store, catalog)
    server.now, server.region = NOON - timedelta(minutes=1), REGION
    room = Room(server, parts=Parts(author=ALICE, receiver=BOB))
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
    bob = member(BOB, BOB, memberAbilities=["CAN_RECEIVE_RESULTS"], mlMemberAbilities=receives)
    room.invite(ALICE, **collaboration_request(creatorMLMemberAbilities=receives, members=[bob], **_LOGGED))
    for account in (ALICE, BOB):
        s3 = {"resultFormat": "CSV", "bucket": account, "keyPrefix": "own"}
        room.join(account, **_LOGGED, defaultResultConfiguration={"outputConfiguration": {"s3": s3}})
        room.configure(account, f"s3://{account}/results")
    room.algorithm_arn = room.algorithm(
        trainingContainerConfig={"imageUri": "image:1", "entrypoint": ["python", "t.py"], "arguments": ["-v"]},
        inferenceContainerConfig={"imageUri": "image:1"},
    )
    room.association_arn = room.association(policies=POLICIES)
    for name in ("Flights", "Weather"):
        catalog.put(BOB, "db", name.lower(), {"a": "bigint"})
        glue = {"glue": {"databaseName": "db", "tableName": name.lower()}}
        table = room.configured_table(BOB, name, ["a"], tableReference=glue)
        room.rule(BOB, table, {"v1": {"custom": OPEN_RULE}})
        room.collaboration_rule(
            BOB, room.table_association(BOB, table, name), {"v1": {"custom": OPEN_ASSOCIATION_RULE}}
        )
    assert (room.collaboration_id, room.memberships, room.association_arn) == (ROOM, MEMBERSHIPS, ASSOCIATION)

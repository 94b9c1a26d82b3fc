"""A clean room of two members in a real store, with fakes around it, and controllers that are driven by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.fake_data import CountedLayouts, MemoryCatalog, RiggedData
from support.fakes import NOON, FakeClock, FakeEngine, FakeRuntime, FakeSynthesiser
from whiteroom.base.callers import Caller
from whiteroom.controllers.loop import Failpoint, Reconciler, nothing
from whiteroom.controllers.metrics import MetricsReader
from whiteroom.controllers.ml_input_channels import MLInputChannelController
from whiteroom.controllers.protected_queries import ProtectedQueryController
from whiteroom.controllers.query_specs import QuerySettings
from whiteroom.controllers.querying import Querying
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
from whiteroom.domain.resources import (
    ml_input_channels,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.collaborations import (
    Collaboration,
    CollaborationStatus,
    Member,
    MemberStatus,
    member_id,
)
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.configured_table_associations import (
    ConfiguredTableAssociation,
    ConfiguredTableAssociationAnalysisRule,
)
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule
from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import BASE_VERSION, TrainedModel
from whiteroom.operations.analysis_logs import log_job, log_query
from whiteroom.operations.context import Context, Deployment
from whiteroom.ports import LogStreamKey, Transaction, Work
from whiteroom.store.sqlite import SqliteStore

ALICE, BOB = "111111111111", "222222222222"
ROOM = "collab"
TIMING = Timing()
PREFIX = f"arn:aws:cleanrooms-ml:eu-west-1:{ALICE}:membership/{ALICE}-m"
MEMBERSHIP_ARN = f"arn:aws:cleanrooms:eu-west-1:{ALICE}:membership/{ALICE}-m"
ASSOCIATION = f"{PREFIX}/configured-model-algorithm-association/assoc"
ALGORITHM = f"arn:aws:cleanrooms-ml:eu-west-1:{ALICE}:configured-model-algorithm/algo"
GB = 10**9
POLICIES: dict[str, Any] = {
    "trainedModels": {"maxArtifactSize": {"unit": "GB", "value": 1.0}},
    "trainedModelExports": {"maxSize": {"unit": "GB", "value": 1.0}, "filesToExport": ["MODEL", "OUTPUT"]},
    "trainedModelInferenceJobs": {"maxOutputSize": {"unit": "GB", "value": 1.0}},
}
SYNTHETIC: dict[str, Any] = {
    "mlSyntheticDataParameters": {
        "epsilon": 1.0,
        "maxMembershipInferenceAttackScore": 0.6,
        "columnClassification": {
            "columnMapping": [
                {"columnName": name, "columnType": "NUMERICAL", "isPredictiveValue": name == "e"} for name in "abcde"
            ]
        },
    }
}
_TIMES = {"created_at": NOON, "updated_at": NOON}


OPEN_RULE: Mapping[str, Any] = {
    "allowedAnalyses": ["ANY_QUERY", "arn:template", "arn:synthetic"],
    "allowedAnalysisProviders": [ALICE],
    "additionalAnalyses": "ALLOWED",
}
OPEN_ASSOCIATION_RULE: Mapping[str, Any] = {
    "allowedResultReceivers": [ALICE, BOB],
    "allowedAdditionalAnalyses": [ASSOCIATION],
}
"""What Bob allows Alice, and her algorithm."""

_FURNISHED: list[bytes] = []
"""The database of a new room, made once: migrating an empty one takes longer than most tests."""


class Crash(BaseException):
    """The process dies here: nothing catches it."""


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
        self.regions = BucketRegions("us-east-1")
        self.csv_header = True
        self.cpus, self.memory_bytes = 2, GB
        self.finish_revoked_work = False
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
        inputs = TrainingInputs(self.data, self.layouts, csv_header=settings.csv_header)
        controllers = (
            MLInputChannelController(self.store, self.engine, querying, synthesising, self.data),
            ProtectedQueryController(
                self.store,
                self.engine,
                querying,
                self.data,
                self.default_location,
                self.regions,
                self.clock,
            ),
            TrainedModelController(tools, self.data, inputs),
            TrainedModelInferenceJobController(tools, self.data),
            TrainedModelExportJobController(self.store, self.data),
        )
        return Reconciler(self.store, controllers, self.clock, TIMING, failpoint)

    def drive(self, reconciler: Reconciler | None = None, steps: int = 200) -> None:
        """Take steps until nothing is due within the hour, moving the clock on. A crash restarts the server."""
        reconciler = reconciler or self.reconciler()
        for _ in range(steps):
            try:
                if reconciler.step("worker"):
                    continue
            except Crash:
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
            membership = tx.memberships.get(f"{account_id}-m")
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
        record_id = self._new_id("channel")
        query_id = f"query-{record_id}"
        source = {"protectedQueryInputParameters": {"sqlParameters": {"queryString": "SELECT a FROM Flights"}}}
        channel = MLInputChannel(
            id=record_id,
            arn=f"{PREFIX}/ml-input-channel/{record_id}",
            membership_id=f"{ALICE}-m",
            collaboration_id=ROOM,
            account_id=ALICE,
            name=record_id,
            description=None,
            association_arn=ASSOCIATION,
            input_channel={"roleArn": "arn:aws:iam::111111111111:role/x", "dataSource": source},
            retention_in_days=3,
            payer_configuration={},
            synthetic_data_parameters=None,
            synthesis=None,
            kms_key_arn=None,
            protected_query_id=query_id,
            source_associations=(),
            judgement=None,
            number_of_records=None,
            number_of_files=None,
            size_bytes=None,
            expires_at=None,
            status=ml_input_channels.Status.CREATE_PENDING,
            status_code=None,
            status_message=None,
            revision=0,
            created_at=self.clock(),
            updated_at=self.clock(),
        )
        channel = dataclasses.replace(channel, **changes)
        query = a_query(
            id=query_id,
            ml_input_channel_arn=channel.arn,
            membership_id=channel.membership_id,
            sql_parameters=channel.input_channel["dataSource"]["protectedQueryInputParameters"]["sqlParameters"],
            named_associations=("a-Flights", "a-Weather"),
            created_at=self.clock(),
            updated_at=self.clock(),
        )
        with self.store.transaction() as tx:
            tx.ml_input_channels.submit(channel, actor=ALICE)
            tx.protected_queries.add(query)
            log_query(self._context(tx), query, None, channel)
        return channel

    def synthetic_channel(self, **changes: Any) -> MLInputChannel:
        """A channel that was asked for with a template for synthetic data."""
        with self.store.transaction() as tx:
            tx.analysis_templates.add(
                AnalysisTemplate(
                    id="synthetic",
                    arn="arn:synthetic",
                    membership_id=f"{ALICE}-m",
                    collaboration_id=ROOM,
                    account_id=ALICE,
                    name="synthetic",
                    description=None,
                    format="SQL",
                    source={"text": "SELECT a, b, c, d, e FROM Flights"},
                    analysis_parameters=(),
                    schema={"referencedTables": ["Flights"]},
                    error_message_configuration=None,
                    synthetic_data_parameters=SYNTHETIC,
                    **_TIMES,
                )
            )
        inputs = {"sqlParameters": {"analysisTemplateArn": "arn:synthetic"}}
        source = {"roleArn": "r", "dataSource": {"protectedQueryInputParameters": inputs}}
        return self.channel(input_channel=source, synthetic_data_parameters=SYNTHETIC, **changes)

    def query(self, **changes: Any) -> ProtectedQuery:
        """A query of Alice's, for herself and Bob."""
        query_id = self._new_id("query")
        told: dict[str, Any] = {
            "id": query_id,
            "arn": f"{MEMBERSHIP_ARN}/protectedquery/{query_id}",
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
        """Alice may query Bob's tables, and these accounts receive results."""
        own = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [ALICE]}
        own_policy = {"v1": {"custom": {**own, "additionalAnalyses": additional_analyses}}}
        policy = {"v1": {"custom": {"allowedResultReceivers": list(accounts)}}}
        with self.store.transaction() as tx:
            shared = tx.configured_table_association_analysis_rules
            for name in ("Flights", "Weather"):
                rule = tx.configured_table_analysis_rules.get(f"t-{name}")
                assert rule is not None
                tx.configured_table_analysis_rules.update(rule, policy=own_policy)
                found = shared.get(f"a-{name}")
                if found is not None:
                    shared.remove(found)
                shared.add(ConfiguredTableAssociationAnalysisRule(f"a-{name}", "CUSTOM", policy, **_TIMES))

    def budget(self, name: str = "Flights", lifetime: int = 10) -> PrivacyBudgetTemplate:
        """A LIFETIME budget of Bob's table, of which one use is counted."""
        template = PrivacyBudgetTemplate(
            id=f"b-{name}",
            arn=f"arn:b-{name}",
            membership_id=f"{BOB}-m",
            membership_arn="arn:m",
            collaboration_id=ROOM,
            account_id=BOB,
            resource_id=f"a-{name}",
            resource_arn=f"arn:a-{name}",
            budget_parameters=({"type": "LIFETIME", "budget": lifetime},),
            period_started_at=self.clock(),
            period_used=0,
            lifetime_used=1,
            reset_at=self.clock(),
            created_at=self.clock(),
            updated_at=self.clock(),
        )
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
        model = TrainedModel(
            id=record_id,
            arn=f"{PREFIX}/trained-model/{record_id}",
            version_identifier=BASE_VERSION,
            is_latest=True,
            membership_id=f"{ALICE}-m",
            collaboration_id=ROOM,
            account_id=ALICE,
            name=f"{record_id} name",
            description=None,
            association_arn=ASSOCIATION,
            resource_config={"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 3},
            stopping_condition={"maxRuntimeInSeconds": 600},
            hyperparameters={"depth": "3"},
            environment={"A": "b"},
            data_channels=tuple(
                {"mlInputChannelArn": channel.arn, "channelName": f"train{n}"} for n, channel in enumerate(channels)
            ),
            incremental_channels=(),
            training_input_mode="File",
            payer_account_id=ALICE,
            kms_key_arn=None,
            image_digest=None,
            logs_status=None,
            logs_status_details=None,
            metrics_status=None,
            metrics_status_details=None,
            model_bytes=None,
            output_bytes=None,
            partial_bytes=None,
            partial_pending=False,
            retries=0,
            retry=None,
            seconds_spent=0,
            run_started_at=None,
            run_ended_at=None,
            status=trained_models.Status.CREATE_PENDING,
            status_code=None,
            status_message=None,
            revision=0,
            created_at=self.clock(),
            updated_at=self.clock(),
        )
        model = dataclasses.replace(model, **changes)
        with self.store.transaction() as tx:
            tx.trained_models.submit(model, actor=ALICE)
            log_job(self._context(tx), model)
        return model

    def ready_model(self) -> TrainedModel:
        """A model with artefacts."""
        model = self.model()
        self.drive()
        ready: TrainedModel = self.get(Work.TRAINED_MODELS, model.id)
        assert ready.status is trained_models.Status.ACTIVE
        return ready

    def inference_job(self, **changes: Any) -> TrainedModelInferenceJob:
        """An inference job that was asked for; Bob is to receive."""
        record_id = self._new_id("inference")
        model = changes.pop("model", None) or self.ready_model()
        channel = changes.pop("channel", None) or self.ready_channel()
        self.runtime.leaves = {"output/part-0.csv.out": b"1\n"}
        job = TrainedModelInferenceJob(
            id=record_id,
            arn=f"{PREFIX}/trained-model-inference-job/{record_id}",
            membership_id=f"{ALICE}-m",
            collaboration_id=ROOM,
            account_id=ALICE,
            name=record_id,
            description=None,
            trained_model_arn=model.arn,
            trained_model_version_identifier=model.version_identifier,
            trained_model_id=model.id,
            trained_model_name=model.name,
            association_arn=ASSOCIATION,
            resource_config={"instanceType": "ml.c5.xlarge"},
            receiver_account_id=BOB,
            accept=None,
            ml_input_channel_arn=channel.arn,
            max_payload_in_mb=None,
            environment={},
            payer_account_id=ALICE,
            kms_key_arn=None,
            image_digest=None,
            logs_status=None,
            logs_status_details=None,
            metrics_status=None,
            metrics_status_details=None,
            output_bytes=None,
            retries=0,
            retry=None,
            seconds_spent=0,
            run_started_at=None,
            run_ended_at=None,
            status=trained_model_inference_jobs.Status.CREATE_PENDING,
            status_code=None,
            status_message=None,
            revision=0,
            created_at=self.clock(),
            updated_at=self.clock(),
        )
        job = dataclasses.replace(job, **changes)
        with self.store.transaction() as tx:
            tx.trained_model_inference_jobs.submit(job, actor=ALICE)
            log_job(self._context(tx), job)
        return job

    def export_job(self, **changes: Any) -> TrainedModelExportJob:
        """An export job that was asked for; Bob is to receive."""
        record_id = self._new_id("export")
        model = changes.pop("model", None) or self.ready_model()
        job = TrainedModelExportJob(
            id=record_id,
            membership_id=f"{ALICE}-m",
            collaboration_id=ROOM,
            account_id=ALICE,
            name=record_id,
            description=None,
            trained_model_arn=model.arn,
            trained_model_version_identifier=model.version_identifier,
            trained_model_id=model.id,
            trained_model_name=model.name,
            receiver_account_id=BOB,
            exported_bytes=None,
            status=trained_model_export_jobs.Status.CREATE_PENDING,
            status_code=None,
            status_message=None,
            revision=0,
            created_at=self.clock(),
            updated_at=self.clock(),
        )
        job = dataclasses.replace(job, **changes)
        with self.store.transaction() as tx:
            tx.trained_model_export_jobs.submit(job, actor=ALICE)
            log_job(self._context(tx), job)
        return job

    def analysis_log(self, account_id: str, analysis_id: str) -> list[str]:
        """The stages of an analysis in an account's log, and how it ended, in order."""
        found = []
        with self.store.reading() as tx:
            for stream in STREAMS:
                events = tx.analysis_logs.forward(LogStreamKey(account_id, ROOM, stream), 0, 1_000)
                found += [one.event for one in events if one.event.analysis_id == analysis_id]
        return [f"{event.stage.value} {event.message['status']}" for event in found]

    def _context(self, tx: Transaction) -> Context:
        deployment = Deployment(quotas=Quotas({}), new_id=lambda: "")
        caller = Caller(ALICE, "eu-west-1")
        return Context(caller=caller, tx=tx, now=self.clock(), catalog=self.catalog, deployment=deployment)

    def _new_id(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self._number}"


def a_query(**changes: Any) -> ProtectedQuery:
    """A query of Alice's over both of Bob's tables."""
    return ProtectedQuery(
        **{
            "id": "query",
            "arn": f"{MEMBERSHIP_ARN}/protectedquery/query",
            "membership_id": f"{ALICE}-m",
            "membership_arn": MEMBERSHIP_ARN,
            "collaboration_id": ROOM,
            "account_id": ALICE,
            "ml_input_channel_arn": None,
            "sql_parameters": {"queryString": "SELECT a FROM Flights"},
            "result_configuration": None,
            "result_format": None,
            "single_file": False,
            "receivers": (),
            "compute_configuration": None,
            "payer_account_id": ALICE,
            "named_associations": ("a-Flights",),
            "charged_associations": (),
            "read_associations": (),
            "deliveries": (),
            "status": ProtectedQueryStatus.SUBMITTED,
            "status_code": None,
            "status_message": None,
            "revision": 0,
            "started_at": None,
            **_TIMES,
            **changes,
        }
    )


def crash_at(point: str, visit: int) -> Failpoint:
    """A failpoint that kills the process the `visit`th time that `point` is passed."""
    visits = 0

    def failpoint(reached: str) -> None:
        nonlocal visits
        if reached == point:
            visits += 1
            if visits == visit:
                raise Crash

    return failpoint


def once(point: str, action: Callable[[], None], visit: int = 1) -> Failpoint:
    """A failpoint where something happens in between, once."""
    visits = 0

    def failpoint(reached: str) -> None:
        nonlocal visits
        if reached == point:
            visits += 1
            if visits == visit:
                action()

    return failpoint


def _furnish(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.collaborations.add(
            Collaboration(
                ROOM, "arn:c", "room", None, ALICE, "Alice", "ENABLED", "ENABLED", "SPARK", None, (), (), None,
                CollaborationStatus.ACTIVE, **_TIMES,
            )
        )  # fmt: skip
        for account, abilities in ((ALICE, ("CAN_QUERY", "CAN_RECEIVE_RESULTS")), (BOB, ("CAN_RECEIVE_RESULTS",))):
            membership_id = f"{account}-m"
            tx.members.add(
                Member(
                    id=member_id(ROOM, account),
                    collaboration_id=ROOM,
                    account_id=account,
                    display_name=account,
                    abilities=abilities,
                    ml_abilities=("CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"),
                    payment_configuration={},
                    status=MemberStatus.ACTIVE,
                    membership_id=membership_id,
                    membership_arn="arn:m",
                    **_TIMES,
                )
            )
            tx.memberships.add(
                Membership(
                    membership_id, "arn:m", ROOM, account, MembershipStatus.ACTIVE, "ENABLED", "ENABLED",
                    {"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": account, "keyPrefix": "own"}}},
                    None, {}, None, **_TIMES,
                )
            )  # fmt: skip
            destination = {"s3Destination": {"s3Uri": f"s3://{account}/results"}}
            tx.ml_configurations.add(MLConfiguration(membership_id, account, "arn:role", destination, **_TIMES))
        training = {"imageUri": "image:1", "entrypoint": ["python", "t.py"], "arguments": ["-v"]}
        tx.configured_model_algorithms.add(
            ConfiguredModelAlgorithm(
                "algo", ALGORITHM, ALICE, "algo", None, "arn:role", training, {"imageUri": "image:1"}, None, **_TIMES
            )
        )
        tx.configured_model_algorithm_associations.add(
            ConfiguredModelAlgorithmAssociation(
                "assoc", ASSOCIATION, f"{ALICE}-m", ROOM, ALICE, ALGORITHM, "assoc", None, {"policies": POLICIES},
                **_TIMES,
            )
        )  # fmt: skip
        for name in ("Flights", "Weather"):
            tx.configured_tables.add(
                ConfiguredTable(
                    f"t-{name}", f"arn:t-{name}", BOB, name, None,
                    {"glue": {"databaseName": "db", "tableName": name.lower()}}, ("a",), "DIRECT_QUERY", (), **_TIMES,
                )
            )  # fmt: skip
            rule = {"v1": {"custom": OPEN_RULE}}
            tx.configured_table_analysis_rules.add(ConfiguredTableAnalysisRule(f"t-{name}", "CUSTOM", rule, **_TIMES))
            tx.configured_table_associations.add(
                ConfiguredTableAssociation(
                    f"a-{name}", f"arn:a-{name}", f"{BOB}-m", ROOM, BOB, f"t-{name}", f"arn:t-{name}", name,
                    name.lower(), None, "arn:role", **_TIMES,
                )
            )  # fmt: skip
            shared = {"v1": {"custom": OPEN_ASSOCIATION_RULE}}
            tx.configured_table_association_analysis_rules.add(
                ConfiguredTableAssociationAnalysisRule(f"a-{name}", "CUSTOM", shared, **_TIMES)
            )

"""Algorithms, channels, models and jobs to test with, in a room of support.cleanrooms.

    studio = a_studio(office)                      # a room, CAROL's algorithm and its association
    channel = studio.active_channel("rows")        # as its controller would leave it
    model = studio.active_model("trial", channel)

ALICE queries and trains, BOB owns a table, CAROL brings the algorithm and receives results.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, REGION, Office, Room, SharedTable, a_clean_room, role_of
from whiteroom.base.arns import parse_arn
from whiteroom.base.faults import Fault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.privacy.judgements import judgement_of, kept
from whiteroom.domain.privacy.query_facts import Origin, Output, Place, QueryFacts, Read, SelectFacts, Use
from whiteroom.reads.current_rules import CurrentRules

TRAINER = {"imageUri": "registry/trainer:1"}
SERVER = {"imageUri": "registry/server:1"}
INSTANCE = {"instanceType": "ml.m5.large", "volumeSizeInGB": 1}
EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 1.0}, "filesToExport": ["MODEL"]}}
SQL = "SELECT age, outcome FROM patients"


@dataclass
class Studio:
    """A room in which models are trained."""

    office: Office
    room: Room
    table: SharedTable
    algorithm_arn: str
    association_arn: str

    def call(self, operation: str, account_id: str = ALICE, /, **request: Any) -> Any:
        """An operation under the account's own membership."""
        return self.office.ml(account_id, operation, **self._inside(operation, account_id, request))

    def refused(self, fault: type[Fault], operation: str, account_id: str = ALICE, /, **request: Any) -> str:
        """The message of the fault that `call` must raise."""
        with pytest.raises(Fault) as caught:
            self.call(operation, account_id, **request)
        assert type(caught.value) is fault, f"{caught.value.code}: {caught.value.message}"
        assert caught.value.message.endswith("."), "a refusal is a sentence"
        return caught.value.message

    def _inside(self, operation: str, account_id: str, request: dict[str, Any]) -> dict[str, Any]:
        if "Collaboration" in operation:
            return {"collaborationIdentifier": self.room.collaboration_id, **request}
        return {"membershipIdentifier": self.room.memberships.get(account_id, ""), **request}

    def algorithm(self, account_id: str = CAROL, name: str = "forest", **request: Any) -> str:
        """A configured model algorithm with both images; answers its ARN."""
        request = {"trainingContainerConfig": TRAINER, "inferenceContainerConfig": SERVER, **request}
        request = {name_: value for name_, value in request.items() if value is not None}
        answer = self.office.ml(
            account_id, "CreateConfiguredModelAlgorithm", name=name, roleArn=role_of(account_id), **request
        )
        return str(answer["configuredModelAlgorithmArn"])

    def association(
        self,
        account_id: str = CAROL,
        name: str = "forest",
        algorithm: str | None = None,
        policies: Any = None,
        **request: Any,
    ) -> str:
        """An association of an algorithm, under policies if given; answers its ARN."""
        if policies is not None:
            request["privacyConfiguration"] = {"policies": policies}
        arn = algorithm or self.algorithm_arn
        operation = "CreateConfiguredModelAlgorithmAssociation"
        answer = self.call(operation, account_id, name=name, configuredModelAlgorithmArn=arn, **request)
        return str(answer["configuredModelAlgorithmAssociationArn"])

    def channel_request(self, name: str = "rows", **changes: Any) -> dict[str, Any]:
        """CreateMLInputChannel as ALICE."""
        return {
            "name": name,
            "configuredModelAlgorithmAssociations": [self.association_arn],
            "inputChannel": input_channel({"queryString": SQL}),
            "retentionInDays": 1,
            **changes,
        }

    def channel(self, name: str = "rows", **changes: Any) -> str:
        """A channel that waits to be filled; answers its ARN."""
        return str(self.call("CreateMLInputChannel", **self.channel_request(name, **changes))["mlInputChannelArn"])

    def active_channel(self, name: str = "rows", **changes: Any) -> str:
        """A channel with rows of BOB's table."""
        arn = self.channel(name, **changes)
        self.fill(arn)
        return arn

    def fill(self, arn: str, **changes: Any) -> None:
        """Have a channel's query succeed: it has read BOB's table."""
        with self.office.store.reading() as tx:
            (table,) = CurrentRules(tx).tables([self.table.association_id]).values()
        filled = {
            "source_associations": (self.table.association_id,),
            "judgement": kept(judgement_of(facts_of(table.name, "age", "outcome"), (), [table])),
            "number_of_records": 100,
            **changes,
        }
        self.advance("ml_input_channels", arn, Event.STARTED, Event.SUCCEEDED, **filled)

    def training_request(self, name: str, *channels: str, **changes: Any) -> dict[str, Any]:
        """CreateTrainedModel as ALICE."""
        return {
            "name": name,
            "configuredModelAlgorithmAssociationArn": self.association_arn,
            "resourceConfig": INSTANCE,
            "dataChannels": [
                {"mlInputChannelArn": channel, "channelName": f"channel{number}"}
                for number, channel in enumerate(channels)
            ],
            **changes,
        }

    def model(self, name: str, *channels: str, **changes: Any) -> dict[str, str]:
        """A training that waits to run; answers `trainedModelArn` and `versionIdentifier`."""
        answer: dict[str, str] = self.call("CreateTrainedModel", **self.training_request(name, *channels, **changes))
        return answer

    def active_model(self, name: str, *channels: str, **changes: Any) -> dict[str, str]:
        """A trained model."""
        answer = self.model(name, *channels, **changes)
        self.advance_model(answer, Event.STARTED, Event.SUCCEEDED, run_started_at=self.office.now)
        return answer

    def version(self, name: str, base: dict[str, str], *channels: str, **changes: Any) -> dict[str, str]:
        """A training that goes on from a version and waits to run."""
        incremental = {
            "trainedModelArn": base["trainedModelArn"],
            "versionIdentifier": base["versionIdentifier"],
            "channelName": "base",
        }
        incremental = {key: value for key, value in incremental.items() if value is not None}
        return self.model(name, *channels, incrementalTrainingDataChannels=[incremental], **changes)

    def inference_request(self, name: str, model: str, channel: str, **changes: Any) -> dict[str, Any]:
        """StartTrainedModelInferenceJob as ALICE, for CAROL."""
        return {
            "name": name,
            "trainedModelArn": model,
            "resourceConfig": {"instanceType": "ml.m5.large"},
            "outputConfiguration": {"members": [{"accountId": CAROL}]},
            "dataSource": {"mlInputChannelArn": channel},
            **changes,
        }

    def inference_job(self, name: str, model: str, channel: str, **changes: Any) -> str:
        """An inference job that waits to run; answers its ARN."""
        request = self.inference_request(name, model, channel, **changes)
        return str(self.call("StartTrainedModelInferenceJob", **request)["trainedModelInferenceJobArn"])

    def export_request(self, name: str, model: str, receiver: str = CAROL, **changes: Any) -> dict[str, Any]:
        """StartTrainedModelExportJob as ALICE."""
        return {
            "name": name,
            "trainedModelArn": model,
            "outputConfiguration": {"members": [{"accountId": receiver}]},
            **changes,
        }

    def configure(self, account_id: str, uri: str | None = "s3://results/carol") -> None:
        """PutMLConfiguration, with a destination unless `uri` is None."""
        location: dict[str, Any] = {"roleArn": role_of(account_id)}
        if uri is not None:
            location["destination"] = {"s3Destination": {"s3Uri": uri}}
        self.call("PutMLConfiguration", account_id, defaultOutputLocation=location)

    def advance(self, kind: str, arn: str, *events: Event, **changes: Any) -> None:
        """Take a record along its state table, as its controller would; the last event writes `changes`."""
        self._advance(kind, parse_arn(arn).resource_id, events, changes)

    def advance_model(self, model: dict[str, str], *events: Event, **changes: Any) -> None:
        """As `advance`, of one version."""
        base = model["versionIdentifier"] == "NULL"
        record_id = parse_arn(model["trainedModelArn"]).resource_id if base else model["versionIdentifier"]
        self._advance("trained_models", record_id, events, changes)

    def _advance(self, kind: str, record_id: str, events: tuple[Event, ...], changes: dict[str, Any]) -> None:
        with self.office.store.transaction() as tx:
            repository: Any = getattr(tx, kind)
            record = repository.get(record_id)
            for event in events:
                last = changes if event is events[-1] else {}
                record = repository.transition(record, event, actor="controller", at=self.office.now, **last)


def facts_of(table: str, *columns: str) -> QueryFacts:
    """What SELECT of these columns FROM the table does."""
    read = Read(table, table)
    uses = tuple(Use(read, column, Place.OUTPUT, aggregated=False) for column in columns)
    select = SelectFacts(
        reads=(read,),
        joins=(),
        clauses=frozenset(),
        uses=uses,
        aggregates=(),
        windows=False,
        subqueries=False,
        correlated=False,
        functions=frozenset(),
        outputs=tuple(Output((use,), plain=True) for use in uses),
    )
    shown = frozenset(Origin(table, column) for column in columns)
    return QueryFacts({table: frozenset(columns)}, shown, selects=(select,))


def input_channel(sql_parameters: dict[str, Any], account_id: str = ALICE) -> dict[str, Any]:
    """InputChannel over a protected query."""
    source = {"protectedQueryInputParameters": {"sqlParameters": sql_parameters}}
    return {"roleArn": role_of(account_id), "dataSource": source}


def arn_of(kind: str, membership_id: str, account_id: str = ALICE) -> str:
    """The ARN of something that does not exist."""
    missing = "ffffffff-ffff-4fff-8fff-ffffffffffff"
    return f"arn:aws:cleanrooms-ml:{REGION}:{account_id}:membership/{membership_id}/{kind}/{missing}"


def a_studio(office: Office, **collaboration: Any) -> Studio:
    """A room with BOB's table, CAROL's algorithm and its association, which allows exports."""
    room = a_clean_room(office, **collaboration)
    studio = Studio(office, room, room.shared_table(BOB, "patients"), "", "")
    studio.algorithm_arn = studio.algorithm()
    studio.association_arn = studio.association(policies=EXPORTS)
    return studio

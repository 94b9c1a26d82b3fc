"""The one builder of clean rooms: members, tables, rules, algorithms, channels, models, jobs, each step written once.

    room = a_clean_room(server)                    # ALICE, BOB and CAROL have joined
    room.shared_table(BOB, "patients")

    room = a_furnished_room(server)                # with BOB's table, CAROL's algorithm and its association
    channel = room.active_channel("rows")          # as its controller would leave it
    model = room.active_model("trial", channel)

Who plays which part is the room's (`Parts`): ALICE queries and trains, BOB owns a table, CAROL brings the algorithm and
receives results, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from support.worlds.requests import (
    ALICE,
    BOB,
    CAROL,
    COLUMNS,
    EXPORTS,
    INSTANCE,
    SERVER,
    SQL,
    TRAINER,
    collaboration_request,
    collaboration_rule,
    custom_rule,
    input_channel,
    output_location,
    role_of,
)
from support.worlds.servers import AnyServer, Server, must_refuse
from whiteroom.base.arns import parse_arn
from whiteroom.base.faults import Fault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.privacy.judgements import judgement_of, kept
from whiteroom.domain.privacy.query_facts import Origin, Output, Place, QueryFacts, Read, SelectFacts, Use
from whiteroom.reads.current_rules import CurrentRules


@dataclass(frozen=True, slots=True)
class Parts:
    """Which account plays which part."""

    querier: str = ALICE
    owner: str = BOB
    author: str = CAROL
    """Of the algorithm."""
    receiver: str = CAROL


@dataclass(frozen=True, slots=True)
class SharedTable:
    """A table in a room."""

    configured_table_id: str
    association_id: str


@dataclass
class AnyRoom:
    """A collaboration on a server, its members, and what they make in it."""

    server: AnyServer
    collaboration_id: str = ""
    memberships: dict[str, str] = field(default_factory=dict)
    parts: Parts = field(default_factory=Parts)
    sql: str = SQL
    """What a channel's rows are asked for with."""
    table: SharedTable = field(default_factory=lambda: SharedTable("", ""))
    algorithm_arn: str = ""
    association_arn: str = ""
    """Of the algorithm."""

    # -- its members ----------------------------------------------------------------

    @property
    def here(self) -> dict[str, str]:
        """The collaboration, as requests name it."""
        return {"collaborationIdentifier": self.collaboration_id}

    def of(self, account_id: str) -> dict[str, str]:
        """The membership of an account that has joined, as requests name it."""
        return {"membershipIdentifier": self.memberships[account_id]}

    def membership(self, account_id: str) -> str:
        """The membership's id of an account that has joined."""
        return self.memberships[account_id]

    def invite(self, account_id: str, **request: Any) -> Any:
        """CreateCollaboration as an account; answers the collaboration."""
        made = self.server.cleanrooms(account_id, "CreateCollaboration", **request)["collaboration"]
        self.collaboration_id = made["id"]
        return made

    def join(self, account_id: str, **request: Any) -> str:
        """CreateMembership as an account; answers its id."""
        request = {**self.here, "queryLogStatus": "DISABLED", **request}
        made = self.server.cleanrooms(account_id, "CreateMembership", **request)["membership"]
        self.memberships[account_id] = made["id"]
        return self.memberships[account_id]

    # -- tables ---------------------------------------------------------------------

    def configured_table(self, account_id: str, name: str, columns: Iterable[str] = COLUMNS, **request: Any) -> str:
        """A configured table over a table of the catalog that is made for it; answers its id."""
        self.server.catalogue(account_id, name, columns)
        answer = self.server.cleanrooms(
            account_id,
            "CreateConfiguredTable",
            **{
                "name": name,
                "tableReference": {"glue": {"databaseName": "lake", "tableName": name}},
                "allowedColumns": list(columns),
                "analysisMethod": "DIRECT_QUERY",
                **request,
            },
        )
        return str(answer["configuredTable"]["id"])

    def rule(self, account_id: str, table_id: str, policy: Any = None, kind: str = "CUSTOM") -> None:
        """The rule of a table: any query of the querier's, for algorithms only, unless a policy is given."""
        self.server.cleanrooms(
            account_id,
            "CreateConfiguredTableAnalysisRule",
            configuredTableIdentifier=table_id,
            analysisRuleType=kind,
            analysisRulePolicy=policy or custom_rule(allowedAnalysisProviders=[self.parts.querier]),
        )

    def table_association(self, account_id: str, table_id: str, name: str, **request: Any) -> str:
        """An association of a configured table under a name; answers its id."""
        answer = self.server.cleanrooms(
            account_id,
            "CreateConfiguredTableAssociation",
            name=name,
            configuredTableIdentifier=table_id,
            roleArn=role_of(account_id),
            **self.of(account_id),
            **request,
        )
        return str(answer["configuredTableAssociation"]["id"])

    def collaboration_rule(
        self, account_id: str, association_id: str, policy: Any = None, kind: str = "CUSTOM"
    ) -> None:
        """The rule of an association: for every algorithm, unless a policy is given."""
        self.server.cleanrooms(
            account_id,
            "CreateConfiguredTableAssociationAnalysisRule",
            configuredTableAssociationIdentifier=association_id,
            analysisRuleType=kind,
            analysisRulePolicy=policy or collaboration_rule(),
            **self.of(account_id),
        )

    def shared_table(
        self,
        account_id: str,
        name: str,
        columns: Iterable[str] = COLUMNS,
        kind: str = "CUSTOM",
        rule: Any = None,
        shared: Any = None,
    ) -> SharedTable:
        """A table with both of its rules: these, or so that the querier may query it for any algorithm."""
        table_id = self.configured_table(account_id, name, columns)
        self.rule(account_id, table_id, rule, kind)
        association_id = self.table_association(account_id, table_id, name)
        self.collaboration_rule(account_id, association_id, shared, kind)
        return SharedTable(table_id, association_id)

    # -- algorithms, channels, models and jobs --------------------------------------

    def call(self, operation: str, account_id: str = "", /, **request: Any) -> Any:
        """An operation of `cleanroomsml` under the account's own membership: the querier's, or another's."""
        account_id = account_id or self.parts.querier
        if "Collaboration" in operation:
            return self.server.ml(account_id, operation, **{**self.here, **request})
        own = {"membershipIdentifier": self.memberships.get(account_id, "")}
        return self.server.ml(account_id, operation, **{**own, **request})

    def algorithm(self, account_id: str = "", name: str = "forest", **request: Any) -> str:
        """A configured model algorithm, the author's unless of another, with both images; answers its ARN."""
        account_id = account_id or self.parts.author
        request = {"trainingContainerConfig": TRAINER, "inferenceContainerConfig": SERVER, **request}
        request = {name_: value for name_, value in request.items() if value is not None}
        answer = self.server.ml(
            account_id, "CreateConfiguredModelAlgorithm", name=name, roleArn=role_of(account_id), **request
        )
        return str(answer["configuredModelAlgorithmArn"])

    def association(
        self,
        account_id: str = "",
        name: str = "forest",
        algorithm: str = "",
        policies: Any = None,
        **request: Any,
    ) -> str:
        """An association of an algorithm, under policies if given; answers its ARN."""
        if policies is not None:
            request["privacyConfiguration"] = {"policies": policies}
        request["configuredModelAlgorithmArn"] = algorithm or self.algorithm_arn
        operation = "CreateConfiguredModelAlgorithmAssociation"
        answer = self.call(operation, account_id or self.parts.author, name=name, **request)
        return str(answer["configuredModelAlgorithmAssociationArn"])

    def configure(self, account_id: str, uri: str | None = "s3://results/carol") -> None:
        """PutMLConfiguration, with a destination unless `uri` is None."""
        self.call("PutMLConfiguration", account_id, defaultOutputLocation=output_location(account_id, uri))

    def channel_request(
        self, name: str = "rows", sql: str = "", association: str = "", **changes: Any
    ) -> dict[str, Any]:
        """CreateMLInputChannel as the querier."""
        return {
            "name": name,
            "configuredModelAlgorithmAssociations": [association or self.association_arn],
            "inputChannel": input_channel({"queryString": sql or self.sql}, self.parts.querier),
            "retentionInDays": 1,
            **changes,
        }

    def channel(self, name: str = "rows", sql: str = "", association: str = "", **changes: Any) -> str:
        """A channel that waits to be filled; answers its ARN."""
        request = self.channel_request(name, sql, association, **changes)
        return str(self.call("CreateMLInputChannel", **request)["mlInputChannelArn"])

    def training_request(self, name: str, *channels: str, **changes: Any) -> dict[str, Any]:
        """CreateTrainedModel as the querier."""
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

    def version(self, name: str, base: dict[str, str], *channels: str, **changes: Any) -> dict[str, str]:
        """A training that goes on from a version, the latest where none is named, and waits to run."""
        incremental = {
            "trainedModelArn": base["trainedModelArn"],
            "versionIdentifier": base.get("versionIdentifier"),
            "channelName": "base",
        }
        incremental = {key: value for key, value in incremental.items() if value is not None}
        return self.model(name, *channels, incrementalTrainingDataChannels=[incremental], **changes)

    def inference_request(self, name: str, model: str, channel: str, **changes: Any) -> dict[str, Any]:
        """StartTrainedModelInferenceJob as the querier, for the receiver."""
        return {
            "name": name,
            "trainedModelArn": model,
            "resourceConfig": {"instanceType": "ml.m5.large"},
            "outputConfiguration": {"members": [{"accountId": self.parts.receiver}]},
            "dataSource": {"mlInputChannelArn": channel},
            **changes,
        }

    def inference_job(self, name: str, model: str, channel: str, **changes: Any) -> str:
        """An inference job that waits to run; answers its ARN."""
        request = self.inference_request(name, model, channel, **changes)
        return str(self.call("StartTrainedModelInferenceJob", **request)["trainedModelInferenceJobArn"])

    def export_request(self, name: str, model: str, receiver: str = "", **changes: Any) -> dict[str, Any]:
        """StartTrainedModelExportJob as the querier."""
        return {
            "name": name,
            "trainedModelArn": model,
            "outputConfiguration": {"members": [{"accountId": receiver or self.parts.receiver}]},
            **changes,
        }

    def export(self, name: str, model: str, receiver: str = "", **changes: Any) -> None:
        """An export job that waits to run."""
        self.call("StartTrainedModelExportJob", **self.export_request(name, model, receiver, **changes))


@dataclass
class Room(AnyRoom):
    """A room in a store at hand, in which the test does what controllers would."""

    server: Server

    def refused(self, fault: type[Fault], operation: str, account_id: str = "", /, **request: Any) -> str:
        """The message of the fault that `call` must raise."""
        return must_refuse(fault, lambda: self.call(operation, account_id, **request)).message

    def active_channel(self, name: str = "rows", **changes: Any) -> str:
        """A channel with rows of the owner's table."""
        arn = self.channel(name, **changes)
        self.fill(arn)
        return arn

    def fill(self, arn: str, **changes: Any) -> None:
        """Have a channel's query succeed: it has read the owner's table."""
        with self.server.store.reading() as tx:
            (table,) = CurrentRules(tx).tables([self.table.association_id]).values()
        filled = {
            "source_associations": (self.table.association_id,),
            "judgement": kept(judgement_of(facts_of(table.name, "age", "outcome"), (), [table])),
            "number_of_records": 100,
            **changes,
        }
        self.advance("ml_input_channels", arn, Event.STARTED, Event.SUCCEEDED, **filled)

    def active_model(self, name: str, *channels: str, **changes: Any) -> dict[str, str]:
        """A trained model."""
        answer = self.model(name, *channels, **changes)
        self.advance_model(answer, Event.STARTED, Event.SUCCEEDED, run_started_at=self.server.now)
        return answer

    def advance(self, kind: str, arn: str, *events: Event, **changes: Any) -> None:
        """Take a record along its state table, as its controller would; the last event writes `changes`."""
        self.server.advance(kind, parse_arn(arn).resource_id, *events, **changes)

    def advance_model(self, model: dict[str, str], *events: Event, **changes: Any) -> None:
        """As `advance`, of one version."""
        base = model["versionIdentifier"] == "NULL"
        record_id = parse_arn(model["trainedModelArn"]).resource_id if base else model["versionIdentifier"]
        self.server.advance("trained_models", record_id, *events, **changes)


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


def an_invitation(server: Server, **changes: Any) -> Room:
    """A collaboration of ALICE's that nobody has joined yet."""
    room = Room(server)
    room.invite(ALICE, **collaboration_request(**changes))
    return room


def a_clean_room(server: Server, **changes: Any) -> Room:
    """A collaboration that ALICE, BOB and CAROL have joined."""
    room = an_invitation(server, **changes)
    for account_id in (ALICE, BOB, CAROL):
        room.join(account_id)
    return room


def a_furnished_room(server: Server, **changes: Any) -> Room:
    """A clean room with BOB's table, CAROL's algorithm and its association, which allows exports."""
    room = a_clean_room(server, **changes)
    room.table = room.shared_table(BOB, "patients")
    room.algorithm_arn = room.algorithm()
    room.association_arn = room.association(policies=EXPORTS)
    return room

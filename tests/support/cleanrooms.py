"""Clean rooms to test in: accounts that call operations directly, on a real store.

    office = an_office(SqliteStore(tmp_path / "whiteroom.db"))
    room = a_clean_room(office)
    room.shared_table(BOB, "patients")
    office.ml(ALICE, "CreateMLInputChannel", membershipIdentifier=room.membership(ALICE), ...)

Every call is held to the service model: what goes in, what comes out, and the fault that is raised.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import whiteroom.operations
from support.fakes import MemoryCatalog
from support.shapes import assert_fits, service_model
from whiteroom.base.callers import ROOT, Caller, Principal
from whiteroom.base.faults import Fault
from whiteroom.domain.execution.instance_types import Shape
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.domain.privacy.redaction import Finder
from whiteroom.domain.resources.quotas import Quota, Quotas
from whiteroom.operations.context import Context, Deployment
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, Request, answer, handlers, refusals
from whiteroom.ports import Catalog, RunLogs, Store, Transaction

ALICE = "111111111111"
"""The creator: she can query."""
BOB = "222222222222"
"""A data owner."""
CAROL = "333333333333"
"""The model provider; she receives models and inferences."""
DAVE = "444444444444"
"""Nobody: no part in the room."""

REGION = "eu-central-1"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

COLUMNS = ("patient_id", "age", "weight", "outcome")
NO_PAYMENT = {"queryCompute": {"isResponsible": False}}


def role_of(account_id: str, name: str = "whiteroom") -> str:
    """A role ARN of that account."""
    return f"arn:aws:iam::{account_id}:role/{name}"


def _load_operations() -> None:
    for module in walk_packages(whiteroom.operations.__path__, "whiteroom.operations."):
        import_module(module.name)


def answer_of(operation: tuple[str, str], request: Request, context: Context) -> Any:
    """What the operation's handler answers, as the server would ask it."""
    return answer(handlers()[operation], operation, request, context)


NOISE_SECRET = bytes(range(32))


@dataclass
class Office:
    """Where accounts call operations: a store, a catalog, a clock and quotas of the test's own."""

    store: Store
    catalog: Catalog
    now: datetime = NOW
    region: str = REGION
    """The region that requests are signed for."""
    principal: Principal = ROOT
    """Which user of an account asks."""
    quotas: Quotas = field(default_factory=lambda: Quotas({}))
    ids: Any = field(default_factory=lambda: itertools.count(1))
    strict_machine: Shape | None = None
    logs: RunLogs | None = None
    finder: Finder | None = None
    withhold_query_text: bool = False
    strict_keys: bool = False
    bucket_regions: BucketRegions = field(default_factory=lambda: BucketRegions("us-east-1"))

    def call(self, account_id: str, service: str, operation: str, **request: Any) -> Any:
        """One operation as an account, in a transaction; a second passes."""
        model = service_model(service).operation_model(operation)
        if model.input_shape is not None:
            assert_fits(model.input_shape, request)
        try:
            with self.store.transaction() as tx:
                response = answer_of((service, operation), request, self._context(account_id, tx))
        except Fault as fault:
            _assert_modelled(model, fault)
            if (service, operation) in refusals():
                with self.store.transaction() as tx:
                    refusals()[service, operation](request, self._context(account_id, tx), fault)
            raise
        self.now += timedelta(seconds=1)
        if model.output_shape is None:
            assert not response
        else:
            assert_fits(model.output_shape, response or {})
        return response

    def attempt(
        self,
        account_id: str,
        operation: tuple[str, str],
        request: dict[str, Any],
        principal: Principal | None = None,
    ) -> Any:
        """What somebody of an account is answered, a fault included; nothing of it stays, and no time passes."""
        answer: Any = None
        with suppress(_Undone), self.store.transaction() as tx:
            try:
                answer = answer_of(operation, request, self._context(account_id, tx, principal))
            except Fault as fault:
                answer = fault
            raise _Undone
        return answer

    def _context(self, account_id: str, tx: Transaction, principal: Principal | None = None) -> Context:
        return Context(
            caller=Caller(account_id, self.region, principal or self.principal),
            tx=tx,
            now=self.now,
            catalog=self.catalog,
            deployment=self.deployment,
            logs=self.logs,
        )

    @property
    def deployment(self) -> Deployment:
        """What the operator has chosen."""
        return Deployment(
            quotas=self.quotas,
            new_id=lambda: f"00000000-0000-4000-8000-{next(self.ids):012x}",
            noise_secret=NOISE_SECRET,
            strict_machine=self.strict_machine,
            finder=self.finder,
            withhold_query_text=self.withhold_query_text,
            strict_keys=self.strict_keys,
            bucket_regions=self.bucket_regions,
        )

    def cleanrooms(self, account_id: str, operation: str, /, **request: Any) -> Any:
        """One operation of `cleanrooms` as an account."""
        return self.call(account_id, CLEANROOMS, operation, **request)

    def ml(self, account_id: str, operation: str, /, **request: Any) -> Any:
        """One operation of `cleanroomsml` as an account."""
        return self.call(account_id, CLEANROOMS_ML, operation, **request)

    def refused(self, fault: type[Fault], account_id: str, operation: str, /, **request: Any) -> Fault:
        """The fault that an operation of `cleanrooms` must answer."""
        with pytest.raises(Fault) as caught:
            self.cleanrooms(account_id, operation, **request)
        assert type(caught.value) is fault, f"{caught.value.code}: {caught.value.message}"
        assert caught.value.message.endswith("."), "a refusal is a sentence"
        return caught.value

    def set_quota(self, quota: Quota, limit: int) -> None:
        """Change one limit."""
        self.quotas = Quotas({**self.quotas.limits, quota: limit})


class _Undone(Exception):
    """Takes a transaction back."""


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """A request, with each `@name` replaced by what the names say."""
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    return names[value[1:]] if isinstance(value, str) and value.startswith("@") else value


def _assert_modelled(model: Any, fault: Fault) -> None:
    shapes = {shape.name: shape for shape in model.error_shapes}
    assert fault.code in shapes, f"{model.name} does not model {fault.code}: {fault.message}"
    shape = shapes[fault.code]
    members = {name: value for name, value in fault.members.items() if name in shape.members and value is not None}
    missing = set(shape.required_members) - members.keys() - {"message"}
    assert not missing, f"{fault.code} of {model.name} lacks {sorted(missing)}"
    for name, value in members.items():
        if name != "resourceType":  # the enum lacks most kinds of resources
            assert_fits(shape.members[name], value, f"{fault.code}.{name}")


def an_office(store: Store, catalog: Catalog | None = None) -> Office:
    """An office with every operation at hand."""
    _load_operations()
    return Office(store, catalog or MemoryCatalog())


@dataclass
class Room:
    """A collaboration with its members."""

    office: Office
    collaboration_id: str
    memberships: dict[str, str]

    def membership(self, account_id: str) -> str:
        """The membership's id of an account that has joined."""
        return self.memberships[account_id]

    def join(self, account_id: str, **request: Any) -> str:
        """CreateMembership as an account; answers its id."""
        answer = self.office.cleanrooms(
            account_id,
            "CreateMembership",
            **{"collaborationIdentifier": self.collaboration_id, "queryLogStatus": "DISABLED", **request},
        )
        self.memberships[account_id] = answer["membership"]["id"]
        return self.memberships[account_id]

    def configured_table(self, account_id: str, name: str, columns: tuple[str, ...] = COLUMNS, **request: Any) -> str:
        """A configured table over a table of the catalog that is made for it; answers its id."""
        if isinstance(self.office.catalog, MemoryCatalog):
            self.office.catalog.put(account_id, "lake", name, dict.fromkeys((*columns, "secret"), "bigint"))
        answer = self.office.cleanrooms(
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

    def association(self, account_id: str, table_id: str, name: str) -> str:
        """An association of a configured table under a name; answers its id."""
        answer = self.office.cleanrooms(
            account_id,
            "CreateConfiguredTableAssociation",
            name=name,
            membershipIdentifier=self.membership(account_id),
            configuredTableIdentifier=table_id,
            roleArn=role_of(account_id),
        )
        return str(answer["configuredTableAssociation"]["id"])

    def shared_table(self, account_id: str, name: str, columns: tuple[str, ...] = COLUMNS) -> SharedTable:
        """A table that ALICE may query for any algorithm: configured, associated, with both of its rules."""
        table_id = self.configured_table(account_id, name, columns)
        self.office.cleanrooms(
            account_id,
            "CreateConfiguredTableAnalysisRule",
            configuredTableIdentifier=table_id,
            analysisRuleType="CUSTOM",
            analysisRulePolicy=custom_rule(),
        )
        association_id = self.association(account_id, table_id, name)
        self.office.cleanrooms(
            account_id,
            "CreateConfiguredTableAssociationAnalysisRule",
            membershipIdentifier=self.membership(account_id),
            configuredTableAssociationIdentifier=association_id,
            analysisRuleType="CUSTOM",
            analysisRulePolicy=collaboration_rule(),
        )
        return SharedTable(table_id, association_id)


@dataclass(frozen=True, slots=True)
class SharedTable:
    """A table in a room."""

    configured_table_id: str
    association_id: str


def custom_rule(**changes: Any) -> dict[str, Any]:
    """A CUSTOM rule: any query of ALICE's, for algorithms only."""
    rule = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [ALICE], "additionalAnalyses": "REQUIRED"}
    return {"v1": {"custom": {**rule, **changes}}}


def collaboration_rule(**changes: Any) -> dict[str, Any]:
    """A collaboration rule that allows every configured model algorithm association."""
    anything = f"arn:aws:cleanrooms-ml:{REGION}:*:membership/*/configured-model-algorithm-association/*"
    return {"v1": {"custom": {"allowedAdditionalAnalyses": [anything], **changes}}}


def collaboration_request(**changes: Any) -> dict[str, Any]:
    """CreateCollaboration as ALICE: she queries and pays, BOB and CAROL are invited."""
    request: dict[str, Any] = {
        "name": "Trial",
        "description": "Three hospitals.",
        "creatorDisplayName": "Alice",
        "creatorMemberAbilities": ["CAN_QUERY", "CAN_RECEIVE_RESULTS"],
        "creatorMLMemberAbilities": {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT"]},
        "creatorPaymentConfiguration": {
            "queryCompute": {"isResponsible": True},
            "machineLearning": {
                "modelTraining": {"isResponsible": True},
                "modelInference": {"isResponsible": True},
            },
        },
        "queryLogStatus": "DISABLED",
        "members": [
            {"accountId": BOB, "displayName": "Bob", "memberAbilities": [], "paymentConfiguration": NO_PAYMENT},
            {
                "accountId": CAROL,
                "displayName": "Carol",
                "memberAbilities": [],
                "mlMemberAbilities": {
                    "customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]
                },
                "paymentConfiguration": NO_PAYMENT,
            },
        ],
    }
    return {**request, **changes}


def an_invitation(office: Office, **changes: Any) -> Room:
    """A collaboration that nobody has joined yet."""
    answer = office.cleanrooms(ALICE, "CreateCollaboration", **collaboration_request(**changes))
    return Room(office, answer["collaboration"]["id"], {})


def a_clean_room(office: Office, **changes: Any) -> Room:
    """A collaboration that ALICE, BOB and CAROL have joined."""
    room = an_invitation(office, **changes)
    for account_id in (ALICE, BOB, CAROL):
        room.join(account_id)
    return room

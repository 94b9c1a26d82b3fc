"""The ways in which the owner of a table takes back what it had allowed, as calls of its own, and back again.

    WAYS["the rule is deleted"](owner)             # owner: support.revoking.Owner

Every way ends the use of a channel whose query read `age` and `outcome`. `RESTORES` says which of them can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from support.worlds.requests import ALICE, BOB, CAROL, collaboration_rule, custom_rule
from support.worlds.rooms import AnyRoom

RULE, ASSOCIATION_RULE = "ConfiguredTableAnalysisRule", "ConfiguredTableAssociationAnalysisRule"


@dataclass(frozen=True, slots=True)
class Owner:
    """BOB, whose table the channels of a room are made of, in process or on a running server."""

    room: AnyRoom

    def rule(self, verb: str, policy: Any = None) -> None:
        """Create, Update or Delete the table's analysis rule."""
        given = {} if policy is None else {"analysisRulePolicy": policy}
        self._call(
            f"{verb}{RULE}",
            configuredTableIdentifier=self.room.table.configured_table_id,
            analysisRuleType="CUSTOM",
            **given,
        )

    def association_rule(self, verb: str, policy: Any = None) -> None:
        """The same of the collaboration analysis rule."""
        given = {} if policy is None else {"analysisRulePolicy": policy}
        self._call(f"{verb}{ASSOCIATION_RULE}", **self._association, analysisRuleType="CUSTOM", **given)

    def columns(self, *names: str) -> None:
        """Allow these columns alone."""
        self._call(
            "UpdateConfiguredTable",
            configuredTableIdentifier=self.room.table.configured_table_id,
            allowedColumns=list(names),
        )

    def withdraw(self) -> None:
        """Take the table out of the collaboration."""
        self._call("DeleteConfiguredTableAssociation", **self._association)

    def delete_table(self) -> None:
        """Delete the configured table, which takes its association out first."""
        self.withdraw()
        table = self.room.table.configured_table_id
        self._call("DeleteConfiguredTable", configuredTableIdentifier=table)

    def leave(self) -> None:
        """Leave the collaboration, with nothing of the account's in it."""
        self.withdraw()
        self._call("DeleteMembership", **self.room.of(BOB))

    def be_removed(self) -> None:
        """Be removed by the collaboration's creator."""
        self.room.server.cleanrooms(ALICE, "DeleteMember", accountId=BOB, **self.room.here)

    @property
    def _association(self) -> dict[str, str]:
        return {**self.room.of(BOB), "configuredTableAssociationIdentifier": self.room.table.association_id}

    def _call(self, operation: str, **request: Any) -> None:
        self.room.server.cleanrooms(BOB, operation, **request)


def narrowed(**changes: Any) -> Any:
    """The table's rule with other fields."""
    return custom_rule(**changes)


THRESHOLD = {
    "type": "COUNT_DISTINCT",
    "identityColumns": ["patient_id"],
    "minimumIdentityCount": 5,
    "allowedAggregateExpressionType": "ANY_EXPRESSION",
}

WAYS: Mapping[str, Callable[[Owner], None]] = {
    "the rule is deleted": lambda owner: owner.rule("Delete"),
    "channels are not allowed any more": lambda owner: owner.rule("Update", narrowed(additionalAnalyses="NOT_ALLOWED")),
    "queries of another alone": lambda owner: owner.rule("Update", narrowed(allowedAnalysisProviders=[CAROL])),
    "no queries": lambda owner: owner.rule("Update", narrowed(allowedAnalyses=[])),
    "a column is not shown any more": lambda owner: owner.rule("Update", narrowed(disallowedOutputColumns=["age"])),
    "differential privacy": lambda owner: owner.rule(
        "Update", narrowed(differentialPrivacy={"columns": [{"name": "patient_id"}]})
    ),
    "groups above a minimum alone": lambda owner: owner.rule(
        "Update",
        narrowed(aggregationThresholds=[THRESHOLD]),
    ),
    "a column is not allowed any more": lambda owner: owner.columns("patient_id", "outcome"),
    "the collaboration rule is deleted": lambda owner: owner.association_rule("Delete"),
    "the collaboration rule names no algorithm": lambda owner: owner.association_rule(
        "Update", collaboration_rule(allowedAdditionalAnalyses=[])
    ),
    "the collaboration rule names another algorithm": lambda owner: owner.association_rule(
        "Update",
        collaboration_rule(
            allowedAdditionalAnalyses=[
                f"arn:aws:cleanrooms-ml:eu-central-1:{CAROL}:membership/x/configured-model-algorithm-association/y"
            ]
        ),
    ),
    "the table is taken out": Owner.withdraw,
    "the table is deleted": Owner.delete_table,
    "the owner leaves": Owner.leave,
    "the owner is removed": Owner.be_removed,
}

RESTORES: Mapping[str, Callable[[Owner], None]] = {
    **{
        way: lambda owner: owner.rule("Update", custom_rule())
        for way in (
            "channels are not allowed any more",
            "queries of another alone",
            "no queries",
            "a column is not shown any more",
            "differential privacy",
            "groups above a minimum alone",
        )
    },
    "the rule is deleted": lambda owner: owner.rule("Create", custom_rule()),
    "a column is not allowed any more": lambda owner: owner.columns("patient_id", "age", "weight", "outcome"),
    "the collaboration rule is deleted": lambda owner: owner.association_rule("Create", collaboration_rule()),
    "the collaboration rule names no algorithm": lambda owner: owner.association_rule("Update", collaboration_rule()),
    "the collaboration rule names another algorithm": lambda owner: owner.association_rule(
        "Update", collaboration_rule()
    ),
}
"""What the owner calls to have it as it was; whatever takes the table out of the collaboration is for good."""

"""What operations of `cleanrooms` answer, and each error that their model declares: what is owed, what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.server import RunningServer
from support.shapes import service_model
from support.worlds.servers import AnyServer

OPERATIONS = (
    *(f"{verb}Collaboration" for verb in ("Create", "Get", "Update", "Delete")),
    *("ListCollaborations", "ListMembers", "DeleteMember"),
    *(f"{verb}Membership" for verb in ("Create", "Get", "Update", "Delete")),
    "ListMemberships",
    *(f"{verb}ConfiguredTable" for verb in ("Create", "Get", "Update", "Delete")),
    "ListConfiguredTables",
    *(f"{verb}ConfiguredTableAnalysisRule" for verb in ("Create", "Get", "Update", "Delete")),
    *(f"{verb}ConfiguredTableAssociation" for verb in ("Create", "Get", "Update", "Delete")),
    "ListConfiguredTableAssociations",
    *(f"{verb}ConfiguredTableAssociationAnalysisRule" for verb in ("Create", "Get", "Update", "Delete")),
    *(f"{verb}AnalysisTemplate" for verb in ("Create", "Get", "Update", "Delete")),
    "ListAnalysisTemplates",
    *("GetCollaborationAnalysisTemplate", "ListCollaborationAnalysisTemplates"),
    "BatchGetCollaborationAnalysisTemplate",
    *("ListSchemas", "GetSchema", "BatchGetSchema", "GetSchemaAnalysisRule", "BatchGetSchemaAnalysisRule"),
    *("StartProtectedQuery", "UpdateProtectedQuery", "GetProtectedQuery", "ListProtectedQueries"),
    *(f"{verb}PrivacyBudgetTemplate" for verb in ("Create", "Get", "Update", "Delete")),
    *("ListPrivacyBudgetTemplates", "ListPrivacyBudgets", "ListCollaborationPrivacyBudgets"),
    *("GetCollaborationPrivacyBudgetTemplate", "ListCollaborationPrivacyBudgetTemplates"),
)

HAPPY = "answers"
VALIDATION = "ValidationException"
DENIED = "AccessDeniedException"
NOT_FOUND = "ResourceNotFoundException"
CONFLICT = "ConflictException"
QUOTA = "ServiceQuotaExceededException"

NEVER: dict[str, tuple[str, ...]] = {
    # An account's own lists and tables are always its own; another's table is not found.
    DENIED: (
        *("CreateCollaboration", "ListCollaborations", "ListMemberships", "ListConfiguredTables"),
        *("CreateConfiguredTable", "GetConfiguredTable", "UpdateConfiguredTable", "DeleteConfiguredTable"),
        *(f"{verb}ConfiguredTableAnalysisRule" for verb in ("Create", "Get", "Update", "Delete")),
    ),
    # A membership or collaboration that is not there is answered like one that is another's: denied.
    NOT_FOUND: (
        *(f"{verb}Membership" for verb in ("Create", "Get", "Update", "Delete")),
        *("ListMembers", "ListConfiguredTableAssociations", "ListAnalysisTemplates", "ListProtectedQueries"),
        *("ListCollaborationAnalysisTemplates", "BatchGetCollaborationAnalysisTemplate", "ListSchemas"),
        *("BatchGetSchema", "BatchGetSchemaAnalysisRule", "CreateAnalysisTemplate"),
        *("ListPrivacyBudgetTemplates", "ListPrivacyBudgets"),
        *("ListCollaborationPrivacyBudgetTemplates", "ListCollaborationPrivacyBudgets"),
        # A table that the catalog lacks is a broken configuration.
        "CreateConfiguredTable",
    ),
    # Nothing depends on a rule, or on an association: deleting it is how an owner withdraws.
    CONFLICT: (
        *("UpdateConfiguredTableAnalysisRule", "DeleteConfiguredTableAnalysisRule"),
        *("UpdateConfiguredTableAssociation", "DeleteConfiguredTableAssociation"),
        *(f"{verb}ConfiguredTableAssociationAnalysisRule" for verb in ("Update", "Delete")),
        "UpdatePrivacyBudgetTemplate",
    ),
    # One rule and one budget per table, and changes make nothing more.
    QUOTA: (
        "CreatePrivacyBudgetTemplate",
        *(f"{verb}ConfiguredTableAnalysisRule" for verb in ("Create", "Update")),
        "UpdateConfiguredTable",
    ),
}
"""Declared errors that this server has no occasion for, each with the reason."""


@dataclass
class Witness(AnyServer):
    """A running server, and what was seen of it."""

    server: RunningServer
    seen: set[tuple[str, str]]

    def __call__(self, account_id: str, operation: str, /, **request: Any) -> Any:
        return self.cleanrooms(account_id, operation, **request)

    def call(self, account_id: str, service: str, operation: str, /, **request: Any) -> Any:
        answer = self.server.call(account_id, service, operation, **request)
        self.seen.add((operation, HAPPY))
        return answer

    def catalogue(self, account_id: str, name: str, columns: Iterable[str]) -> None:
        self.server.catalogue(account_id, name, columns)

    def refused(self, code: str, account_id: str, operation: str, /, **request: Any) -> dict[str, Any]:
        """The error's own members."""
        with pytest.raises(ClientError) as caught:
            self(account_id, operation, **request)
        error: dict[str, Any] = dict(caught.value.response)
        assert error["Error"]["Code"] == code, error["Error"]
        assert error["Error"]["Message"]
        assert code in {shape.name for shape in service_model("cleanrooms").operation_model(operation).error_shapes}
        self.seen.add((operation, code))
        return error


def declared(operation: str) -> Iterator[str]:
    """Every answer that an operation may give."""
    yield HAPPY
    for shape in service_model("cleanrooms").operation_model(operation).error_shapes:
        if shape.name not in ("ThrottlingException", "InternalServerException"):
            yield shape.name


OWED = {(operation, answer) for operation in OPERATIONS for answer in declared(operation)}
EXCUSED = {(operation, code) for code, operations in NEVER.items() for operation in operations}

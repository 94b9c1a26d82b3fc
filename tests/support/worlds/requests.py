"""Who is in a clean room, and what they ask for: accounts, and the documents of requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

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
SQL = "SELECT age, outcome FROM patients"
NO_PAYMENT = {"queryCompute": {"isResponsible": False}}
TRAINER = {"imageUri": "registry/trainer:1"}
SERVER = {"imageUri": "registry/server:1"}
INSTANCE = {"instanceType": "ml.m5.large", "volumeSizeInGB": 1}
EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 1.0}, "filesToExport": ["MODEL"]}}


def role_of(account_id: str, name: str = "whiteroom") -> str:
    """A role ARN of that account."""
    return f"arn:aws:iam::{account_id}:role/{name}"


def custom_rule(**changes: Any) -> dict[str, Any]:
    """A CUSTOM rule: any query of ALICE's, for algorithms only."""
    rule = {"allowedAnalyses": ["ANY_QUERY"], "allowedAnalysisProviders": [ALICE], "additionalAnalyses": "REQUIRED"}
    return {"v1": {"custom": {**rule, **changes}}}


def collaboration_rule(**changes: Any) -> dict[str, Any]:
    """A collaboration rule that allows every configured model algorithm association."""
    anything = f"arn:aws:cleanrooms-ml:{REGION}:*:membership/*/configured-model-algorithm-association/*"
    return {"v1": {"custom": {"allowedAdditionalAnalyses": [anything], **changes}}}


def member(account_id: str, name: str, **changes: Any) -> dict[str, Any]:
    """Somebody who is invited, without abilities."""
    return {
        "accountId": account_id,
        "displayName": name,
        "memberAbilities": [],
        "paymentConfiguration": NO_PAYMENT,
        **changes,
    }


def collaboration_request(**changes: Any) -> dict[str, Any]:
    """CreateCollaboration as ALICE: she queries and pays, BOB and CAROL are invited."""
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
    pays = {"isResponsible": True}
    request: dict[str, Any] = {
        "name": "Trial",
        "description": "Three hospitals.",
        "creatorDisplayName": "Alice",
        "creatorMemberAbilities": ["CAN_QUERY", "CAN_RECEIVE_RESULTS"],
        "creatorMLMemberAbilities": {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT"]},
        "creatorPaymentConfiguration": {
            "queryCompute": pays,
            "machineLearning": {"modelTraining": pays, "modelInference": pays},
        },
        "queryLogStatus": "DISABLED",
        "members": [member(BOB, "Bob"), member(CAROL, "Carol", mlMemberAbilities=receives)],
    }
    return {**request, **changes}


def input_channel(sql_parameters: dict[str, Any], account_id: str = ALICE) -> dict[str, Any]:
    """InputChannel over a protected query."""
    source = {"protectedQueryInputParameters": {"sqlParameters": sql_parameters}}
    return {"roleArn": role_of(account_id), "dataSource": source}


def output_location(account_id: str, uri: str | None) -> dict[str, Any]:
    """Where PutMLConfiguration has an account's results go; nowhere if `uri` is None."""
    location: dict[str, Any] = {"roleArn": role_of(account_id)}
    return location if uri is None else {**location, "destination": {"s3Destination": {"s3Uri": uri}}}


def arn_of(kind: str, membership_id: str, account_id: str = ALICE) -> str:
    """The ARN of something that does not exist."""
    missing = "ffffffff-ffff-4fff-8fff-ffffffffffff"
    return f"arn:aws:cleanrooms-ml:{REGION}:{account_id}:membership/{membership_id}/{kind}/{missing}"


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """A request, with each `@name` replaced by what the names say."""
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    return names[value[1:]] if isinstance(value, str) and value.startswith("@") else value

"""What the second and the third notebook begin with; the first has each step by itself."""

from __future__ import annotations

from collections.abc import Sequence

from whiteroom.notebook import Member

YES = {"isResponsible": True}
PAYS = {"queryCompute": YES, "machineLearning": {"modelTraining": YES, "modelInference": YES}}
RECEIVES = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}


def account_of(member: Member) -> str:
    """The member's twelve digits."""
    return str(member.client("sts").get_caller_identity()["Account"])


def role_of(member: Member) -> str:
    """A role of the member's: requests must name one, as at AWS."""
    return f"arn:aws:iam::{account_of(member)}:role/clean-room"


def meet(name: str, owner: Member, analyst: Member) -> tuple[str, str, str]:
    """Two create and join a collaboration, with logs of analyses; its id, the owner's membership, the analyst's."""
    logged = {"queryLogStatus": "ENABLED", "jobLogStatus": "ENABLED"}
    collaboration = analyst.cleanrooms.create_collaboration(
        name=name,
        description=name,
        creatorDisplayName="Analyst",
        creatorMemberAbilities=["CAN_QUERY", "CAN_RECEIVE_RESULTS"],
        creatorMLMemberAbilities=RECEIVES,
        creatorPaymentConfiguration=PAYS,
        members=[{"accountId": account_of(owner), "memberAbilities": [], "displayName": "Owner"}],
        **logged,
    )["collaboration"]["id"]
    memberships = [
        member.cleanrooms.create_membership(collaborationIdentifier=collaboration, **logged, **pays)["membership"]["id"]
        for member, pays in ((owner, {}), (analyst, {"paymentConfiguration": PAYS}))
    ]
    for member, membership in zip((owner, analyst), memberships, strict=True):
        member.ml.put_ml_configuration(
            membershipIdentifier=membership,
            defaultOutputLocation={
                "roleArn": role_of(member),
                "destination": {"s3Destination": {"s3Uri": f"s3://{account_of(member)}/results"}},
            },
        )
    return (collaboration, *memberships)


def contribute(owner: Member, membership: str, analyst: Member, table: str, columns: Sequence[str]) -> str:
    """The owner's table, from which nothing but channels for algorithms may be made; the id of its association."""
    configured = owner.cleanrooms.create_configured_table(
        name=table,
        tableReference={"glue": {"databaseName": "examples", "tableName": table}},
        allowedColumns=columns,
        analysisMethod="DIRECT_QUERY",
    )["configuredTable"]["id"]
    owner.cleanrooms.create_configured_table_analysis_rule(
        configuredTableIdentifier=configured,
        analysisRuleType="CUSTOM",
        analysisRulePolicy={
            "v1": {
                "custom": {
                    "allowedAnalyses": ["ANY_QUERY"],
                    "allowedAnalysisProviders": [account_of(analyst)],
                    "additionalAnalyses": "REQUIRED",
                }
            }
        },
    )
    return str(
        owner.cleanrooms.create_configured_table_association(
            name=table,
            membershipIdentifier=membership,
            configuredTableIdentifier=configured,
            roleArn=role_of(owner),
        )["configuredTableAssociation"]["id"]
    )


def allow(owner: Member, membership: str, association: str, algorithm: str) -> None:
    """The owner allows one algorithm to be trained on rows of its table."""
    owner.cleanrooms.create_configured_table_association_analysis_rule(
        membershipIdentifier=membership,
        configuredTableAssociationIdentifier=association,
        analysisRuleType="CUSTOM",
        analysisRulePolicy={"v1": {"custom": {"allowedResultReceivers": [], "allowedAdditionalAnalyses": [algorithm]}}},
    )

from __future__ import annotations

from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE
from support.worlds.rooms import Room, a_clean_room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, Conflict, QuotaExceeded, ResourceNotFound, ValidationFault
from whiteroom.domain.resources.quotas import Quota

NOWHERE = "99999999-0000-4000-8000-000000000000"
TEXT = "SELECT age, count(*) FROM patients WHERE age > :youngest GROUP BY age"
YOUNGEST = {"name": "youngest", "type": "INT", "defaultValue": "18"}


def create(server: Server, room: Room, account_id: str = CAROL, **changes: Any) -> dict[str, Any]:
    answer = server.cleanrooms(account_id, "CreateAnalysisTemplate", **a_request(room, account_id, **changes))
    return dict(answer["analysisTemplate"])


def a_request(room: Room, account_id: str = CAROL, **changes: Any) -> dict[str, Any]:
    request = {
        "membershipIdentifier": room.membership(account_id),
        "name": "by age",
        "format": "SQL",
        "source": {"text": TEXT},
        "analysisParameters": [YOUNGEST],
    }
    return {**request, **changes}


def test_any_member_writes_a_template_and_reads_it_again(server: Server, room: Room) -> None:
    template = create(server, room, description="Ages", tags={"study": "7"})
    assert template["source"] == {"text": TEXT}
    assert list(template["analysisParameters"]) == [YOUNGEST]
    assert template["arn"].endswith(f":membership/{room.membership(CAROL)}/analysistemplate/{template['id']}")
    here = {"membershipIdentifier": room.membership(CAROL), "analysisTemplateIdentifier": template["id"]}
    assert server.cleanrooms(CAROL, "GetAnalysisTemplate", **here)["analysisTemplate"] == template
    with server.store.reading() as tx:
        assert tx.tags.get(template["arn"]) == {"study": "7"}


def test_the_tables_that_a_template_names_are_told(server: Server, room: Room) -> None:
    for name in ("patients", "visits", "selections"):
        room.table_association(BOB, room.configured_table(BOB, name), name)
    assert create(server, room)["schema"] == {"referencedTables": ["patients"]}
    given = create(server, room, name="given", schema={"referencedTables": ["Visits"]})
    assert given["schema"] == {"referencedTables": ["Visits"]}
    server.refused(
        ValidationFault,
        CAROL,
        "CreateAnalysisTemplate",
        **a_request(room, name="ghosts", schema={"referencedTables": ["ghosts"]}),
    )


SYNTHETIC: dict[str, Any] = {
    "mlSyntheticDataParameters": {
        "epsilon": 1.0,
        "maxMembershipInferenceAttackScore": 0.6,
        "columnClassification": {
            "columnMapping": [
                {"columnName": f"c{n}", "columnType": "NUMERICAL", "isPredictiveValue": False} for n in range(5)
            ]
        },
    }
}


def mapped(*changes: dict[str, Any]) -> dict[str, Any]:
    """SyntheticDataParameters with more columns, each with its changes."""
    ml = SYNTHETIC["mlSyntheticDataParameters"]
    more = [
        {"columnName": f"d{n}", "columnType": "CATEGORICAL", "isPredictiveValue": False, **change}
        for n, change in enumerate(changes)
    ]
    columns = [*ml["columnClassification"]["columnMapping"], *more]
    return {"mlSyntheticDataParameters": {**ml, "columnClassification": {"columnMapping": columns}}}


SCRIPT = {
    "artifacts": {
        "entryPoint": {"location": {"bucket": "scripts", "key": "run.py"}},
        "additionalArtifacts": [{"location": {"bucket": "scripts", "key": "more.zip"}}],
        "roleArn": "arn:aws:iam::333333333333:role/scripts",
    }
}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "PYSPARK_1_0", "source": SCRIPT}, "PYSPARK_1_0"),
        ({"source": SCRIPT}, "source.text"),
        ({"source": {"text": "  "}}, "source.text"),
        ({"analysisParameters": []}, "youngest"),
        ({"analysisParameters": [YOUNGEST, {"name": "oldest", "type": "INT"}]}, "oldest"),
        ({"analysisParameters": [YOUNGEST, YOUNGEST]}, "more than once"),
        ({"syntheticDataParameters": mapped({"columnName": "c0"})}, "'c0' more than once"),
        ({"syntheticDataParameters": mapped({"isPredictiveValue": True}, {"isPredictiveValue": True})}, "d0, d1"),
        ({"tags": {"aws:x": "y"}}, "aws:"),
    ],
)
def test_a_template_that_could_not_run_is_refused(
    server: Server, room: Room, change: dict[str, Any], word: str
) -> None:
    fault = server.refused(ValidationFault, CAROL, "CreateAnalysisTemplate", **a_request(room, **change))
    assert word in fault.message


def test_everybody_reads_what_a_template_asks_of_synthetic_data(server: Server, room: Room) -> None:
    template = create(server, room, syntheticDataParameters=SYNTHETIC)
    assert template["syntheticDataParameters"] == SYNTHETIC
    here = {"collaborationIdentifier": room.collaboration_id}
    told = server.cleanrooms(BOB, "GetCollaborationAnalysisTemplate", analysisTemplateArn=template["arn"], **here)
    assert told["collaborationAnalysisTemplate"]["syntheticDataParameters"] == SYNTHETIC
    (listed,) = server.cleanrooms(BOB, "ListCollaborationAnalysisTemplates", **here)[
        "collaborationAnalysisTemplateSummaries"
    ]
    assert listed["isSyntheticData"] is True


def test_names_are_unique_in_a_membership(server: Server, room: Room) -> None:
    create(server, room)
    fault = server.refused(Conflict, CAROL, "CreateAnalysisTemplate", **a_request(room))
    assert fault.members["reason"] == "ALREADY_EXISTS"
    create(server, room, BOB)


def test_templates_have_a_quota(server: Server, room: Room) -> None:
    server.set_quota(Quota.ANALYSIS_TEMPLATES_PER_MEMBERSHIP, 1)
    create(server, room)
    server.refused(QuotaExceeded, CAROL, "CreateAnalysisTemplate", **a_request(room, name="more"))


def test_only_the_description_changes(server: Server, room: Room) -> None:
    template = create(server, room)
    here = {"membershipIdentifier": room.membership(CAROL), "analysisTemplateIdentifier": template["id"]}
    changed = server.cleanrooms(CAROL, "UpdateAnalysisTemplate", **here, description="Ages")["analysisTemplate"]
    assert {**changed, "description": None, "updateTime": template["updateTime"]} == template
    assert changed["description"] == "Ages"
    kept = server.cleanrooms(CAROL, "UpdateAnalysisTemplate", **here)["analysisTemplate"]
    assert kept["description"] == "Ages"


def test_a_template_is_found_in_its_own_membership_alone(server: Server, room: Room) -> None:
    template = create(server, room)
    its = {"analysisTemplateIdentifier": template["id"]}
    for operation in ("GetAnalysisTemplate", "UpdateAnalysisTemplate", "DeleteAnalysisTemplate"):
        server.refused(AccessDenied, BOB, operation, membershipIdentifier=room.membership(CAROL), **its)
        server.refused(ResourceNotFound, BOB, operation, membershipIdentifier=room.membership(BOB), **its)
    for operation in ("ListAnalysisTemplates", "CreateAnalysisTemplate"):
        request = a_request(room) if operation.startswith("Create") else {}
        server.refused(AccessDenied, BOB, operation, **{**request, "membershipIdentifier": room.membership(CAROL)})


def test_an_ended_membership_writes_no_templates(server: Server, room: Room) -> None:
    server.cleanrooms(CAROL, "DeleteMembership", membershipIdentifier=room.membership(CAROL))
    server.refused(AccessDenied, CAROL, "CreateAnalysisTemplate", **a_request(room))


def test_a_deleted_template_is_gone_for_everyone(server: Server, room: Room) -> None:
    template = create(server, room)
    here = {"membershipIdentifier": room.membership(CAROL), "analysisTemplateIdentifier": template["id"]}
    server.cleanrooms(CAROL, "DeleteAnalysisTemplate", **here)
    server.refused(ResourceNotFound, CAROL, "DeleteAnalysisTemplate", **here)
    server.refused(
        ResourceNotFound,
        BOB,
        "GetCollaborationAnalysisTemplate",
        collaborationIdentifier=room.collaboration_id,
        analysisTemplateArn=template["arn"],
    )


def test_templates_are_listed_page_by_page_to_author_and_to_members(server: Server, room: Room) -> None:
    for name in ("one", "two", "three"):
        create(server, room, name=name)
    create(server, room, BOB, name="bobs")
    here = {"membershipIdentifier": room.membership(CAROL), "maxResults": 2}
    first = server.cleanrooms(CAROL, "ListAnalysisTemplates", **here)
    second = server.cleanrooms(CAROL, "ListAnalysisTemplates", **here, nextToken=first["nextToken"])
    pages = (first["analysisTemplateSummaries"], second["analysisTemplateSummaries"])
    assert [[item["name"] for item in page] for page in pages] == [["three", "two"], ["one"]]

    there = {"collaborationIdentifier": room.collaboration_id}
    answer = server.cleanrooms(ALICE, "ListCollaborationAnalysisTemplates", **there, maxResults=3)
    summaries = answer["collaborationAnalysisTemplateSummaries"]
    assert [(item["creatorAccountId"], item["name"]) for item in summaries] == [
        (BOB, "bobs"),
        (CAROL, "three"),
        (CAROL, "two"),
    ]
    server.refused(AccessDenied, DAVE, "ListCollaborationAnalysisTemplates", **there)


def test_every_member_reads_a_templates_text_to_approve_it(server: Server, room: Room) -> None:
    template = create(server, room)
    there = {"collaborationIdentifier": room.collaboration_id}
    seen = server.cleanrooms(BOB, "GetCollaborationAnalysisTemplate", **there, analysisTemplateArn=template["arn"])[
        "collaborationAnalysisTemplate"
    ]
    assert (seen["creatorAccountId"], seen["source"]) == (CAROL, {"text": TEXT})
    server.refused(AccessDenied, DAVE, "GetCollaborationAnalysisTemplate", **there, analysisTemplateArn=template["arn"])


def test_a_template_of_another_room_is_not_found_here(server: Server, room: Room) -> None:
    elsewhere = create(server, a_clean_room(server))
    here = create(server, room)
    there = {"collaborationIdentifier": room.collaboration_id}
    fault = server.refused(
        ResourceNotFound, BOB, "GetCollaborationAnalysisTemplate", **there, analysisTemplateArn=elsewhere["arn"]
    )
    assert fault.members["resourceId"] == elsewhere["arn"]
    batch = server.cleanrooms(
        BOB,
        "BatchGetCollaborationAnalysisTemplate",
        **there,
        analysisTemplateArns=[here["arn"], elsewhere["arn"], here["arn"]],
    )
    assert [item["id"] for item in batch["collaborationAnalysisTemplates"]] == [here["id"]]
    assert [(item["arn"], item["code"]) for item in batch["errors"]] == [
        (elsewhere["arn"], "ResourceNotFoundException")
    ]
    server.refused(
        AccessDenied,
        DAVE,
        "BatchGetCollaborationAnalysisTemplate",
        **there,
        analysisTemplateArns=[here["arn"]],
    )


def test_a_removed_members_templates_leave_with_it(server: Server, room: Room) -> None:
    create(server, room)
    there = {"collaborationIdentifier": room.collaboration_id}
    server.cleanrooms(ALICE, "DeleteMember", **there, accountId=CAROL)
    answer = server.cleanrooms(BOB, "ListCollaborationAnalysisTemplates", **there)
    assert answer["collaborationAnalysisTemplateSummaries"] == []

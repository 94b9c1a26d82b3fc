"""A line of the table is an operation like any other, and tells a caller nothing of what lies elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.worlds.requests import ALICE, BOB
from support.worlds.rooms import Room
from support.worlds.servers import Server
from whiteroom.base.faults import AccessDenied, ResourceNotFound
from whiteroom.operations.cleanrooms import analysis_templates
from whiteroom.operations.plain_resources import Place, none_in, none_of
from whiteroom.operations.registry import CLEANROOMS, handlers

HERE = Place("Membership 1", "membership 1", {"membership_id": "1"})


def test_a_line_is_registered_under_awss_name_in_the_file_of_its_noun_with_its_gloss() -> None:
    handler = handlers()[CLEANROOMS, "GetAnalysisTemplate"]
    assert handler.__name__ == "get_analysis_template"
    assert handler.__module__ == analysis_templates.__name__
    assert handler.__doc__ == "A template of the caller's membership."


def test_an_operation_is_a_line_once() -> None:
    again = replace(analysis_templates.ANALYSIS_TEMPLATES)
    with pytest.raises(ValueError, match="answered twice"):
        again.delete("DeleteAnalysisTemplate", "Once more.")


def test_what_a_place_has_not_is_said_with_where_names_are_listed() -> None:
    fault = none_of("thing", "THING", "Use the identifier that ListThings answers.")(HERE, "7")
    assert fault.message == "Membership 1 has no thing 7. Use the identifier that ListThings answers."
    assert none_in("thing")(HERE, "arn").message == "There is no thing arn in membership 1."


def test_of_another_membership_it_is_said_that_there_is_none_and_who_has_left_is_denied(
    server: Server, room: Room
) -> None:
    text = {"format": "SQL", "source": {"text": "SELECT 1"}}
    made = server.cleanrooms(
        ALICE, "CreateAnalysisTemplate", membershipIdentifier=room.membership(ALICE), name="all", **text
    )["analysisTemplate"]["id"]
    theirs = {"membershipIdentifier": room.membership(BOB), "analysisTemplateIdentifier": made}
    absent = {**theirs, "analysisTemplateIdentifier": "99999999-0000-4000-8000-000000000000"}
    told = [
        server.refused(ResourceNotFound, BOB, "GetAnalysisTemplate", **asked).message.replace(
            asked["analysisTemplateIdentifier"], "ID"
        )
        for asked in (theirs, absent)
    ]
    assert told[0] == told[1]
    server.cleanrooms(BOB, "DeleteMembership", membershipIdentifier=room.membership(BOB))
    server.refused(AccessDenied, BOB, "DeleteAnalysisTemplate", **theirs)
    server.refused(ResourceNotFound, BOB, "GetAnalysisTemplate", **theirs)

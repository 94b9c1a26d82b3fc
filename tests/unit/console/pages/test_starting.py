"""Starting and ending by forms: what each has made, and that a refusal makes nothing and loses nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import unquote, urlencode

import pytest

from support.console import signed_in_as, text_of
from support.console_rooms import OpenRoom, open_room
from support.hostile_texts import TEXTS, active_parts
from support.worlds.callers import CALLERS
from support.worlds.requests import role_of
from whiteroom.base.arns import parse_arn
from whiteroom.base.callers import Role
from whiteroom.console.ends import ENDS
from whiteroom.console.pages.starting import named_lines
from whiteroom.domain.execution.lifecycle import Event

FORMS = ("queries", "channels", "models", "exports", "inference-jobs")
OF_A_VERSION = ("exports", "inference-jobs")
"""Those that the page of a version leads to."""
SQL = "SELECT age\nFROM patients\nWHERE age > 3"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRoom]:
    with open_room(tmp_path_factory.mktemp("starting") / "data") as opened:
        yield opened


def fields_of(room: OpenRoom, kind: str, name: str) -> dict[str, str]:
    """What somebody fills a form in with."""
    algorithm, querier = room.full.names["algorithm_association"], CALLERS["querier"]
    return {
        "queries": {"sql": SQL, "receiver": CALLERS["receiver"]},
        "channels": {
            "name": name,
            "description": "why",
            "sql": SQL,
            "algorithm": algorithm,
            "days": "7",
            "role": role_of(querier),
        },
        "models": {
            "name": name,
            "description": "why",
            "algorithm": algorithm,
            f"channel:{room.full.names['channel']}": "train",
            f"channel:{room.full.names['spare_channel']}": "",
            "hyperparameters": "depth = 3\nquery = a=b\n\n",
            "instance": "ml.m5.large",
            "volume": "2",
            "seconds": "600",
        },
        "exports": {"name": name, "description": "why", "receiver": CALLERS["receiver"]},
        "inference-jobs": {
            "name": name,
            "description": "why",
            "channel": room.full.names["channel"],
            "instance": "ml.m5.large",
            "receiver": CALLERS["receiver"],
        },
    }[kind]


def form_url(room: OpenRoom, kind: str) -> str:
    """Where a form is; of those of a version, that of the room's model."""
    named = {"model": room.full.names["model"], "version": "NULL"}
    return room.url(kind, "new") + (f"?{urlencode(named, safe=':/')}" if kind in OF_A_VERSION else "")


def kept(room: OpenRoom, kind: str) -> list[Any]:
    repository = {
        "queries": "protected_queries",
        "channels": "ml_input_channels",
        "models": "trained_models",
        "exports": "trained_model_export_jobs",
        "inference-jobs": "trained_model_inference_jobs",
    }[kind]
    with room.console.store.reading() as tx:
        return list(getattr(tx, repository).all())


def made(room: OpenRoom, answer: Any, kind: str) -> Any:
    """The record that a form has made, to whose page it leads."""
    assert answer.status_code == 303, text_of(answer.text)
    name = answer.headers["location"].rpartition("/")[2]
    (record,) = (one for one in kept(room, kind) if one.id == name)
    assert room.browser("querier").get(answer.headers["location"]).status_code == 200
    return record


def test_a_query_is_asked_for_its_receiver(room: OpenRoom) -> None:
    browser = room.browser("querier")
    query = made(room, browser.press(room.url("queries", "new"), **fields_of(room, "queries", "")), "queries")
    assert query.sql_parameters == {"queryString": SQL}
    assert [one["accountId"] for one in query.receivers] == [CALLERS["receiver"]]


def test_a_channel_is_made_of_sql_for_an_algorithm(room: OpenRoom) -> None:
    browser = room.browser("querier")
    channel = made(room, browser.press(room.url("channels", "new"), **fields_of(room, "channels", "mine")), "channels")
    source = channel.input_channel["dataSource"]["protectedQueryInputParameters"]["sqlParameters"]
    assert source == {"queryString": SQL}
    assert (channel.name, channel.description, channel.retention_in_days) == ("mine", "why", 7)
    assert channel.association_arn == room.full.names["algorithm_association"]


def test_a_model_is_trained_on_the_channels_that_are_given_a_name(room: OpenRoom) -> None:
    browser = room.browser("querier")
    model = made(room, browser.press(room.url("models", "new"), **fields_of(room, "models", "mine")), "models")
    assert [(one["mlInputChannelArn"], one["channelName"]) for one in model.data_channels] == [
        (room.full.names["channel"], "train")
    ]
    assert model.hyperparameters == {"depth": "3", "query": "a=b"}
    assert model.resource_config["instanceType"] == "ml.m5.large"
    assert model.resource_config["volumeSizeInGB"] == 2
    assert model.stopping_condition == {"maxRuntimeInSeconds": 600}


def test_an_export_goes_to_its_receiver(room: OpenRoom) -> None:
    answer = room.browser("querier").press(form_url(room, "exports"), **fields_of(room, "exports", "out"))
    assert answer.headers["location"] == f"{room.url('models', '@model')}?version=NULL"
    (job,) = (one for one in kept(room, "exports") if one.name == "out")
    assert (job.receiver_account_id, job.trained_model_arn) == (CALLERS["receiver"], room.full.names["model"])
    assert job.trained_model_version_identifier == "NULL"
    assert "out" in text_of(room.browser("querier").get(answer.headers["location"]).text).partition("Exports")[2]


def test_an_inference_job_is_run_on_a_channel(room: OpenRoom) -> None:
    browser = room.browser("querier")
    answer = browser.press(form_url(room, "inference-jobs"), **fields_of(room, "inference-jobs", "mine"))
    job = made(room, answer, "inference-jobs")
    assert (job.receiver_account_id, job.ml_input_channel_arn) == (CALLERS["receiver"], room.full.names["channel"])
    assert (job.trained_model_arn, job.trained_model_version_identifier) == (room.full.names["model"], "NULL")


WRONG = [
    ("queries", {"sql": ""}, 400),
    ("queries", {"receiver": CALLERS["owner"]}, 403),
    ("queries", {"receiver": "me"}, 400),
    ("channels", {"name": ""}, 400),
    ("channels", {"days": "many"}, 400),
    ("channels", {"days": "99999999999999"}, 400),
    ("channels", {"algorithm": "arn:x"}, 400),
    ("channels", {"role": role_of(CALLERS["owner"])}, 403),
    ("models", {"instance": "ml.none"}, 400),
    ("models", {"volume": "-1"}, 400),
    ("models", {"seconds": "soon"}, 400),
    ("models", {"name": "forest"}, 409),
    ("exports", {"name": ""}, 400),
    ("exports", {"receiver": CALLERS["owner"]}, 403),
    ("inference-jobs", {"channel": "arn:x"}, 400),
    ("inference-jobs", {"instance": "ml.none"}, 400),
]


@pytest.mark.parametrize(("kind", "wrong", "status"), WRONG, ids=str)
def test_what_is_refused_is_told_in_words_beside_what_was_typed_and_makes_nothing(
    room: OpenRoom, kind: str, wrong: dict[str, str], status: int
) -> None:
    before = len(kept(room, kind))
    typed = {**fields_of(room, kind, "refused"), **wrong}
    answer = room.browser("querier").press(form_url(room, kind), **typed)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert len(kept(room, kind)) == before
    page = unescape(answer.text)
    for chosen in ("receiver", "algorithm", "channel"):
        typed.pop(chosen, None)
    assert [name for name, value in typed.items() if value not in page] == []


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("caller", [caller for caller in CALLERS if caller != "querier"])
def test_whoever_could_not_start_it_by_the_api_starts_nothing_by_a_form(room: OpenRoom, kind: str, caller: str) -> None:
    before = len(kept(room, kind))
    answer = room.browser(caller).press(form_url(room, kind), **fields_of(room, kind, f"by {caller}"))
    assert answer.status_code in {400, 403, 404, 409}
    assert len(kept(room, kind)) == before


@pytest.mark.parametrize("kind", FORMS)
def test_a_role_that_may_not_start_anything_is_offered_no_form_and_refused_one(room: OpenRoom, kind: str) -> None:
    analyst = signed_in_as(room.console, CALLERS["querier"], Role.ANALYST)
    officer = signed_in_as(room.console, CALLERS["querier"], Role.PRIVACY_OFFICER)
    link = f'href="{form_url(room, kind)}"'
    shown = f"{room.url('models', '@model')}?version=NULL" if kind in OF_A_VERSION else room.url(kind)
    assert link in unquote(unescape(analyst.get(shown).text))
    assert link not in unquote(unescape(officer.get(shown).text))
    before = len(kept(room, kind))
    answer = officer.press(form_url(room, kind), **fields_of(room, kind, "by an officer"))
    assert answer.status_code == 403
    assert "is not authorized to perform" in text_of(answer.text)
    assert len(kept(room, kind)) == before


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("text", TEXTS)
def test_what_was_typed_is_text_when_it_is_shown_again(room: OpenRoom, kind: str, text: str) -> None:
    typed = dict.fromkeys(fields_of(room, kind, ""), text)
    answer = room.browser("querier").press(form_url(room, kind), **typed)
    assert answer.status_code == 400
    assert active_parts(answer.text) == []
    assert text in unescape(answer.text)


@pytest.mark.parametrize("kind", FORMS)
def test_each_field_has_a_label_and_each_form_its_token(room: OpenRoom, kind: str) -> None:
    page = room.browser("querier").get(form_url(room, kind)).text
    fields = re.findall(r'<(?:input|select|textarea) id="([^"]+)"', page)
    assert fields
    assert set(fields) <= set(re.findall(r'<label for="([^"]+)"', page))
    assert page.count('name="form_token"') == page.count('method="post"')


def a_thing(room: OpenRoom, kind: str, what: str, number: int) -> tuple[str, str]:
    """Something that may be ended so, and its record's identifier."""
    clean, name = room.full.room, f"{kind} {what} {number}"
    match kind, what:
        case "models", "cancel":
            arn = clean.model(name, room.full.names["channel"])["trainedModelArn"]
        case "models", _:
            arn = clean.active_model(name, room.full.names["channel"])["trainedModelArn"]
        case "channels", _:
            arn = clean.active_channel(name)
        case "inference-jobs", _:
            arn = clean.inference_job(name, room.full.names["model"], room.full.names["channel"])
        case _:
            answer = room.browser("querier").press(room.url("queries", "new"), **fields_of(room, "queries", ""))
            identifier = answer.headers["location"].rpartition("/")[2]
            return identifier, identifier
    return arn, parse_arn(arn).resource_id


@pytest.mark.parametrize(("kind", "what"), ENDS)
def test_what_is_ended_is_told_first_and_ends(room: OpenRoom, kind: str, what: str) -> None:
    name, _ = a_thing(room, kind, what, 1)
    browser = room.browser("querier")
    page = browser.get(room.url(kind, name)).text
    assert ENDS[kind, what].sentence in unescape(page)
    form = re.search(
        rf'action="([^"]*/end/[^"]*)">.*?name="what" value="{what}">.*?name="version" value="([^"]*)"', page, re.DOTALL
    )
    assert form is not None
    answer = browser.press(unescape(form.group(1)), what=what, version=form.group(2))
    assert answer.status_code == 303
    after = browser.get(answer.headers["location"])
    assert after.status_code == 200
    assert what in text_of(after.text).lower()
    assert f'value="{what}"' not in after.text


MEMBERS = ("creator", "owner", "author", "payer", "receiver", "other")


@pytest.mark.parametrize(("kind", "what"), ENDS)
def test_it_is_offered_to_those_who_may_end_it_and_ended_by_nobody_else(room: OpenRoom, kind: str, what: str) -> None:
    for number, caller in enumerate(CALLERS, 2):
        name, _ = a_thing(room, kind, what, number)
        before = text_of(room.browser("querier").get(room.url(kind, name)).text)
        may = caller == "querier" or (ENDS[kind, what].by_any_member and caller in MEMBERS)
        page = room.browser(caller).get(room.url(kind, name)).text
        assert (f'name="what" value="{what}"' in page) == may, caller
        answer = room.browser(caller).press(room.url("end", kind, name), what=what, version="")
        after = text_of(room.browser("querier").get(room.url(kind, name)).text)
        assert (answer.status_code == 303) == (after != before) == may, caller
        if not may:
            assert answer.status_code in {400, 403, 404}, caller


def test_what_cannot_be_ended_any_more_is_refused_in_words(room: OpenRoom) -> None:
    answer = room.browser("querier").press(room.url("end", "models", "@model"), what="cancel", version="NULL")
    assert answer.status_code == 409
    assert "ConflictException" in text_of(answer.text)


def test_a_form_that_there_is_not_does_nothing(room: OpenRoom) -> None:
    for kind, what in (("models", "export"), ("accounts", "delete"), ("channels", "cancel")):
        answer = room.browser("querier").press(room.url("end", kind, "@model"), what=what)
        assert answer.status_code == 404


def test_the_version_that_a_page_shows_is_the_one_that_ends(room: OpenRoom) -> None:
    clean, channel = room.full.room, room.full.names["channel"]
    base = clean.active_model("with versions", channel)
    second = clean.version("its second", base, channel)
    clean.advance_model(second, Event.STARTED, Event.SUCCEEDED)
    arn, browser = base["trainedModelArn"], room.browser("querier")
    address = f"{room.url('models', arn)}?version={second['versionIdentifier']}"
    assert f'name="version" value="{second["versionIdentifier"]}"' in browser.get(address).text
    browser.press(room.url("end", "models", arn), what="delete", version=second["versionIdentifier"])
    assert "delete" in text_of(browser.get(address).text).lower().partition("version")[0]
    assert (
        text_of(browser.get(f"{room.url('models', arn)}?version=NULL").text)
        .partition("Version")[0]
        .endswith("with versions active ")
    )


def test_hyperparameters_are_a_line_each() -> None:
    assert named_lines("a=1\r\n b = x = y \n\nc") == {"a": "1", "b": "x = y", "c": ""}

"""The pages of an analyst, over a room in which every part is played by another account."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from html import unescape

import pytest

from support.console import text_of
from support.console_rooms import OpenRoom, open_room
from support.hostile_texts import TEXTS, active_parts
from support.worlds.callers import CALLERS, PLANTED
from whiteroom.console.pages import analysis
from whiteroom.domain.execution.lifecycle import Event

LISTS = ("channels", "models", "inference-jobs", "queries")
THINGS = (
    ("channels", "@channel"),
    ("channels", "@spare_channel"),
    ("models", "@model"),
    ("models", "@working_model"),
    ("inference-jobs", "@job"),
    ("queries", "@query"),
    ("queries", "@own_query"),
)
PAGES = (*((one,) for one in LISTS), *THINGS)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRoom]:
    with open_room(tmp_path_factory.mktemp("analysis") / "data") as opened:
        yield opened


def test_every_page_is_walked() -> None:
    """A page that is added is walked by the tests below."""
    assert {path.split("/")[3] for path, methods, _ in analysis.ROUTES if "GET" in methods} == {
        path[0] for path in PAGES
    }


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("path", PAGES, ids="/".join)
def test_nobody_reads_on_a_page_what_its_maker_alone_may_see(
    room: OpenRoom, path: tuple[str, ...], caller: str
) -> None:
    answer = room.browser(caller).get(room.url(*path))
    assert answer.status_code in {200, 400, 403, 404}
    assert set(re.findall(f"{PLANTED}([a-z]+)", unescape(answer.text))) <= {caller}


@pytest.mark.parametrize("path", PAGES, ids="/".join)
def test_whoever_has_no_part_in_a_collaboration_has_none_of_its_pages(room: OpenRoom, path: tuple[str, ...]) -> None:
    assert room.browser("outside").get(room.url(*path)).status_code == 403


@pytest.mark.parametrize("path", PAGES, ids="/".join)
def test_a_page_has_its_headings_in_order_and_its_tables_have_their_scopes(
    room: OpenRoom, path: tuple[str, ...]
) -> None:
    page = room.browser("querier").get(room.url(*path)).text
    levels = [int(level) for level in re.findall(r"<h([1-6])", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    assert "<th>" not in page
    assert page.count("<main") == 1
    assert active_parts(page) == []
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(set(ids)) == len(ids)


def test_a_channels_page_shows_what_it_was_made_from_to_its_maker_alone(room: OpenRoom) -> None:
    path = room.url("channels", "@channel")
    assert "SELECT age, outcome FROM patients" in text_of(room.browser("querier").get(path).text)
    for caller in ("owner", "receiver", "author"):
        seen = text_of(room.browser(caller).get(path).text)
        assert "SELECT" not in seen
        assert "Rows 100" in seen


def test_a_models_page_leads_to_its_channels_its_versions_and_what_was_made_of_it(room: OpenRoom) -> None:
    page = room.browser("querier").get(room.url("models", "@model")).text
    assert room.url("channels", "@channel") in unescape(page)
    assert f"{room.url('models', '@model')}?version=NULL" in page
    assert room.url("inference-jobs", "@job") in page
    older = room.browser("querier").get(f"{room.url('models', '@model')}?version=NULL")
    assert "forest active Version NULL" in text_of(older.text)


def test_a_version_that_goes_on_from_another_stands_below_it(room: OpenRoom) -> None:
    page = room.browser("querier").get(room.url("models", "@model")).text
    depths = re.findall(r'class="deep-(\d)"><a href="[^"]*version=([^"]*)"', page)
    assert depths == [("0", "NULL"), ("1", room.full.names["version"])]


def test_another_members_job_and_query_are_refused_as_the_api_refuses_them(room: OpenRoom) -> None:
    for path in (("inference-jobs", "@job"), ("queries", "@query")):
        answer = room.browser("receiver").get(room.url(*path))
        assert answer.status_code == 404
        assert "ResourceNotFoundException" in text_of(answer.text)


@pytest.mark.parametrize("path", ["models/arn:x", "channels/..%2f..%2f", "queries/%00", "models/" + "a" * 3000])
def test_an_address_that_names_nothing_is_refused(room: OpenRoom, path: str) -> None:
    answer = room.browser("querier").get(f"{room.url()}/{path}")
    assert answer.status_code in {400, 404}
    assert active_parts(answer.text) == []


def test_a_failures_reason_is_on_the_page(room: OpenRoom) -> None:
    arn = room.full.room.channel("hopeless")
    room.full.room.advance(
        "ml_input_channels",
        arn,
        Event.STARTED,
        Event.FAILED,
        status_code="QueryFailed",
        status_message="The table is gone.",
    )
    seen = text_of(room.browser("querier").get(room.url("channels", arn)).text)
    assert "create failed" in seen
    assert "QueryFailed: The table is gone." in seen


def test_a_long_list_is_leafed_through_to_its_end_and_each_of_it_is_there_once(room: OpenRoom) -> None:
    channel = room.full.names["channel"]
    made = {room.full.room.model(f"many-{number}", channel)["trainedModelArn"] for number in range(120)}
    browser, address, pages = room.browser("owner"), room.url("models"), []
    while address:
        page = browser.get(address).text
        pages.append(re.findall(r'<th scope="row"><a href="/console/[^"]*/models/([^"]*)"', page))
        following = re.search(r'rel="next" href="([^"]*)"', page)
        address = unescape(following.group(1)) if following else ""
    seen = [arn for page in pages for arn in page]
    assert [len(page) for page in pages[:-1]] == [50] * (len(pages) - 1)
    assert len(set(seen)) == len(seen)
    assert made <= set(seen)


def test_a_place_in_a_list_that_it_did_not_give_is_refused(room: OpenRoom) -> None:
    answer = room.browser("querier").get(room.url("models") + "?after=nonsense")
    assert answer.status_code == 400
    assert "nextToken" in text_of(answer.text)


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_members_have_written_is_text(room: OpenRoom, text: str) -> None:
    """A hostile text in every field of what the pages show, or in those that the service model lets it into."""
    querier = room.full.room
    channel = querier.active_channel(
        text, description=text, tags={"k": text}, sql=f"SELECT age FROM patients -- {text}"
    )
    model = querier.active_model(
        text, channel, description=text, hyperparameters={text: text}, environment={"k": text}, tags={"k": text}
    )
    job = querier.inference_job(text, model["trainedModelArn"], channel, description=text, environment={"k": text})
    querier.export(text, model["trainedModelArn"], description=text)
    querier.version(f"{text}2", model, channel)
    addresses = [room.url(one) for one in LISTS] + [
        room.url("channels", channel),
        room.url("models", model["trainedModelArn"]),
        room.url("models", model["trainedModelArn"]) + "?version=NULL",
        room.url("inference-jobs", job),
    ]
    for caller in ("querier", "receiver"):
        for address in addresses:
            page = room.browser(caller).get(address).text
            assert active_parts(page) == [], address
            if caller == "querier" and address != room.url("queries"):
                shown = unescape(re.sub(r"<[^>]*>", " ", page))
                assert text in shown, address

"""The pages of an analyst, over a room in which every part is played by another account."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from support.console import text_of
from support.console_rooms import OpenRoom, open_room
from support.hostile_texts import TEXTS, active_parts
from support.worlds.callers import CALLERS, PLANTED
from support.worlds.requests import INSTANCE
from whiteroom.base.arns import parse_arn
from whiteroom.console.pages import analysis
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.results import Result


def a_model(room: OpenRoom, name: str, **changes: Any) -> str:
    """A trained model of the querier's; its ARN."""
    return room.full.room.active_model(name, room.full.names["channel"], **changes)["trainedModelArn"]


def delivered(room: OpenRoom, files: dict[str, bytes]) -> Result:
    """What the receiver has been given, file by file."""
    return room.delivered.to(CALLERS["receiver"], files, collaboration_id=room.full.room.collaboration_id)


def record_of(arn: str) -> str:
    """The identifier of a model's first version."""
    return parse_arn(arn).resource_id


LISTS = ("channels", "models", "inference-jobs", "queries")
THINGS = (
    ("channels", "@channel"),
    ("channels", "@spare_channel"),
    ("models", "@model"),
    ("models", "@working_model"),
    ("inference-jobs", "@job"),
    ("queries", "@query"),
    ("queries", "@own_query"),
    ("logs", "@model"),
    ("compare",),
    ("results",),
    ("tables", "patients"),
)
PAGES = (*((one,) for one in LISTS), *THINGS)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRoom]:
    with open_room(tmp_path_factory.mktemp("analysis") / "data") as opened:
        yield opened


def test_every_page_is_walked() -> None:
    """A page that is added is walked by the tests below."""
    assert {path.split("/")[3] for path, methods, _ in analysis.ROUTES if "GET" in methods} - {"live", "exports"} == {
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


def test_a_run_shows_its_curves_and_its_log_to_whom_the_policy_lets_and_to_nobody_else(room: OpenRoom) -> None:
    path = f"{room.url('models', '@model')}?version=NULL"
    for caller in CALLERS:
        page = room.browser(caller).get(path).text
        assert ("epoch 1" in page, "<svg" in page) == ((caller == "receiver",) * 2), caller
        log = room.browser(caller).get(room.url("logs", "@model")).text
        assert ("epoch 1" in log) == (caller == "receiver"), caller


def test_a_curve_can_be_pointed_at_and_read_as_a_table(room: OpenRoom) -> None:
    model = a_model(room, "curved")
    room.measured(record_of(model), "loss", [4.0, 2.0, 1.5])
    page = room.browser("receiver").get(room.url("models", model)).text
    assert "<title>algo-1: 2 after 1 s</title>" in page
    assert '<desc id="chart-1-desc">algo-1: from 4 to 1.5, lowest 1.5, highest 4</desc>' in page
    assert "After algo-1 0 s 4 1 s 2 2 s 1.5" in text_of(page)


def test_a_log_is_leafed_through_from_its_end_to_its_beginning(room: OpenRoom) -> None:
    model = a_model(room, "talker")
    said = [f"line {number:04d}" for number in range(450)]
    room.printed(record_of(model), [line.encode() for line in said])
    room.measured(record_of(model), "loss", [1.0])
    browser, address, pages = room.browser("receiver"), f"{room.url('logs', model)}?version=NULL", []
    while True:
        page = browser.get(address).text
        lines = re.findall(r"line \d{4}", page)
        if not lines:
            break
        pages.append(lines)
        older = re.search(r'<a href="([^"]*)">Older</a>', page)
        assert older is not None
        address = unescape(older.group(1))
    assert [len(page) for page in pages] == [200, 200, 50]
    assert [line for page in reversed(pages) for line in page] == said


def test_each_instance_of_a_run_has_its_log(room: OpenRoom) -> None:
    model = a_model(room, "two", resourceConfig={**INSTANCE, "instanceCount": 2})
    for host in ("algo-1", "algo-2"):
        room.printed(record_of(model), [f"this is {host}".encode()], host)
    room.measured(record_of(model), "loss", [1.0])
    page = room.browser("receiver").get(room.url("logs", model)).text
    assert "this is algo-1" in page
    other = re.search(r'<a href="([^"]*)">algo-2</a>', page)
    assert other is not None
    assert "this is algo-2" in room.browser("receiver").get(unescape(other.group(1))).text


def test_versions_are_compared_by_what_went_into_them_and_by_their_curves(room: OpenRoom) -> None:
    models = [
        a_model(room, name, hyperparameters={"depth": depth, "same": "1"})
        for name, depth in (("shallow", "3"), ("deep", "9"))
    ]
    for model, value in zip(models, (1.0, 2.0), strict=True):
        room.measured(record_of(model), "loss", [value])
    address = f"{room.url('compare')}?{urlencode({f'{model}@NULL': 'on' for model in models})}"
    own = room.browser("querier").get(address).text
    assert "Hyperparameter depth differs 3 9" in text_of(own)
    assert "Hyperparameter same 1 1" in text_of(own)
    seen = room.browser("receiver").get(address).text
    assert "Hyperparameter" not in seen
    assert "<title>shallow, algo-1: 1 after 0 s</title>" in seen
    assert "<title>deep, algo-1: 2 after 0 s</title>" in seen


def test_no_more_are_compared_than_fit_a_page(room: OpenRoom) -> None:
    models = [a_model(room, f"one-{number}") for number in range(8)]
    address = f"{room.url('compare')}?{urlencode({f'{model}@NULL': 'on' for model in models})}"
    seen = text_of(room.browser("querier").get(address).text)
    assert "Only the first 6 are shown." in seen
    assert ["one-5" in seen, "one-6" in seen] == [True, False]


@pytest.mark.parametrize("field", ["x@y", "arn:x@NULL", "@", "a@b@c"])
def test_what_cannot_be_compared_is_refused(room: OpenRoom, field: str) -> None:
    answer = room.browser("querier").get(f"{room.url('compare')}?{urlencode({field: 'on'})}")
    assert answer.status_code in {400, 404}


@pytest.mark.parametrize("text", TEXTS)
def test_what_a_program_prints_and_measures_is_text(room: OpenRoom, text: str) -> None:
    model = a_model(room, f"hostile {TEXTS.index(text)}")
    room.printed(record_of(model), [text.encode(), "\x1b[2J\u202egnp.exe".encode()])
    room.measured(record_of(model), text, [1.0, 2.0], "algo-1")
    compared = f"{room.url('compare')}?{urlencode({f'{model}@NULL': 'on'})}"
    for address in (room.url("models", model), room.url("logs", model), compared):
        page = room.browser("receiver").get(address).text
        assert active_parts(page) == []
        assert text in unescape(re.sub(r"<[^>]*>", " ", page))
        assert "\x1b" not in page
        assert "\u202e" not in page


def test_a_version_that_goes_on_from_another_stands_below_it(room: OpenRoom) -> None:
    page = room.browser("querier").get(room.url("models", "@model")).text
    depths = re.findall(r'class="deep-(\d)"><a href="[^"]*version=([^"]*)"', page)
    assert depths == [("0", "NULL"), ("1", room.full.names["version"])]


def test_a_tables_page_says_of_each_column_what_its_rule_lets_be_done_with_it(room: OpenRoom) -> None:
    owner, clean = room.full.room.parts.owner, room.full.room
    policy = {
        "aggregateColumns": [{"columnNames": ["weight"], "function": "AVG"}],
        "joinColumns": ["patient_id"],
        "dimensionColumns": ["age"],
        "scalarFunctions": ["UPPER"],
        "outputConstraints": [{"columnName": "patient_id", "minimum": 25, "type": "COUNT_DISTINCT"}],
    }
    table = clean.configured_table(owner, "aggregated")
    clean.rule(owner, table, {"v1": {"aggregation": policy}}, "AGGREGATION")
    clean.table_association(owner, table, "aggregated")
    page = text_of(room.browser("querier").get(room.url("tables", "aggregated")).text)
    for row in (
        "patient_id bigint joined on",
        "weight bigint aggregated by AVG",
        "age bigint grouped and filtered by",
        "outcome bigint nothing",
    ):
        assert row in page
    assert "A row of a result is shown where at least 25 different values of patient_id are in it." in page


def test_a_custom_rule_is_said_in_words(room: OpenRoom) -> None:
    page = text_of(room.browser("owner").get(room.url("tables", "patients")).text)
    assert "age bigint whatever an allowed query does" in page
    assert f"Any query of {CALLERS['querier']}." in page
    assert "What is selected goes into algorithms and nowhere else." in page


def test_of_a_table_whose_files_cannot_be_read_the_rules_are_said_and_why(room: OpenRoom) -> None:
    answering = room.console.whiteroom._answering
    catalog, answering._catalog = answering._catalog, room.console.whiteroom._catalog
    try:
        answer = room.browser("querier").get(room.url("tables", "patients"))
    finally:
        answering._catalog = catalog
    assert answer.status_code == 200
    assert "cannot be read now" in text_of(answer.text)
    assert f"Any query of {CALLERS['querier']}." in text_of(answer.text)


def test_a_table_that_is_not_there_is_refused(room: OpenRoom) -> None:
    for name in ("nothing", "bare", "<script>"):
        assert room.browser("querier").get(room.url("tables", name)).status_code in {400, 404}


def test_a_result_is_fetched_whole_by_its_receiver_and_by_nobody_else(room: OpenRoom) -> None:
    contents = b"a,b\n1,2\n" * 100_000
    result = delivered(room, {"rows/part-1.csv": contents})
    listed = room.browser("receiver").get(room.url("results")).text
    address = re.search(rf'<a href="([^"]*/{result.id}/[^"]*)" download>rows/part-1.csv</a>', listed)
    assert address is not None
    for caller in CALLERS:
        answer = room.browser(caller).get(unescape(address.group(1)))
        if caller != "receiver":
            assert answer.status_code == 404
            assert b"1,2" not in answer.content
            continue
        assert answer.status_code == 200
        assert answer.content == contents
        assert answer.headers["content-disposition"] == 'attachment; filename="part-1.csv"'
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "private, no-cache"


def test_a_download_is_an_event_of_the_job_that_gave_it(room: OpenRoom) -> None:
    result = delivered(room, {"rows.csv": b"1"})
    room.browser("receiver").get(room.url("results", result.id, "rows.csv"))
    with room.console.store.reading() as tx:
        job = tx.protected_queries.get(result.job_id)
        assert job is not None
        told = [event.reason for event in tx.events(job.arn) if event.record_id == job.id]
    assert told.count(f"downloads all of the 1 bytes of rows.csv (result {result.id})") == 1


def test_what_was_delivered_and_is_gone_is_told_so(room: OpenRoom) -> None:
    answer = room.browser("receiver").get(room.url("results", "@result", "rows.csv"))
    assert answer.status_code == 404
    assert "ResourceNotFoundException" in text_of(answer.text)


@pytest.mark.parametrize("name", ["..%2f..%2fwhiteroom.db", "rows.csv%00", "%2e%2e/x", ""])
def test_a_name_leads_to_no_other_file(room: OpenRoom, name: str) -> None:
    result = delivered(room, {"rows.csv": b"1"})
    assert room.browser("receiver").get(f"{room.url('results', result.id)}/{name}").status_code in {400, 404}


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

"""What a training says of itself and takes of the machine is kept, each line once, whatever kills the server."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Authority, issue
from support.command import whiteroom
from support.live import IMAGE, PATIENCE_SECONDS, LiveRoom, live_room, once
from support.ports import free_port
from support.prometheus import parsed
from support.protocols import OF_CLOUDWATCH
from support.worlds.requests import ALICE, BOB
from whiteroom.cli.tls import about, own_certificate
from whiteroom.settings import Settings
from whiteroom.web.openmetrics import exposition

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TICKS = 400
DEFINITIONS = [
    {"name": "tick", "regex": "^tick ([0-9]+)$"},
    {"name": "behind", "regex": "(?<=tick )([0-9]+)(?!0)"},
    {"name": "never", "regex": "loss=([0-9.]+)"},
]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("metrics") / "data") as room:
        algorithm = room.algorithm_of("measured", IMAGE, metricDefinitions=DEFINITIONS)
        room.association_arn = room.association(name="measured", algorithm=algorithm)
        yield room
        room.assert_nothing_left()


def measured(room: LiveRoom, arn: str) -> dict[str, Any]:
    """Every series by its name, as the operator's command has it."""
    answer = whiteroom("metrics", arn, "--json", "--data", str(room.data))
    assert answer.code == 0, answer.err
    return {series["name"]: series for series in map(json.loads, answer.out.splitlines())}


def test_metrics_come_while_the_training_runs_and_kills_of_the_server_leave_no_hole(room: LiveRoom) -> None:
    rows = room.channel("rows")
    room.finished(rows)
    arn = room.train("measured", rows, behaviour="count", ticks=str(TICKS))
    once(lambda found: found.get("tick"), lambda: measured(room, arn))
    assert room.look(arn)["status"] == "CREATE_IN_PROGRESS"
    seen = measured(room, arn)["tick"]["count"]
    room.restart()
    once(lambda found: found["tick"]["count"] > seen, lambda: measured(room, arn))
    room.restart()
    ended = room.finished(arn)
    found = measured(room, arn)
    points = found["tick"]["points"]
    assert [point["value"] for point in points] == list(range(TICKS))
    assert [point["step"] for point in points] == list(range(TICKS))
    assert [point["at_ms"] for point in points] == sorted(point["at_ms"] for point in points)
    assert [point["value"] for point in found["behind"]["points"]] == list(range(TICKS))
    assert "never" not in found
    for name in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
        assert found[name]["kind"] == "system"
        assert found[name]["count"] >= 5
    assert (ended["metricsStatus"], ended.get("metricsStatusDetails")) == ("PUBLISH_SUCCEEDED", None)
    table = whiteroom("metrics", arn, "--data", str(room.data)).out.splitlines()
    assert table[0].split()[:5] == ["METRIC", "KIND", "HOST", "VALUES", "MIN"]
    assert ["tick", "custom", "algo-1", str(TICKS), "0", str(TICKS - 1)] in [line.split()[:6] for line in table]
    told = room.client("cleanroomsml", BOB).get_collaboration_trained_model(**room.here, trainedModelArn=arn)
    assert told["metricsStatus"] == "PUBLISH_FAILED"
    assert told["metricsStatusDetails"].startswith("Failed to publish metrics as no ML Config role is set")


HIGH = {"trainedModels": {"containerMetrics": {"noiseLevel": "HIGH"}}}
NAMESPACE = "/aws/cleanroomsml/TrainedModels"


def test_members_read_system_metrics_live_and_noisy_ones_after_the_end_with_their_own_clients(room: LiveRoom) -> None:
    algorithm = room.server.ml(ALICE, "ListConfiguredModelAlgorithms")["configuredModelAlgorithms"]
    (measuring,) = (one["configuredModelAlgorithmArn"] for one in algorithm if one["name"] == "measured")
    noisy = room.association(name="noisy", algorithm=measuring, policies=HIGH)
    rows = room.channel("noisy-rows", association=noisy)
    room.finished(rows)
    arn = room.train("noisy", rows, noisy, behaviour="count", ticks=str(TICKS))
    alice, bob = room.client("cloudwatch"), room.client("cloudwatch", BOB)
    of_model = {"Namespace": NAMESPACE, "Dimensions": [{"Name": "TrainedModelArn", "Value": arn}]}

    def listed(client: Any) -> dict[str, Any]:
        return {metric["MetricName"]: metric for metric in client.list_metrics(**of_model)["Metrics"]}

    live = once(lambda found: "CPUUtilization" in found, lambda: listed(alice))
    once(lambda found: found.get("tick"), lambda: measured(room, arn))
    if room.look(arn)["status"] == "CREATE_IN_PROGRESS":
        assert "tick" not in listed(alice)
    assert listed(bob) == {}
    span = {"StartTime": datetime.now(UTC) - timedelta(hours=1), "EndTime": datetime.now(UTC) + timedelta(hours=1)}
    points = alice.get_metric_statistics(**live["CPUUtilization"], **span, Period=60, Statistics=["Maximum"])
    assert {point["Unit"] for point in points["Datapoints"]} == {"Percent"}

    room.finished(arn)
    tick = listed(alice)["tick"]
    asked = {"Id": "ticks", "MetricStat": {"Metric": tick, "Period": 3_600, "Stat": "Average"}}
    of_tick = {"Period": 60, "Statistics": ["Average", "SampleCount"], "ExtendedStatistics": ["p50", "p99"]}
    count = {"Id": "count", "MetricStat": {"Metric": tick, "Period": 3_600, "Stat": "SampleCount"}}

    def read(client: Any) -> Any:
        pages = client.get_paginator("get_metric_data").paginate(MetricDataQueries=[asked, count], **span)
        return pages.build_full_result()["MetricDataResults"]

    average, samples = read(alice)
    assert sum(samples["Values"]) == TICKS
    assert read(alice) == [average, samples]
    asked_in_each = [
        (
            client.list_metrics(**of_model)["Metrics"],
            read(client),
            client.get_metric_statistics(**tick, **span, **of_tick),
        )
        for client in (room.client("cloudwatch", protocol=protocol) for protocol in OF_CLOUDWATCH)
    ]
    for listing, data, statistics in asked_in_each:
        del statistics["ResponseMetadata"]
        assert {metric["MetricName"] for metric in listing} >= {"tick", "CPUUtilization"}
        assert data == [average, samples]
        assert sum(point["SampleCount"] for point in statistics["Datapoints"]) == TICKS
    assert asked_in_each[1:] == asked_in_each[:-1]
    true = measured(room, arn)["tick"]["points"]
    told = sum(value * size for value, size in zip(average["Values"], samples["Values"], strict=True)) / TICKS
    assert told != sum(point["value"] for point in true) / TICKS
    assert [result["Values"] for result in read(bob)] == [[], []]
    answer = whiteroom("metrics", arn, "--as", ALICE, "--json", "--data", str(room.data))
    shown = {series["name"]: series for series in map(json.loads, answer.out.splitlines())}["tick"]["points"]
    assert sum(point["value"] for point in shown) / TICKS == pytest.approx(told)
    refused = whiteroom("metrics", arn, "--as", BOB, "--data", str(room.data))
    assert (refused.code, refused.out) == (0, "")
    assert "ML Config" in refused.err


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[tuple[str, frozenset[tuple[str, str]]], float]]:
    """What Prometheus reads of a server whose members have used it."""
    folder = tmp_path_factory.mktemp("scraped")
    port = free_port()
    with live_room(folder / "data", WHITEROOM_METRICS_PORT=str(port)) as room:
        room.finished(room.channel("rows-of-a-patient"))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=120) as answer:
            return parsed(answer.read())


def test_prometheus_reads_what_the_server_does_and_nothing_of_its_members(scraped: Any) -> None:
    families = scraped
    joined = (("service", "cleanrooms"), ("operation", "CreateMembership"), ("status", "200"))
    assert families["whiteroom_requests"]["_total", frozenset(joined)] == 2
    assert families["whiteroom_work"]["", frozenset({("kind", "ml_input_channels"), ("status", "ACTIVE")})] == 1
    assert families["whiteroom_runs"]["", frozenset()] == 0
    assert families["whiteroom_work_late_seconds"]["", frozenset()] < PATIENCE_SECONDS
    said = {value for samples in families.values() for _, labels in samples for _, value in labels}
    assert not [value for value in said for secret in ("patient", ALICE, BOB, "arn:") if secret in value]


def test_the_dashboard_and_the_page_of_alerts_ask_for_what_there_is(scraped: Any, tmp_path: Path) -> None:
    """Each name and label that they have, and none is left out."""
    files = issue(Authority(), tmp_path, "127.0.0.1")
    with own_certificate(Settings(data=tmp_path, tls_cert=str(files.cert), tls_key=str(files.key))) as certificate:
        families = scraped | parsed(exposition(about(certificate)))
    labels: dict[str, set[str]] = {}
    for name, samples in families.items():
        for suffix, pairs in samples:
            labels.setdefault(name + suffix, set()).update(label for label, _ in pairs)
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "whiteroom.json").read_text())
    page = (ROOT / "docs" / "monitoring.md").read_text()
    shown = [target for panel in dashboard["panels"] for target in panel.get("targets", ())]
    asked = [*(target["expr"] for target in shown), *re.findall(r"^ +expr: (.*)$", page, re.MULTILINE)]
    assert len(asked) > 20
    of_prometheus = {"instance", "job"}
    for expression in asked:
        names = set(re.findall(r"whiteroom_\w+", expression))
        assert names <= labels.keys(), expression
        has = of_prometheus.union(*(labels[name] for name in names))
        wanted = re.findall(r"(\w+) *(?:=~|!~|!=|=)", expression)
        grouped = (label for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(", "))
        assert {*wanted, *grouped} <= has, expression
    for target in shown:
        has = of_prometheus.union(*(labels[name] for name in re.findall(r"whiteroom_\w+", target["expr"])))
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= has
    assert set(re.findall(r"whiteroom_\w+", json.dumps(dashboard))) == labels.keys()
    assert set(re.findall(r"whiteroom_\w+", page)) <= labels.keys() | families.keys()
    assert families.keys() <= {name.removesuffix("_total") for name in re.findall(r"whiteroom_\w+", page)} | {
        "whiteroom"
    }


def test_every_panel_of_the_dashboard_is_told_apart_and_asks_the_chosen_prometheus() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "whiteroom.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    sources = [one for panel in panels for one in (panel, *panel.get("targets", ())) if panel["type"] != "row"]
    assert {one["datasource"]["uid"] for one in sources} == {"${datasource}"}
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource", "instance"]

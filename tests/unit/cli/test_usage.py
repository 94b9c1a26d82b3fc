from __future__ import annotations

import csv
import io

from support.command import CommandLine
from support.worlds.driven import World
from whiteroom.domain.execution.spending import Spent
from whiteroom.domain.observability.metrics import Usage


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_bill_has_a_line_for_each_payer_collaboration_resource_and_kind(cli: CommandLine, world: World) -> None:
    world.engine.spent = Spent(1.0, 2.5, 3_600e9)
    at_ms = int(world.clock().timestamp() * 1000)
    world.runtime.used = [Usage(at_ms + number, "algo-1", {}, Spent(1.0, 1.5, 1_800e9)) for number in range(4)]
    model = world.model()
    world.drive()
    found = {(row["resource"], row["kind"]): row for row in rows(cli("usage", "--csv").out)}
    training = found[model.arn, "training"]
    assert (training["cpu_seconds"], float(training["memory_gb_hours"])) == ("6.000", 2.0)
    (query,) = (row for (_, kind), row in found.items() if kind == "query")
    assert (query["cpu_seconds"], float(query["memory_gb_hours"])) == ("2.500", 1.0)
    assert {kind for _, kind in found} == {"query", "training", "stored channel", "stored artefacts", "stored log"}


def test_a_bill_is_of_the_days_that_are_asked_for(cli: CommandLine, world: World) -> None:
    world.engine.spent = Spent(1.0, 2.5, 1.0)
    world.query()
    world.drive()
    day = f"{world.clock():%Y-%m-%d}"
    assert "query" in {row["kind"] for row in rows(cli("usage", "--from", day, "--to", day, "--csv").out)}
    assert not rows(cli("usage", "--to", "2000-01-01", "--csv").out)


def test_days_that_make_no_sense_are_refused(cli: CommandLine, world: World) -> None:
    assert world
    answer = cli("usage", "--from", "2030-01-02", "--to", "2030-01-01")
    assert answer.code == 1
    assert "is before" in answer.err
    assert cli("usage", "--from", "yesterday").code == 2


def test_without_csv_it_is_a_table_or_json(cli: CommandLine, world: World) -> None:
    world.engine.spent = Spent(1.0, 2.5, 1.0)
    world.query()
    world.drive()
    out = cli("usage").out
    assert "CPU-S" in out
    assert out.startswith("Payer ")
    assert max(map(len, out.splitlines())) <= 100
    assert cli("usage", "--json").json[0]["cpu_seconds"] == 2.5


def test_where_nothing_was_used_that_is_said(cli: CommandLine, world: World) -> None:
    assert world
    answer = cli("usage")
    assert (answer.code, answer.out, answer.err) == (0, "", "Nothing was used.\n")

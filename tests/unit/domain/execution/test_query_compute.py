"""What a query's workers stand for."""

from __future__ import annotations

from typing import Any

import pytest

from support.shapes import service_model
from whiteroom.domain.execution.query_compute import WORKERS, Compute, compute_is_sound, granted, spark_properties

SMALL, LARGE = Compute(2, 8 * 10**9), Compute(512, 10**13)
GB = 10**9


def test_every_worker_type_of_the_model_has_its_size() -> None:
    assert sorted(WORKERS) == sorted(service_model("cleanrooms").shape_for("WorkerComputeType").enum)


@pytest.mark.parametrize(
    ("compute", "sound"),
    [
        (None, True),
        ({"worker": {"type": "CR.1X"}}, True),
        ({"worker": {"number": 400}}, True),
        ({"worker": {"number": 401}}, False),
    ],
)
def test_sql_has_four_hundred_workers_at_most(compute: dict[str, Any] | None, sound: bool) -> None:
    assert bool(compute_is_sound(compute)) is sound


@pytest.mark.parametrize(
    ("worker", "cpus", "gigabytes"),
    [
        ({"type": "CR.1X", "number": 2}, 8, 60),
        ({"type": "CR.4X", "number": 2}, 32, 240),
        ({"type": "CR.8X", "number": 3}, 96, 720),
        ({"number": 4}, 16, 120),
        ({}, 64, 480),
    ],
)
def test_a_query_gets_what_its_workers_have_together(worker: dict[str, Any], cpus: int, gigabytes: int) -> None:
    assert granted({"worker": worker}, LARGE) == Compute(cpus, gigabytes * GB)


def test_no_query_gets_more_than_the_server_grants() -> None:
    for compute in (None, {}, {"worker": {"type": "CR.8X", "number": 400}}):
        assert granted(compute, SMALL) == SMALL


def test_spark_properties_are_named_without_their_values() -> None:
    worker = {"type": "CR.1X", "number": 2, "properties": {"spark": {"spark.sql.b": "1", "spark.sql.a": "2"}}}
    assert spark_properties({"worker": worker}) == ("spark.sql.a", "spark.sql.b")
    assert spark_properties(None) == ()

"""The processors and memory that a query gets for its workers: as many as AWS's would have, as far as this machine can.

Source: WorkerComputeConfiguration and WorkerComputeType of the `cleanrooms` model (botocore 1.44.5); sizes of the user
guide: CR.1X has 4 vCPUs and 30 GB, the others so many times as much; CR.1X with 16 workers is the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

MAX_SQL_WORKERS = 400
"""WorkerComputeConfiguration.number: "SQL queries support ... a maximum value of 400"."""

DEFAULT_TYPE, DEFAULT_NUMBER = "CR.1X", 16


@dataclass(frozen=True, slots=True)
class Compute:
    """What a query may use."""

    cpus: int
    memory_bytes: int


WORKERS: Mapping[str, Compute] = {
    "CR.1X": Compute(4, 30 * 10**9),
    "CR.4X": Compute(16, 120 * 10**9),
    "CR.8X": Compute(32, 240 * 10**9),
}
"""One worker of each type."""


def compute_is_sound(compute_configuration: Mapping[str, Any] | None) -> Verdict:
    """Whether SQL can be given so many workers."""
    number = _worker(compute_configuration).get("number", 0)
    if number > MAX_SQL_WORKERS:
        return Denied(f"computeConfiguration.worker.number is {number}; SQL queries have at most {MAX_SQL_WORKERS}.")
    return ALLOWED


def granted(compute_configuration: Mapping[str, Any] | None, server: Compute) -> Compute:
    """What a query gets: what its workers have together, and no more than the server grants any query."""
    worker = _worker(compute_configuration)
    one, number = WORKERS[worker.get("type", DEFAULT_TYPE)], worker.get("number", DEFAULT_NUMBER)
    return Compute(min(server.cpus, one.cpus * number), min(server.memory_bytes, one.memory_bytes * number))


def spark_properties(compute_configuration: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of the Spark properties that were asked for: DuckDB runs the SQL, and none of them has an effect."""
    return tuple(sorted((_worker(compute_configuration).get("properties") or {}).get("spark") or {}))


def _worker(compute_configuration: Mapping[str, Any] | None) -> Mapping[str, Any]:
    worker: Mapping[str, Any] = (compute_configuration or {}).get("worker") or {}
    return worker

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from whiteroom import answering, app
from whiteroom.base.callers import Caller
from whiteroom.base.faults import AccessDenied, Conflict, Fault, Throttled
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat
from whiteroom.domain.privacy.relations import Relation
from whiteroom.keys.local import LocalRing
from whiteroom.keys.remembering import RememberingRing
from whiteroom.operations.registry import reading_files
from whiteroom.ports.catalog import Reader
from whiteroom.ports.keys import DataKey, KeyRefused, KeyTakenAway, RingUnreachable
from whiteroom.settings import Settings
from whiteroom.wire.calls import Call
from whiteroom.wire.models import all_operations


def test_every_module_of_operations_registers_its_answers() -> None:
    answered = answering.all_handlers()
    assert answered.keys() >= {
        ("cleanrooms", "CreateCollaboration"),
        ("cleanrooms-ml", "CreateTrainedModel"),
        ("cleanrooms-ml", "TagResource"),
    }


def test_a_call_that_reads_logs_keeps_no_other_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is masking, which takes its time: it has a thread of its own."""
    whiteroom = app.Whiteroom(Settings(data=tmp_path, dev=True))
    reading, done = threading.Event(), threading.Event()

    def read(*_: object) -> dict[str, object]:
        reading.set()
        assert done.wait(30)
        return {"events": []}

    monkeypatch.setitem(whiteroom._answering._handlers, ("logs", "FilterLogEvents"), read)
    operations = {operation.name: operation for operation in all_operations()}

    async def both() -> tuple[object, object]:
        caller = Caller("111111111111", "eu-west-1")
        slow = asyncio.create_task(whiteroom._answering.answer(Call(operations["FilterLogEvents"], caller, {}, "1")))
        assert await asyncio.to_thread(reading.wait, 30)
        quick = await whiteroom._answering.answer(Call(operations["ListMemberships"], caller, {}, "2"))
        done.set()
        return await slow, quick

    slow, quick = asyncio.run(both())
    assert slow == {"events": []}
    assert quick == {"membershipSummaries": [], "nextToken": None}
    whiteroom._answering._readers.shutdown()
    whiteroom._store.close()


def test_the_operations_of_logs_and_metrics_and_no_others_are_given_threads() -> None:
    answering.all_handlers()
    logs = {("logs", name) for name in ("DescribeLogStreams", "FilterLogEvents", "GetLogEvents")}
    metrics = {("monitoring", name) for name in ("GetMetricData", "GetMetricStatistics", "ListMetrics")}
    assert reading_files() == logs | metrics


def test_a_catalog_that_keeps_silent_keeps_no_other_call_and_no_write_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A catalog may be far away: what asks it is undone, waits without a transaction, and begins anew."""
    whiteroom = app.Whiteroom(Settings(data=tmp_path, dev=True))
    catalog = SilentCatalog()
    monkeypatch.setattr(whiteroom._answering, "_catalog", catalog)
    operations = {operation.name: operation for operation in all_operations()}
    caller = Caller("111111111111", "eu-west-1")

    def call(operation: str, **parameters: object) -> Call:
        return Call(operations[operation], caller, parameters, operation)

    async def both() -> tuple[Any, Any, Any]:
        creating = call("CreateConfiguredTable", **TABLE)
        waiting = [asyncio.create_task(whiteroom._answering.answer(creating)) for _ in range(answering.LOOKUPS + 1)]
        assert await asyncio.to_thread(catalog.asked.wait, 30)
        written = await whiteroom._answering.answer(call("CreateConfiguredModelAlgorithm", **ALGORITHM))
        listed = await whiteroom._answering.answer(call("ListConfiguredTables"))
        read = await whiteroom._answering.answer(
            call("DescribeLogStreams", logGroupName="/aws/cleanroomsml/TrainedModels")
        )
        assert read is not None
        assert not any(task.done() for task in waiting)
        catalog.answered.set()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        (created,) = [one for one in ended if not isinstance(one, Conflict)]
        return created, written, listed

    created, written, listed = asyncio.run(both())
    assert created["configuredTable"]["name"] == "visits"
    assert written["configuredModelAlgorithmArn"]
    assert listed["configuredTableSummaries"] == []
    assert catalog.names == [("111111111111", "lake", "visits")] * (answering.LOOKUPS + 1)
    whiteroom._answering._readers.shutdown()
    whiteroom._answering._lookups.close()
    whiteroom._store.close()


TABLE = {
    "name": "visits",
    "tableReference": {"glue": {"databaseName": "lake", "tableName": "visits"}},
    "allowedColumns": ["patient"],
    "analysisMethod": "DIRECT_QUERY",
}
ALGORITHM = {
    "name": "programs",
    "roleArn": "arn:aws:iam::111111111111:role/clean-rooms",
    "trainingContainerConfig": {"imageUri": "programs:1"},
}


class SilentCatalog:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.answered = threading.Event(), threading.Event()
        self.names: list[tuple[str, str, str]] = []

    @property
    def has_regions(self) -> bool:
        """ports.Catalog."""
        return False

    def resolve(
        self, account_id: str, database: str, table: str, *, region: str = "", reader: Reader | None = None
    ) -> CatalogTable:
        """ports.Catalog."""
        self.names.append((account_id, database, table))
        self.asked.set()
        assert self.answered.wait(30)
        return CatalogTable(("visits.csv",), FileFormat.CSV, (Column("patient", "bigint"),))

    def resolve_relation(self, account_id: str, relation: Relation) -> CatalogTable:
        """ports.Catalog."""
        return self.resolve(account_id, relation.database, relation.name)


T = TypeVar("T")


class _FarRing(LocalRing):
    """A ring that takes its time, and must not be waited for in a turn that all operations share."""

    def __init__(self, master: Path) -> None:
        super().__init__(master, lambda: True)
        self.asked_on: list[str] = []
        self.refusal: KeyRefused | None = None

    def new(self, key_arn: str, context: str) -> DataKey:
        return self._slowly(lambda: super(_FarRing, self).new(key_arn, context))

    def open(self, wrapped: bytes, context: str) -> bytes:
        return self._slowly(lambda: super(_FarRing, self).open(wrapped, context))

    def _slowly(self, ask: Callable[[], T]) -> T:
        self.asked_on.append(threading.current_thread().name)
        if self.refusal is not None:
            raise self.refusal
        return ask()


def _far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[app.Whiteroom, _FarRing]:
    ring = _FarRing(tmp_path / "master.key")
    monkeypatch.setattr("whiteroom.sealed_store.open_rings", lambda *_, **__: RememberingRing(ring))
    return app.Whiteroom(Settings(data=tmp_path, dev=True)), ring


ALGORITHM = {
    "name": "forest",
    "roleArn": "arn:aws:iam::111111111111:role/r",
    "trainingContainerConfig": {"imageUri": "registry/forest:1"},
}


def _asked(whiteroom: app.Whiteroom, name: str, /, **request: Any) -> Any:
    operations = {operation.name: operation for operation in all_operations()}
    return asyncio.run(
        whiteroom._answering.answer(Call(operations[name], Caller("111111111111", "eu-west-1"), request, "1"))
    )


def test_a_ring_far_away_is_asked_on_another_thread_and_the_operation_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whiteroom, ring = _far(tmp_path, monkeypatch)
    ring.asked_on.clear()
    arn = _asked(whiteroom, "CreateConfiguredModelAlgorithm", **ALGORITHM)["configuredModelAlgorithmArn"]
    assert [name.split("_")[0] for name in ring.asked_on] == ["keys"]
    found = _asked(whiteroom, "GetConfiguredModelAlgorithm", configuredModelAlgorithmArn=arn)
    assert dict(found["trainingContainerConfig"]) == ALGORITHM["trainingContainerConfig"]
    (listed,) = _asked(whiteroom, "ListConfiguredModelAlgorithms")["configuredModelAlgorithms"]
    assert listed["configuredModelAlgorithmArn"] == arn


@pytest.mark.parametrize(
    ("refusal", "fault"),
    [(KeyTakenAway("It was taken away."), AccessDenied), (RingUnreachable("It does not answer."), Throttled)],
)
def test_a_key_that_is_not_to_be_had_is_told_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: KeyRefused, fault: type[Fault]
) -> None:
    whiteroom, ring = _far(tmp_path, monkeypatch)
    ring.refusal = refusal
    with pytest.raises(fault, match=str(refusal)):
        _asked(whiteroom, "CreateConfiguredModelAlgorithm", **ALGORITHM)
    assert _asked(whiteroom, "ListConfiguredModelAlgorithms")["configuredModelAlgorithms"] == []

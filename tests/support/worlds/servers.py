"""Where accounts call operations, which is all that a room needs of a server.

    server = a_server(SqliteStore(tmp_path / "whiteroom.db"))
    server.cleanrooms(ALICE, "ListMemberships")

`Server` calls them here; support.server.RunningServer is asked over HTTP. On either every call is held to the
service model: what goes in, what comes out, and the fault that is raised.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import whiteroom.operations
from support.fake_data import MemoryCatalog
from support.shapes import assert_fits, service_model
from support.worlds.requests import NOW, REGION
from whiteroom.base.callers import ROOT, Caller, Principal
from whiteroom.base.faults import Fault
from whiteroom.domain.execution.instance_types import Shape
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.domain.privacy.redaction import Finder
from whiteroom.domain.resources.quotas import Quota, Quotas
from whiteroom.operations.context import Context, Deployment
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, Request, answer, handlers, refusals
from whiteroom.ports.catalog import Catalog
from whiteroom.ports.run_logs import RunLogs
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction

NOISE_SECRET = bytes(range(32))


def id_of(number: int) -> str:
    """What a server calls the thing that it makes as its first, its second..."""
    return f"00000000-0000-4000-8000-{number:012x}"


class AnyServer(ABC):
    """Where accounts call operations."""

    @abstractmethod
    def call(self, account_id: str, service: str, operation: str, /, **request: Any) -> Any:
        """One operation as an account; the service by its signing name."""

    @abstractmethod
    def catalogue(self, account_id: str, name: str, columns: Iterable[str]) -> None:
        """Have a table `lake.NAME` of an account's in the catalog, where that is the test's to write."""

    def cleanrooms(self, account_id: str, operation: str, /, **request: Any) -> Any:
        """One operation of `cleanrooms` as an account."""
        return self.call(account_id, CLEANROOMS, operation, **request)

    def ml(self, account_id: str, operation: str, /, **request: Any) -> Any:
        """One operation of `cleanroomsml` as an account."""
        return self.call(account_id, CLEANROOMS_ML, operation, **request)


def answer_of(operation: tuple[str, str], request: Request, context: Context) -> Any:
    """What the operation's handler answers, as the server would ask it."""
    return answer(handlers()[operation], operation, request, context)


@dataclass
class Server(AnyServer):
    """Operations called in this process, with a store, a catalog, a clock and quotas of the test's own."""

    store: Store
    catalog: Catalog
    now: datetime = NOW
    region: str = REGION
    """The region that requests are signed for."""
    principal: Principal = ROOT
    """Which user of an account asks."""
    quotas: Quotas = field(default_factory=lambda: Quotas({}))
    ids: Any = field(default_factory=lambda: itertools.count(1))
    strict_machine: Shape | None = None
    logs: RunLogs | None = None
    finder: Finder | None = None
    withhold_query_text: bool = False
    strict_keys: bool = False
    keys_seal: bool = True
    files_are_sealed: bool = False
    signed_for: Collection[str] | None = None
    bucket_regions: BucketRegions = field(default_factory=lambda: BucketRegions("us-east-1"))

    def call(self, account_id: str, service: str, operation: str, /, **request: Any) -> Any:
        """One operation as an account, in a transaction; a second passes."""
        model = service_model(service).operation_model(operation)
        if model.input_shape is not None:
            assert_fits(model.input_shape, request)
        try:
            with self.store.transaction() as tx:
                response = answer_of((service, operation), request, self._context(account_id, tx))
        except Fault as fault:
            _assert_modelled(model, fault)
            if (service, operation) in refusals():
                with self.store.transaction() as tx:
                    refusals()[service, operation](request, self._context(account_id, tx), fault)
            raise
        self.now += timedelta(seconds=1)
        if model.output_shape is None:
            assert not response
        else:
            assert_fits(model.output_shape, response or {})
        return response

    def attempt(
        self,
        account_id: str,
        operation: tuple[str, str],
        request: dict[str, Any],
        principal: Principal | None = None,
    ) -> Any:
        """What somebody of an account is answered, a fault included; nothing of it stays, and no time passes."""
        answer: Any = None
        with suppress(_Undone), self.store.transaction() as tx:
            try:
                answer = answer_of(operation, request, self._context(account_id, tx, principal))
            except Fault as fault:
                answer = fault
            raise _Undone
        return answer

    def refused(self, fault: type[Fault], account_id: str, operation: str, /, **request: Any) -> Fault:
        """The fault that an operation of `cleanrooms` must answer."""
        return must_refuse(fault, lambda: self.cleanrooms(account_id, operation, **request))

    def catalogue(self, account_id: str, name: str, columns: Iterable[str]) -> None:
        if isinstance(self.catalog, MemoryCatalog):
            self.catalog.put(account_id, "lake", name, dict.fromkeys((*columns, "secret"), "bigint"))

    def set_quota(self, quota: Quota, limit: int) -> None:
        """Change one limit."""
        self.quotas = Quotas({**self.quotas.limits, quota: limit})

    def advance(self, kind: str, record_id: str, *events: Event, **changes: Any) -> None:
        """Take a record along its state table, as its controller would; the last event writes `changes`."""
        with self.store.transaction() as tx:
            repository: Any = getattr(tx, kind)
            record = repository.get(record_id)
            for event in events:
                last = changes if event is events[-1] else {}
                record = repository.transition(record, event, actor="controller", at=self.now, **last)

    def _context(self, account_id: str, tx: Transaction, principal: Principal | None = None) -> Context:
        return Context(
            caller=Caller(account_id, self.region, principal or self.principal),
            tx=tx,
            now=self.now,
            catalog=self.catalog,
            deployment=self.deployment,
            new_id=lambda: id_of(next(self.ids)),
            logs=self.logs,
        )

    @property
    def deployment(self) -> Deployment:
        """What the operator has chosen."""
        return Deployment(
            quotas=self.quotas,
            noise_secret=NOISE_SECRET,
            strict_machine=self.strict_machine,
            finder=self.finder,
            withhold_query_text=self.withhold_query_text,
            strict_keys=self.strict_keys,
            keys_seal=self.keys_seal,
            files_are_sealed=self.files_are_sealed,
            bucket_regions=self.bucket_regions,
            signed_for=self.signed_for,
        )


class _Undone(Exception):
    """Takes a transaction back."""


def must_refuse(fault: type[Fault], attempt: Callable[[], object]) -> Fault:
    """The fault that an attempt must raise, which says in a sentence why."""
    with pytest.raises(Fault) as caught:
        attempt()
    assert type(caught.value) is fault, f"{caught.value.code}: {caught.value.message}"
    assert caught.value.message.endswith("."), "a refusal is a sentence"
    return caught.value


def _assert_modelled(model: Any, fault: Fault) -> None:
    shapes = {shape.name: shape for shape in model.error_shapes}
    assert fault.code in shapes, f"{model.name} does not model {fault.code}: {fault.message}"
    shape = shapes[fault.code]
    members = {name: value for name, value in fault.members.items() if name in shape.members and value is not None}
    missing = set(shape.required_members) - members.keys() - {"message"}
    assert not missing, f"{fault.code} of {model.name} lacks {sorted(missing)}"
    for name, value in members.items():
        if name != "resourceType":  # the enum lacks most kinds of resources
            assert_fits(shape.members[name], value, f"{fault.code}.{name}")


def a_server(store: Store, catalog: Catalog | None = None) -> Server:
    """A server in this process with every operation at hand."""
    for module in walk_packages(whiteroom.operations.__path__, "whiteroom.operations."):
        import_module(module.name)
    return Server(store, catalog or MemoryCatalog())

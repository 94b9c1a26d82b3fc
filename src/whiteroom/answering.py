"""How a call is answered: on which thread, in which transaction, and what is looked up before it begins anew."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from whiteroom import operations
from whiteroom.base.arns import new_id
from whiteroom.base.callers import Caller
from whiteroom.base.clock import Clock
from whiteroom.base.faults import AccessDenied, Conflict, Fault, Throttled
from whiteroom.domain.execution.lifecycle import IllegalTransition
from whiteroom.domain.observability.next_actions import Advice, NextAction
from whiteroom.keys.remembering import KeyNotAtHand, without_waiting
from whiteroom.operations.catalog_answers import CatalogAnswers, NotLookedUp
from whiteroom.operations.context import Context, Deployment, SameIds
from whiteroom.operations.refusals import RefusalCount
from whiteroom.operations.registry import Handler, Response, answer, handlers, reading_files, refusals
from whiteroom.ports.catalog import Catalog
from whiteroom.ports.keys import KeyRefused, RingUnreachable
from whiteroom.ports.run_logs import RunLogs
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.advice import recorded_for
from whiteroom.store.group_commit import GroupCommit, OnError
from whiteroom.store.sealed import open_all
from whiteroom.store.sqlite import SqliteStore
from whiteroom.web.lookups import Lookups
from whiteroom.wire.calls import Call, NotImplementedOperation
from whiteroom.wire.downloads import Download
from whiteroom.wire.inside import InsideCalls

T = TypeVar("T")

READERS = 2
"""How many calls read logs at a time; the others wait for them, and nothing else does."""
LOOKUPS = 4
"""How many calls ask the catalog at a time, likewise."""
ADVICE_SECONDS = 2.0
"""How long the catalog is waited for, before a member is told what to do next without it."""


def all_handlers() -> Mapping[tuple[str, str], Handler]:
    """Every operation that has an answer: each module of operations/ registers its own."""
    for module in pkgutil.walk_packages(operations.__path__, f"{operations.__name__}."):
        importlib.import_module(module.name)
    return handlers()


class Answering:
    """Answers the calls of one server."""

    def __init__(
        self,
        store: SqliteStore,
        turns: GroupCommit,
        catalog: Catalog,
        logs: RunLogs,
        deployment: Deployment,
        clock: Clock,
    ) -> None:
        """For a deployment, over its store, its catalog and the logs of its runs."""
        self._store = store
        self._turns = turns
        self._catalog = catalog
        self._logs = logs
        self._deployment = deployment
        self._clock = clock
        self._handlers = all_handlers()
        self._reading_files = reading_files()
        self._refusals, self._refusal_count = refusals(), RefusalCount()
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._lookups = Lookups(LOOKUPS)
        # Its own threads: advice looks at all members' tables, and a slow one keeps no operation of its reader waiting.
        self._advising = Lookups(LOOKUPS)
        self._key_fetches = ThreadPoolExecutor(LOOKUPS, "keys")

    async def answer(self, call: Call) -> Response:
        """What the operation answers. Safe for as many calls at a time as there are; on the event loop.

        Raises:
            Fault: it is refused.
            NotImplementedOperation: nothing answers it here.
        """
        catalog = CatalogAnswers(self._catalog)
        ids = SameIds(new_id)
        while True:
            try:
                return await self._answered(call, catalog, ids.from_the_first())
            except NotLookedUp as wanted:
                await self._lookups.run(call.caller.account_id, partial(catalog.look_up, wanted.name))
            except KeyNotAtHand as wanted:
                await asyncio.get_running_loop().run_in_executor(self._key_fetches, wanted.fetch)

    async def _answered(self, call: Call, catalog: Catalog, ids: Callable[[], str]) -> Response:
        name = (call.operation.service, call.operation.name)
        handler = self._handlers.get(name)
        if handler is None:
            raise NotImplementedOperation

        def work(tx: Transaction) -> Response:
            try:
                with without_waiting():
                    found = answer(handler, name, call.parameters, self._context(call, tx, catalog, ids))
                    open_all(found)
            except IllegalTransition as error:
                raise Conflict(str(error)) from None
            except RingUnreachable as error:
                raise Throttled(str(error)) from None
            except KeyRefused as error:
                raise AccessDenied(str(error)) from None
            return found

        def read() -> Response:
            with self._store.reading() as tx:
                return work(tx)

        if name in self._reading_files:
            return await asyncio.get_running_loop().run_in_executor(self._readers, read)
        if call.operation.read_only:
            return await self._turns.read(work)
        return await self._turns.write(work, self._on_error(call, catalog))

    def _on_error(self, call: Call, catalog: Catalog) -> OnError | None:
        """What writes down a refused request: an event in the logs of those whose tables it would have used."""
        on_refusal = self._refusals.get((call.operation.service, call.operation.name))
        if on_refusal is None:
            return None

        def write_down(tx: Transaction, error: Exception) -> None:
            if isinstance(error, Fault) and self._refusal_count.one_more(call.caller.account_id, self._clock()):
                on_refusal(call.parameters, self._context(call, tx, catalog, new_id), error)

        return write_down

    def _context(self, call: Call, tx: Transaction, catalog: Catalog, ids: Callable[[], str]) -> Context:
        reads_files = (call.operation.service, call.operation.name) in self._reading_files
        return Context(
            caller=call.caller,
            tx=tx,
            now=self._clock(),
            catalog=catalog,
            deployment=self._deployment,
            new_id=ids,
            logs=self._logs if reads_files else None,
        )

    async def read_apart(self, work: Callable[[Transaction], T]) -> T:
        """Read of the store on a thread: for what would hold up all others for long."""

        def read() -> T:
            with self._store.reading() as tx:
                return work(tx)

        return await asyncio.get_running_loop().run_in_executor(self._readers, read)

    async def advice(self, account_id: str, collaboration_id: str) -> MemberAdvice:
        """What an account has to do next in a collaboration: nothing, of one that it may not see."""
        recorded = await self._turns.read(lambda tx: recorded_for(tx, account_id, collaboration_id))
        if recorded is None:
            return MemberAdvice((), is_checked=True)
        now = self._clock()
        found: list[tuple[Advice, ...]] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(ADVICE_SECONDS):
                await self._advising.run(account_id, lambda: found.append(recorded.advice(self._catalog, now)))
        is_checked = bool(found)
        everybodys = found[0] if is_checked else recorded.advice(None, now)
        own = [each.actions for each in everybodys if each.account_id == account_id]
        return MemberAdvice(own[0] if own else (), is_checked)

    async def close(self) -> None:
        """Let go of the threads, once those are done that read files."""
        self._lookups.close()
        self._advising.close()
        self._key_fetches.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._readers.shutdown, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class MemberAdvice:
    """What one member has to do next in a collaboration."""

    actions: tuple[NextAction, ...]
    is_checked: bool
    """Whether the catalog has said in time which tables can be read; else all are taken to be."""


class Apart(Protocol):
    """Reads of the store, on a thread."""

    async def __call__(self, work: Callable[[Transaction], T]) -> T:
        """What the work finds, at one moment."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a face of the same process has of the server: the operations, and the store for what is the face's own."""

    calls: InsideCalls
    turns: GroupCommit
    clock: Clock
    advise: Callable[[str, str], Awaitable[MemberAdvice]]
    """What an account has to do next in a collaboration."""
    hurry: Callable[[], None]
    """Has all work looked at now. From any thread; may take a while."""
    apart: Apart
    """Reads of the store on a thread: for what would hold up all others for long."""

    async def call(self, caller: Caller, service: str, name: str, /, **parameters: Any) -> dict[str, Any]:
        """Ask an operation as a caller; a None is a parameter that is left out.

        Raises:
            Refused: it is refused as any client would be.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        return await self.calls.call(caller, service, name, new_id(), given)

    async def download(self, caller: Caller, **parameters: Any) -> Download:
        """A delivered file, as GetResult hands it out; whoever gets it sends it.

        Raises:
            Refused: it is refused as any client would be.
        """
        return await self.calls.download(caller, new_id(), parameters)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Read of the store, at one moment."""
        return await self.turns.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Write to the store: all of it, durable at the return, or none."""
        return await self.turns.write(work)

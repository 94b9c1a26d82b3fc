"""Parts of answers that several operations share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from whiteroom.base.faults import Conflict, Fault
from whiteroom.domain.execution.failures import message_for_others
from whiteroom.domain.execution.lifecycle import Event, IllegalTransition, Lifecycle
from whiteroom.domain.verdicts import Denied
from whiteroom.operations.context import Context
from whiteroom.operations.paging import next_token, page_size, page_start
from whiteroom.operations.registry import Request
from whiteroom.ports.repositories import Duplicate, LifecycleRepository, Repository

R = TypeVar("R")
V = TypeVar("V")


def status_details(code: str | None, message: str | None, *, own: bool) -> Mapping[str, str | None] | None:
    """StatusDetails; None while there is nothing to say. `own`: whether what it is of is the caller's."""
    message = message if own else message_for_others(code, message)
    return None if code is None and message is None else {"statusCode": code, "message": message}


def paged(
    request: Request, key: str, repository: Repository[R], render: Callable[[R], Mapping[str, Any]], **equals: object
) -> Mapping[str, Any]:
    """One page of a list, newest first; a token is good for the same key and values only."""
    scope = _scope(key, equals)
    page = repository.page(page_size(request), page_start(request, scope), **equals)
    return {key: [render(item) for item in page.items], "nextToken": next_token(page, scope)}


def paged_as(
    view: type[V],
    request: Request,
    key: str,
    repository: Repository[Any],
    render: Callable[[V], Mapping[str, Any]],
    **equals: object,
) -> Mapping[str, Any]:
    """As `paged`, for lists long enough that reading whole records would be most of the work."""
    scope = _scope(key, equals)
    page = repository.page_as(view, page_size(request), page_start(request, scope), **equals)
    return {key: [render(item) for item in page.items], "nextToken": next_token(page, scope)}


def _scope(key: str, equals: Mapping[str, object]) -> str:
    return f"{key} {sorted((name, str(value)) for name, value in equals.items())}"


@contextmanager
def unique(what: str, name: str) -> Iterator[None]:
    """Answer a record that exists already with Conflict."""
    try:
        yield
    except Duplicate:
        raise Conflict(f"There is {what} named {name!r} already. Choose another name.") from None


def transition(
    context: Context, repository: LifecycleRepository[R], lifecycle: Lifecycle[Any], record: R, event: Event
) -> R:
    """Take the record along its state table at the caller's wish.

    Raises:
        Conflict: its status does not allow the event.
    """
    try:
        return repository.transition(record, event, actor=context.caller, at=context.now)
    except IllegalTransition as error:
        accepting = [status.value for status in lifecycle.table if lifecycle.accepts(status, event)]
        raise Conflict(
            f"The {error.resource} is {error.status.value}; {event.value} is possible only while it is "
            f"{' or '.join(accepting)}."
        ) from None


def unwrap(outcome: V | Denied, fault: type[Fault]) -> V:
    """The value of a decision that may be a denial, which is raised as `fault`."""
    if isinstance(outcome, Denied):
        raise fault(outcome.reason)
    return outcome

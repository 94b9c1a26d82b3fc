"""Get, List, Update and Delete of plain resources, which have no states: one declarative table of them.

A resource says once where its records are, whose they are and how a request names one. Each operation is then a line
in the file of its noun, with the name that AWS gives it and what it shows:

    _TEMPLATES = PlainResource(service=CLEANROOMS, module=__name__, records=..., where=IN_MEMBERSHIP, ...)
    _TEMPLATES.get("GetAnalysisTemplate", "A template of the caller's membership.", _document, key="analysisTemplate")

A read loads the caller's place, then the record in it; an update or a delete takes an ACTIVE membership, unless the
resource says otherwise. Create, and whatever a line cannot say, is a function beside it, which finds what a request
names with the same `mine` and `mine_to_change`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Generic, Protocol, TypeVar

from botocore import xform_name

from whiteroom.base.faults import Conflict, ResourceNotFound
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.domain.resources.memberships import Membership
from whiteroom.operations.access import active_membership, collaboration_of, joined_collaboration, own_membership
from whiteroom.operations.answers import paged, paged_as
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import missing, resource_id
from whiteroom.operations.registry import Request, Response, operation
from whiteroom.ports.repositories import Duplicate, Repository
from whiteroom.ports.transaction import Transaction


class Plain(Protocol):
    """What every such record has."""

    @property
    def id(self) -> str: ...
    @property
    def arn(self) -> str: ...


class Made(Protocol):
    """What an account has made."""

    @property
    def account_id(self) -> str: ...


R = TypeVar("R", bound=Plain)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request looks: in the caller's account, in a membership of its own, or in a collaboration."""

    title: str
    """How a sentence begins that says what is not there: `Membership 123 has no `."""
    inside: str
    """How one ends: `There is no trained-model ARN in membership 123.`"""
    equals: Mapping[str, object]
    """What all records in it have in common."""
    membership: Membership | None = None
    collaboration: Callable[[], Collaboration] | None = None
    """Read once, and only where an answer names it."""

    @property
    def membership_names(self) -> dict[str, Any]:
        """The membership, as answers of AWS Clean Rooms name it."""
        assert self.membership is not None  # noqa: S101 - of a place in a membership
        return {"membershipId": self.membership.id, "membershipArn": self.membership.arn}

    @property
    def collaboration_names(self) -> dict[str, Any]:
        """The collaboration, likewise."""
        assert self.collaboration is not None  # noqa: S101 - of a place in a collaboration
        collaboration = self.collaboration()
        return {"collaborationId": collaboration.id, "collaborationArn": collaboration.arn}

    def maker(self, record: Made) -> dict[str, Any]:
        """Who made a record: to its own membership the membership, to the other members the account."""
        return {"creatorAccountId": record.account_id} if self.membership is None else self.membership_names

    def holds(self, record: object) -> bool:
        """Whether a record is here."""
        return all(getattr(record, name) == value for name, value in self.equals.items())


@dataclass(frozen=True, slots=True)
class Where:
    """How a request says its place, for those who read and for those who write."""

    read: Callable[[Request, Context], Place]
    write: Callable[[Request, Context], Place]


def of_account(_: Request, context: Context) -> Place:
    """What is in the caller's account."""
    account_id = context.caller.account_id
    return Place(f"Account {account_id}", f"account {account_id}", {"account_id": account_id})


def _own(request: Request, context: Context) -> Place:
    return in_membership(context, own_membership(context, request["membershipIdentifier"]))


def _active(request: Request, context: Context) -> Place:
    return in_membership(context, active_membership(context, request["membershipIdentifier"]))


def in_membership(context: Context, membership: Membership) -> Place:
    """What is in a membership."""
    equals, collaboration = {"membership_id": membership.id}, cache(partial(collaboration_of, context, membership))
    return Place(f"Membership {membership.id}", f"membership {membership.id}", equals, membership, collaboration)


def joined(request: Request, context: Context) -> Place:
    """What is in a collaboration that the caller has joined."""
    collaboration = joined_collaboration(context, request["collaborationIdentifier"])
    equals = {"collaboration_id": collaboration.id}
    return Place("This collaboration", f"collaboration {collaboration.id}", equals, None, lambda: collaboration)


OF_ACCOUNT = Where(of_account, of_account)
IN_MEMBERSHIP = Where(_own, _active)
IN_OWN_MEMBERSHIP = Where(_own, _own)
"""Where a membership that is no longer ACTIVE may clean up as well."""
IN_COLLABORATION = Where(joined, joined)

Shows = Callable[[Context, Place, R], Mapping[str, Any]]
"""What an answer says of a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainResource(Generic[R]):
    """One resource, as one kind of caller sees it."""

    service: str
    module: str
    """`__name__` of the file of the noun: where the ledger says that its operations are."""
    records: Callable[[Transaction], Repository[R]]
    where: Where
    named_by: str
    """The member of a request that names one."""
    find: Callable[[Repository[Any], str], Any]
    """The record of that name, wherever it is."""
    missing: Callable[[Place, str], ResourceNotFound]
    """The answer where the place has none of that name."""

    def of(self, request: Request, context: Context, place: Place) -> R:
        """The record that the request names.

        Raises:
            ResourceNotFound: the place has none of that name.
        """
        name = request[self.named_by]
        record: R | None = self.find(self.records(context.tx), name)
        if record is None or not place.holds(record):
            raise self.missing(place, name)
        return record

    def mine(self, request: Request, context: Context) -> R:
        """The record that the request names, to be read."""
        return self.of(request, context, self.where.read(request, context))

    def mine_to_change(self, request: Request, context: Context) -> R:
        """The record that the request names, to be changed."""
        return self.of(request, context, self.where.write(request, context))

    def add(self, context: Context, record: R, tags: Mapping[str, str], taken: Conflict) -> None:
        """Keep a new record with its tags. `taken` is raised where another has what no two may have."""
        try:
            self.records(context.tx).add(record)
        except Duplicate:
            raise taken from None
        context.tx.tags.put(record.arn, tags)

    def remove(self, context: Context, record: R) -> None:
        """Forget a record with its tags."""
        self.records(context.tx).remove(record)
        context.tx.tags.put(record.arn, {})

    def get(self, name: str, gloss: str, shows: Shows[R], *, key: str | None = None) -> None:
        """An operation that shows one; under a key, or as the whole answer."""

        def handler(request: Request, context: Context) -> Response:
            place = self.where.read(request, context)
            return _under(key, shows(context, place, self.of(request, context, place)))

        self._register(name, gloss, handler)

    def list(
        self,
        name: str,
        gloss: str,
        shows: Shows[Any],
        *,
        key: str,
        wanted: Callable[[Request], Mapping[str, object]] = lambda _: {},
        view: type[Any] | None = None,
    ) -> None:
        """An operation that shows all in a place, newest first; `wanted` says which of them a request is about.

        `view` is what is read of each, where reading whole records would be most of the work.
        """

        def handler(request: Request, context: Context) -> Response:
            place, records = self.where.read(request, context), self.records(context.tx)
            equals, render = {**place.equals, **wanted(request)}, partial(shows, context, place)
            if view is not None:
                return paged_as(view, request, key, records, render, **equals)
            return paged(request, key, records, render, **equals)

        self._register(name, gloss, handler)

    def update(
        self,
        name: str,
        gloss: str,
        shows: Shows[R],
        *,
        key: str,
        changes: Callable[[Request, Context, R], Mapping[str, object]],
    ) -> None:
        """An operation that changes one and shows it. `changes` says to what, or raises why it may not be."""

        def handler(request: Request, context: Context) -> Response:
            place = self.where.write(request, context)
            record = self.of(request, context, place)
            changed = {**changes(request, context, record), "updated_at": context.now}
            record = self.records(context.tx).update(record, **changed)
            return _under(key, shows(context, place, record))

        self._register(name, gloss, handler)

    def delete(self, name: str, gloss: str, *, first: Callable[[Context, R], None] | None = None) -> None:
        """An operation that removes one, with its tags. `first` removes what goes with it, or raises why it stays."""

        def handler(request: Request, context: Context) -> Response:
            record = self.mine_to_change(request, context)
            if first is not None:
                first(context, record)
            self.remove(context, record)
            return {}

        self._register(name, gloss, handler)

    def _register(self, name: str, gloss: str, handler: Callable[[Request, Context], Response]) -> None:
        handler.__name__ = xform_name(name)
        handler.__module__ = self.module
        handler.__doc__ = gloss
        operation(self.service, name)(handler)


def _under(key: str | None, shown: Mapping[str, Any]) -> Mapping[str, Any]:
    return shown if key is None else {key: shown}


def renamed(names: Mapping[str, str]) -> Callable[[Request], dict[str, object]]:
    """Those of a request's members that it has, under the names of the record's fields."""
    return lambda request: {field: request[name] for name, field in names.items() if name in request}


def by_id(repository: Repository[Any], name: str) -> Any:
    """Requests name it by its id."""
    return repository.get(name)


def by_arn(repository: Repository[Any], name: str) -> Any:
    """Requests name it by its ARN."""
    record = repository.get(resource_id(name))
    return record if record is not None and record.arn == name else None


def none_of(what: str, kind: str, remedy: str) -> Callable[[Place, str], ResourceNotFound]:
    """As AWS Clean Rooms answers: what the place has not, and the sentence that says where its names are listed."""
    return lambda place, name: ResourceNotFound(
        f"{place.title} has no {what} {name}. {remedy}", resourceId=name, resourceType=kind
    )


def none_in(kind: str) -> Callable[[Place, str], ResourceNotFound]:
    """As AWS Clean Rooms ML answers."""
    return lambda place, name: missing(name, kind, place.inside)

"""Page tokens: where a list goes on, sealed against use in another list."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from whiteroom.base.faults import ValidationFault
from whiteroom.operations.registry import Request
from whiteroom.ports.repositories import Page, PageKey, Repository

R = TypeVar("R")

DEFAULT_PAGE_SIZE = 10
"""What AWS documents for ListTrainedModelVersions, and does for the others."""


def page_size(request: Request) -> int:
    """`maxResults`, or AWS's default."""
    return int(request.get("maxResults", DEFAULT_PAGE_SIZE))


def page_start(request: Request, scope: str) -> PageKey | None:
    """The place that `nextToken` names in the list `scope` (operation, parent and filters, as one text).

    Raises:
        ValidationFault: the token was not given out for this list.
    """
    token = request.get("nextToken")
    if token is None or token == "":
        return None
    try:
        seal, micros, record_id = json.loads(base64.urlsafe_b64decode(token.encode()))
        if seal != _seal(scope):
            raise ValueError("another list's token")  # noqa: TRY301 - answered like any other broken token
        str(record_id).encode()  # JSON can hold half a surrogate pair; the store cannot
        return PageKey(datetime.fromtimestamp(micros / 1e6, UTC), str(record_id))
    except (ValueError, TypeError, OverflowError, OSError, binascii.Error, RecursionError):
        raise ValidationFault(
            "The nextToken is not one that this list gave out with the same filters. Start again without it."
        ) from None


def kept_page(
    repository: Repository[R], limit: int, after: PageKey | None, keep: Callable[[R], bool], **equals: object
) -> Page[R]:
    """A page of the records that `keep` accepts; for lists where most are."""
    kept: list[R] = []
    while True:
        page = repository.page(limit, after, **equals)
        for record in page.items:
            if keep(record):
                if len(kept) == limit:
                    last: Any = kept[-1]
                    return Page(tuple(kept), PageKey(last.created_at, last.id))
                kept.append(record)
        if page.next is None:
            return Page(tuple(kept), None)
        after = page.next


def next_token(page: Page[Any], scope: str) -> str | None:
    """The token for what follows `page`; None at the end of the list."""
    if page.next is None:
        return None
    micros = round(page.next.created_at.timestamp() * 1e6)
    return base64.urlsafe_b64encode(json.dumps([_seal(scope), micros, page.next.id]).encode()).decode()


def _seal(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:12]

"""What an operation may use: the deployment, which is the same for every call, and the call itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from whiteroom.base.arns import new_id
from whiteroom.base.callers import Caller
from whiteroom.domain.execution.instance_types import Shape
from whiteroom.domain.execution.result_regions import BucketRegions
from whiteroom.domain.privacy.redaction import Finder
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.ports.catalog import Catalog
from whiteroom.ports.run_logs import RunLogs
from whiteroom.ports.transaction import Transaction

ANYWHERE = BucketRegions("us-east-1")
"""Where buckets lie that nobody has said anything of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What the operator has chosen, and what is made once for all calls."""

    quotas: Quotas
    strict_machine: Shape | None = None
    """What all instances of a run together must fit into; None where a larger instance type is given less."""
    default_result_location: str = ""
    """Where results of queries go for receivers who have set no place; empty for nowhere."""
    finder: Finder | None = None
    """Masks texts; None where nothing tells any."""
    noise_secret: bytes = b""
    """The secret that the noise of metrics is drawn from; never shown."""
    session_secret: bytes = b""
    """The secret that session tokens are sealed with; never shown."""
    bucket_regions: BucketRegions = ANYWHERE
    """In which regions the buckets lie that results go to."""
    signed_for: Collection[str] | None = None
    """Accounts that the operator signs for at their buckets; None where locations are folders, not buckets."""
    strict_keys: bool = False
    """Whether a kmsKeyArn is refused, since it does not seal all that a resource keeps."""
    files_are_sealed: bool = False
    """Whether rows, models and checkpoints are sealed."""
    keys_seal: bool = True
    """Whether the ring of keys seals anything."""
    withhold_query_text: bool = False
    """Whether analysis logs hold the digest of a query's text in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One call: who asks, when, over which transaction."""

    caller: Caller
    tx: Transaction
    now: datetime
    catalog: Catalog
    """Answers at once: what it does not know is looked up before the operation begins anew (catalog_answers.py)."""
    deployment: Deployment
    new_id: Callable[[], str] = new_id
    """A fresh UUID."""
    logs: RunLogs | None = None
    """Of operations that are registered to read them; None for all others."""


class SameIds:
    """Fresh ids for one call. One that begins anew gets the same ones: keys are asked for by what they are to seal."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._given: list[str] = []
        self._place = 0

    def from_the_first(self) -> Callable[[], str]:
        """For a call that begins, or begins anew."""
        self._place = 0
        return self

    def __call__(self) -> str:
        if self._place == len(self._given):
            self._given.append(self._new_id())
        self._place += 1
        return self._given[self._place - 1]

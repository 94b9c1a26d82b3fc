"""A key ring far away, asked seldom: what it answered is kept for a while, and nothing that must not wait waits for it.

An operation runs in a turn that everybody's operations share. Where it needs a key that is not at hand it is undone,
the ring is asked on a thread, and the operation begins anew, as with tables that are to be looked up
(operations/catalog_answers.py).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

from whiteroom.ports.keys import DataKey, KeyRefused, KeyRing

KEPT_SECONDS = 60.0
"""How long a key that was taken away may still open what was opened before."""
REFUSAL_SECONDS = 5.0
"""How long a refusal is believed."""
KEPT = 4096

_must_not_wait: ContextVar[bool] = ContextVar("must_not_wait", default=False)


class KeyNotAtHand(Exception):
    """The ring is to be asked first: call `fetch`, which takes its time, then begin anew."""

    def __init__(self, fetch: Callable[[], None]) -> None:
        super().__init__("a key is not at hand")
        self.fetch = fetch


@contextmanager
def without_waiting() -> Iterator[None]:
    """What is done inside raises KeyNotAtHand rather than wait for a ring far away."""
    token = _must_not_wait.set(True)
    try:
        yield
    finally:
        _must_not_wait.reset(token)


class RememberingRing:
    """Implements `ports.KeyRing` over another one: opened keys are kept in memory, as many and as long as it says."""

    def __init__(self, ring: KeyRing, clock: Callable[[], float] = time.monotonic) -> None:
        self._ring = ring
        self._clock = clock
        self._lock = Lock()
        self._answers: OrderedDict[tuple[object, ...], tuple[float, Any]] = OrderedDict()

    @property
    def name(self) -> str:
        """See `ports.KeyRing.name`."""
        return self._ring.name

    @property
    def seals(self) -> bool:
        """See `ports.KeyRing.seals`."""
        return self._ring.seals

    def new(self, key_arn: str, context: str) -> DataKey:
        """See `ports.KeyRing.new`. One that was made for the same is used again while it is remembered."""
        found: DataKey = self._answer(("new", key_arn, context), lambda: self._made(key_arn, context))
        return found

    def open(self, wrapped: bytes, context: str) -> bytes:
        """See `ports.KeyRing.open`."""
        found: bytes = self._answer(("open", wrapped, context), lambda: self._ring.open(wrapped, context))
        return found

    def _made(self, key_arn: str, context: str) -> DataKey:
        made = self._ring.new(key_arn, context)
        self._keep(("open", made.wrapped, context), made.key, KEPT_SECONDS)
        return made

    def _answer(self, question: tuple[object, ...], ask: Callable[[], Any]) -> Any:
        with self._lock:
            until, answer = self._answers.get(question, (0.0, None))
        if until <= self._clock():
            if _must_not_wait.get():
                raise KeyNotAtHand(lambda: self._fetch(question, ask))
            answer = self._fetch(question, ask)
        if isinstance(answer, KeyRefused):
            raise type(answer)(*answer.args)
        return answer

    def _fetch(self, question: tuple[object, ...], ask: Callable[[], Any]) -> Any:
        try:
            answer, seconds = ask(), KEPT_SECONDS
        except KeyRefused as refusal:
            answer, seconds = refusal, REFUSAL_SECONDS
        self._keep(question, answer, seconds)
        return answer

    def _keep(self, question: tuple[object, ...], answer: object, seconds: float) -> None:
        with self._lock:
            self._answers[question] = (self._clock() + seconds, answer)
            self._answers.move_to_end(question)
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)

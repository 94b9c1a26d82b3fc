"""Runs a batch transform over all files, in order: requests run ahead, and a file that fails leaves no output."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event, local
from typing import Final

from whiteroom.runtime.transform.answers import Answer, Output
from whiteroom.runtime.transform.buffers import Buffers
from whiteroom.runtime.transform.exchange import AnswerTooLarge, ExchangeFailed, Exchanger, Interrupted
from whiteroom.runtime.transform.jobs import MB, ExecutionParameters, TransformJob, TransformOutcome
from whiteroom.runtime.transform.splitting import Payload, TooLargeToSend

MAX_ANSWER_BYTES: Final = 100 * MB
TRIES: Final = 4
"""Of one request that fails: SageMaker's default of InvocationsMaxRetries is 3.

What a failure is AWS leaves open. Here it is what may pass: an answer of 5xx, none within the
time allowed, a connection that broke. A 4xx is the server's verdict on the records.
"""

_FIRST_RETRY_SECONDS: Final = 0.1
_HELD_BYTES: Final = 64 * MB
"""Of all answers that wait their turn; one that is larger than its part waits on disk."""
_FAILURES_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class _Reply:
    """What became of one request: an answer, or why there is none."""

    answer: Answer | None
    failure: str = ""
    tries: int = 1


@dataclass(frozen=True, slots=True)
class _Piece:
    """One step of the work, in order: a request under way; without one, what cannot be sent or the end of a file."""

    file: str
    payload: Payload | None = None
    reply: Future[_Reply] | None = None
    failure: str = ""


class Work:
    """All files of a job, in order: requests run ahead, answers are taken in the order of the records."""

    def __init__(
        self,
        job: TransformJob,
        parameters: ExecutionParameters,
        exchanger: Callable[[Callable[[], bool]], Exchanger],
        interrupted: Callable[[], bool],
        sleep: Callable[[float], None],
    ) -> None:
        self.written: list[str] = []
        self.failures: dict[str, str] = {}
        self._job = job
        self._parameters = parameters
        self._new_exchanger = exchanger
        self._run_interrupted = interrupted
        self._sleep = sleep
        self._output = Output(job.output_folder)
        self._held_bytes = _HELD_BYTES // (parameters.max_concurrent + 1)
        self._for_payloads = Buffers(parameters.max_payload_mb * MB + 1)
        self._for_answers = Buffers(MB)
        self._thread = local()
        self._exchangers: list[Exchanger] = []
        self._abandoned = Event()

    def run(self, note: Callable[[str], None]) -> TransformOutcome:
        """Put every file through.

        Raises:
            Interrupted: the run ended or was stopped.
            OSError: the outputs cannot be written.
        """
        ahead: deque[_Piece] = deque()
        with ThreadPoolExecutor(self._parameters.max_concurrent, "transform") as pool:
            try:
                for piece in self._pieces(pool):
                    ahead.append(piece)
                    # One payload more than the server takes at once is read ahead, so that it never waits for the disk.
                    while sum(piece.reply is not None for piece in ahead) > self._parameters.max_concurrent + 1:
                        self._take(ahead.popleft(), note)
                while ahead:
                    self._take(ahead.popleft(), note)
            finally:
                self._abandoned.set()
                pool.shutdown(cancel_futures=True)
                self._output.discard()
                for piece in ahead:
                    _forget(piece)
                for exchanger in self._exchangers:
                    exchanger.close()
        return TransformOutcome(not self.failures, self._message(), tuple(self.written), tuple(self.failures))

    def _pieces(self, pool: ThreadPoolExecutor) -> Iterator[_Piece]:
        for file in self._job.input_files():
            try:
                for payload in self._job.payloads(file, self._for_payloads):
                    if file.name in self.failures:
                        break
                    yield _Piece(file.name, payload, pool.submit(self._send, payload))
            except TooLargeToSend as error:
                yield _Piece(file.name, failure=f"bytes {error.first_byte}-{error.last_byte}: {error.what}")
            yield _Piece(file.name)

    def _take(self, piece: _Piece, note: Callable[[str], None]) -> None:
        reply = piece.reply.result() if piece.reply is not None else None
        failure = piece.failure
        if reply is not None and piece.payload is not None:
            if piece.payload.buffer is not None:
                self._for_payloads.give(piece.payload.buffer)
            if reply.failure:
                tries = f" ({reply.tries} tries)" if reply.tries > 1 else ""
                failure = f"bytes {piece.payload.first_byte}-{piece.payload.last_byte}: {reply.failure}{tries}"
            elif reply.tries > 1:
                note(f"{piece.file}: bytes from {piece.payload.first_byte} on took {reply.tries} tries.")
        if failure and piece.file not in self.failures:
            self.failures[piece.file] = failure
            self._output.discard()
            note(f"{piece.file} failed: {failure}.")
        if reply is not None and reply.answer is not None:
            if piece.file not in self.failures:
                self._output.append(piece.file, reply.answer, end_line=self._job.is_csv)
            reply.answer.close()
        elif piece.reply is None and piece.file not in self.failures:
            self._output.commit(piece.file)
            self.written.append(f"{piece.file}.out")

    def _send(self, payload: Payload) -> _Reply:
        """One request, tried again where that may help. Runs in a thread of the pool."""
        reply = _Reply(None)
        for tries in range(1, TRIES + 1):
            if tries > 1:
                self._sleep(_FIRST_RETRY_SECONDS * 2 ** (tries - 2))
            if self._interrupted():
                raise Interrupted
            reply, again = self._try(payload, tries)
            if not again:
                return reply
        if self._interrupted():
            raise Interrupted
        return reply

    def _try(self, payload: Payload, tries: int) -> tuple[_Reply, bool]:
        """What came of one try, and whether another may help."""
        answer = Answer(self._job.output_folder, self._for_answers, self._held_bytes)
        status = 0
        try:
            status = self._own_exchanger().ask(
                "POST",
                "/invocations",
                timeout_seconds=self._job.response_timeout_seconds,
                headers=self._job.headers,
                body=payload.data,
                into=answer,
                limit_bytes=MAX_ANSWER_BYTES,
            )
        except Interrupted:
            raise
        except ExchangeFailed as error:
            return _Reply(None, str(error), tries), not isinstance(error, AnswerTooLarge)
        finally:
            if not 200 <= status < 300:
                answer.close()
        if 200 <= status < 300:
            return _Reply(answer, tries=tries), False
        return _Reply(None, f"HTTP status {status}", tries), status >= 500

    def _interrupted(self) -> bool:
        return self._abandoned.is_set() or self._run_interrupted()

    def _own_exchanger(self) -> Exchanger:
        """This thread's: connections are kept, one a thread."""
        found: Exchanger | None = getattr(self._thread, "exchanger", None)
        if found is None:
            found = self._thread.exchanger = self._new_exchanger(self._interrupted)
            self._exchangers.append(found)
        return found

    def _message(self) -> str:
        if not self.failures:
            return ""
        named = [f"{file}, {failure}" for file, failure in self.failures.items()]
        more = f"; and {len(named) - _FAILURES_NAMED} more" if len(named) > _FAILURES_NAMED else ""
        total = len(self.failures) + len(self.written)
        return f"{len(named)} of {total} files failed: {'; '.join(named[:_FAILURES_NAMED])}{more}."


def _forget(piece: _Piece) -> None:
    """Close the answer of a request that nobody waits for any more."""
    if piece.reply is None or piece.reply.cancelled() or piece.reply.exception() is not None:
        return
    answer = piece.reply.result().answer
    if answer is not None:
        answer.close()

"""SageMaker's batch transform client: every file of a folder is put through a served model.

Standard library only: the supervisor runs this inside the job's network namespace under
`python -I -S`, with the folder that holds the package `whiteroom` appended to `sys.path`
(`whiteroom/__init__.py` and `whiteroom/runtime/__init__.py` hold docstrings alone).
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, local
from typing import Final

from whiteroom.runtime.transform.answers import Answer, Output
from whiteroom.runtime.transform.buffers import Buffers
from whiteroom.runtime.transform.exchange import AnswerTooLarge, ExchangeFailed, Exchanger, Interrupted
from whiteroom.runtime.transform.splitting import Payload, TooLargeToSend, csv_payloads, whole_payload

MB: Final = 1024 * 1024
"""Bytes in the "MB" of maxPayloadInMB: what SageMaker's own local mode counts."""
DEFAULT_PAYLOAD_MB: Final = 6
MAX_PAYLOAD_MB: Final = 100
"""SageMaker's, for one payload and for all that are under way at once."""
MAX_CONCURRENT: Final = 16
MAX_ANSWER_BYTES: Final = 100 * MB
TRIES: Final = 4
"""Of one request that fails: SageMaker's default of InvocationsMaxRetries is 3.

What a failure is AWS leaves open. Here it is what may pass: an answer of 5xx, none within the
time allowed, a connection that broke. A 4xx is the server's verdict on the records.
"""

_FIRST_PAUSE_SECONDS: Final = 0.01
_LONGEST_PAUSE_SECONDS: Final = 1.0
_PING_TIMEOUT_SECONDS: Final = 2.0
_PARAMETERS_TIMEOUT_SECONDS: Final = 10.0
_PARAMETERS_BYTES: Final = 64 << 10
_FIRST_RETRY_SECONDS: Final = 0.1
_HELD_BYTES: Final = 64 * MB
"""Of all answers that wait their turn; one that is larger than its part waits on disk."""
_FAILURES_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class TransformJob:
    """One batch transform as the client sees it."""

    input_folder: Path
    output_folder: Path
    """Takes one `NAME.out` for each file of the input folder. Must exist."""
    content_type: str
    """`text/csv` is split by line; anything else (`application/x-parquet`) is sent whole."""
    header: bool
    """Whether each CSV file begins with a header row."""
    accept: str | None
    max_payload_mb: int | None
    """The request's own; None leaves the choice to the container, then to the default of 6."""
    ready_timeout_seconds: float
    """How long the server may take until it first answers GET /ping with 200."""
    max_concurrent: int | None = None
    """Requests under way at once, whatever the container says; None leaves the choice to it, then to 1."""
    host: str = "127.0.0.1"
    port: int = 8080
    response_timeout_seconds: float = 600
    files: tuple[str, ...] | None = None
    """The names of those that this client is to transform; None means all of the folder's."""

    @property
    def is_csv(self) -> bool:
        """Whether files are cut by line, and answers joined by line."""
        return self.content_type == "text/csv"

    @property
    def headers(self) -> dict[str, str]:
        """Those of every request that carries a payload."""
        return {"Content-Type": self.content_type} | ({"Accept": self.accept} if self.accept else {})

    def input_files(self) -> list[Path]:
        """What is to be transformed, in the order of the names."""
        if self.files is not None:
            return [self.input_folder / name for name in sorted(self.files)]
        return sorted(entry for entry in self.input_folder.iterdir() if entry.is_file())

    def payloads(self, file: Path, buffers: Buffers) -> Iterator[Payload]:
        """What the requests for one file carry; the buffers take a byte more than one may."""
        if self.is_csv:
            return csv_payloads(file, buffers, header=self.header)
        return whole_payload(file, buffers.size_bytes - 1)


@dataclass(frozen=True, slots=True)
class TransformOutcome:
    """How a transform ended. `message` is safe for the member: file, byte range, HTTP status; never contents."""

    ok: bool
    message: str = ""
    files_written: tuple[str, ...] = field(default=())
    files_failed: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class ExecutionParameters:
    """What the container says of itself at /execution-parameters, within our bounds."""

    max_concurrent: int = 1
    max_payload_mb: int = DEFAULT_PAYLOAD_MB


def run_transform(
    job: TransformJob,
    *,
    alive: Callable[[], bool],
    stopping: Callable[[], bool],
    note: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> TransformOutcome:
    """Wait for the server, put every file through it, and say how it went. Never raises for what the server does.

    A file that fails leaves no output; the others go on, and the outcome is not ok. When the
    program ends or the run is stopped, the work ends within a second, and whole outputs stay.

    Args:
        job: what to do.
        alive: whether the served program still runs; asked often, from several threads.
        stopping: whether the run is being stopped; asked often, from several threads.
        note: takes a line for the run's log; called from the caller's thread.
        clock: monotonic seconds.
        sleep: waits that many seconds.
    """

    def interrupted() -> bool:
        return stopping() or not alive()

    def exchanger(interrupted: Callable[[], bool]) -> Exchanger:
        return Exchanger(job.host, job.port, interrupted=interrupted, clock=clock)

    started = clock()
    server = exchanger(interrupted)
    try:
        refusal = wait_until_ready(server, job.ready_timeout_seconds, interrupted=interrupted, clock=clock, sleep=sleep)
        if refusal is not None:
            return TransformOutcome(False, _interruption(stopping, alive) or refusal)
        note(f"The program answers GET /ping after {clock() - started:.1f} s.")
        if job.files == ():
            note("None of the files are this instance's.")
            return TransformOutcome(True)
        parameters = execution_parameters(server, job)
    finally:
        server.close()
    note(f"Payloads of up to {parameters.max_payload_mb} MB, {parameters.max_concurrent} at a time.")
    work = _Work(job, parameters, exchanger, interrupted, sleep)
    try:
        return work.run(note)
    except Interrupted:
        message = _interruption(stopping, alive) or "The transform was interrupted."
    except OSError as error:
        message = f"The transform's files cannot be read or written: {error.strerror}."
    return TransformOutcome(False, message, tuple(work.written), tuple(work.failures))


def wait_until_ready(
    server: Exchanger,
    timeout_seconds: float,
    *,
    interrupted: Callable[[], bool],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> str | None:
    """GET /ping until it answers 200: often at first, then every second. None once it does, else why it did not."""
    deadline = clock() + timeout_seconds
    pause = _FIRST_PAUSE_SECONDS
    seen = "it was never asked"
    while not interrupted():
        left = deadline - clock()
        if left <= 0:
            return f"The program did not answer GET /ping with status 200 within {timeout_seconds:g} s: {seen}."
        try:
            status = server.ask("GET", "/ping", timeout_seconds=min(_PING_TIMEOUT_SECONDS, left))
        except ExchangeFailed as failure:
            seen = str(failure)
        else:
            if status == 200:
                return None
            seen = f"the last answer had status {status}"
        sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
    return ""


def execution_parameters(server: Exchanger, job: TransformJob) -> ExecutionParameters:
    """What the job asks for, else what the container does, else the default: of payload size and concurrency.

    The container need not offer them: no answer, another status and nonsense all mean the
    defaults. BatchStrategy is always MultiRecord (Clean Rooms ML chooses it).
    """
    answer = Answer(job.output_folder, Buffers(_PARAMETERS_BYTES), _PARAMETERS_BYTES)
    told: object = None
    try:
        status = server.ask("GET", "/execution-parameters", timeout_seconds=_PARAMETERS_TIMEOUT_SECONDS, into=answer)
        if 200 <= status < 300:
            told = json.loads(b"".join(answer.parts()))
    except (ExchangeFailed, ValueError, RecursionError):
        told = None
    finally:
        answer.close()
    offered = told if isinstance(told, dict) else {}
    payload_mb = job.max_payload_mb or _offered(offered, "MaxPayloadInMB", DEFAULT_PAYLOAD_MB, MAX_PAYLOAD_MB)
    payload_mb = min(payload_mb, MAX_PAYLOAD_MB)
    concurrent = job.max_concurrent or _offered(offered, "MaxConcurrentTransforms", 1, MAX_CONCURRENT)
    return ExecutionParameters(max(1, min(concurrent, MAX_CONCURRENT, MAX_PAYLOAD_MB // payload_mb)), payload_mb)


def _offered(offered: Mapping[str, object], name: str, otherwise: int, most: int) -> int:
    value = offered.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        return otherwise
    return min(value, most)


def _interruption(stopping: Callable[[], bool], alive: Callable[[], bool]) -> str:
    if stopping():
        return "The transform was stopped."
    return "" if alive() else "The program ended before the transform was done."


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


class _Work:
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

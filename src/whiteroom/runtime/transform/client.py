"""SageMaker's batch transform client: every file of a folder is put through a served model.

Standard library only: the supervisor runs this inside the job's network namespace under
`python -I -S`, with the folder that holds the package `whiteroom` appended to `sys.path`
(`whiteroom/__init__.py` and `whiteroom/runtime/__init__.py` hold docstrings alone).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from threading import Event, local
from typing import IO, Final

from whiteroom.runtime.transform.exchange import AnswerTimedOut, AnswerTooLarge, ExchangeFailed, Exchanger, Interrupted
from whiteroom.runtime.transform.splitting import Payload, TooLargeToSend, csv_payloads, whole_payload

MB: Final = 1024 * 1024
"""Bytes in the "MB" of maxPayloadInMB: what SageMaker's own local mode counts."""
DEFAULT_PAYLOAD_MB: Final = 6
MAX_PAYLOAD_MB: Final = 100
"""SageMaker's, for one payload and for all that are under way at once."""
MAX_CONCURRENT: Final = 16
MAX_ANSWER_BYTES: Final = 100 * MB
TRIES: Final = 3
"""Of one request, where the server answered 5xx or the connection broke. A time-out is not tried again."""

_FIRST_PAUSE_SECONDS: Final = 0.01
_LONGEST_PAUSE_SECONDS: Final = 1.0
_PING_TIMEOUT_SECONDS: Final = 2.0
_PARAMETERS_TIMEOUT_SECONDS: Final = 10.0
_HELD_ANSWER_BYTES: Final = 4 * MB
"""An answer that is larger waits its turn on disk."""
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

    def payloads(self, file: Path, limit_bytes: int) -> Iterator[Payload]:
        """What the requests for one file carry."""
        return csv_payloads(file, limit_bytes, header=self.header) if self.is_csv else whole_payload(file, limit_bytes)


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
        parameters = execution_parameters(server, job.max_payload_mb)
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


def execution_parameters(server: Exchanger, requested_payload_mb: int | None) -> ExecutionParameters:
    """The request's payload size, else the container's, else the default; the container's own concurrency.

    The container need not offer them: no answer, another status and nonsense all mean the
    defaults. BatchStrategy is always MultiRecord (Clean Rooms ML chooses it).
    """
    answer = BytesIO()
    told: object = None
    try:
        if (
            200
            <= server.ask("GET", "/execution-parameters", timeout_seconds=_PARAMETERS_TIMEOUT_SECONDS, into=answer)
            < 300
        ):
            told = json.loads(answer.getvalue())
    except (ExchangeFailed, ValueError, RecursionError):
        told = None
    offered = told if isinstance(told, dict) else {}
    payload_mb = requested_payload_mb or _offered(offered, "MaxPayloadInMB", DEFAULT_PAYLOAD_MB, MAX_PAYLOAD_MB)
    payload_mb = min(payload_mb, MAX_PAYLOAD_MB)
    concurrent = _offered(offered, "MaxConcurrentTransforms", 1, MAX_CONCURRENT)
    return ExecutionParameters(max(1, min(concurrent, MAX_PAYLOAD_MB // payload_mb)), payload_mb)


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
class _Answer:
    """What became of one request: a body, or why there is none."""

    body: IO[bytes] | None
    failure: str = ""
    tries: int = 1


@dataclass(frozen=True, slots=True)
class _Piece:
    """One step of the work, in order: a request under way; without one, what cannot be sent or the end of a file."""

    file: str
    payload: Payload | None = None
    answer: Future[_Answer] | None = None
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
        self._output = _Output(job.output_folder)
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
                    while len(ahead) > self._parameters.max_concurrent + 1:
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
        limit_bytes = self._parameters.max_payload_mb * MB
        for file in self._job.input_files():
            try:
                for payload in self._job.payloads(file, limit_bytes):
                    if file.name in self.failures:
                        break
                    yield _Piece(file.name, payload, pool.submit(self._send, payload))
            except TooLargeToSend as error:
                yield _Piece(file.name, failure=f"bytes {error.first_byte}-{error.last_byte}: {error.what}")
            yield _Piece(file.name)

    def _take(self, piece: _Piece, note: Callable[[str], None]) -> None:
        answer = piece.answer.result() if piece.answer is not None else None
        failure = piece.failure
        if answer is not None and piece.payload is not None:
            if answer.failure:
                tries = f" ({answer.tries} tries)" if answer.tries > 1 else ""
                failure = f"bytes {piece.payload.first_byte}-{piece.payload.last_byte}: {answer.failure}{tries}"
            elif answer.tries > 1:
                note(f"{piece.file}: bytes from {piece.payload.first_byte} on took {answer.tries} tries.")
        if failure and piece.file not in self.failures:
            self.failures[piece.file] = failure
            self._output.discard()
            note(f"{piece.file} failed: {failure}.")
        if answer is not None and answer.body is not None:
            with answer.body as body:
                if piece.file not in self.failures:
                    self._output.append(piece.file, body, end_line=self._job.is_csv)
        elif piece.answer is None and piece.file not in self.failures:
            self._output.commit(piece.file)
            self.written.append(f"{piece.file}.out")

    def _send(self, payload: Payload) -> _Answer:
        """One request, tried again where that may help. Runs in a thread of the pool."""
        answer = _Answer(None)
        for tries in range(1, TRIES + 1):
            if tries > 1:
                self._sleep(0.1 * 4 ** (tries - 2))
            if self._interrupted():
                raise Interrupted
            answer, again = self._try(payload, tries)
            if not again:
                return answer
        if self._interrupted():
            raise Interrupted
        return answer

    def _try(self, payload: Payload, tries: int) -> tuple[_Answer, bool]:
        """What came of one try, and whether another may help."""
        body = tempfile.SpooledTemporaryFile(max_size=_HELD_ANSWER_BYTES, dir=str(self._job.output_folder))  # noqa: SIM115
        status = 0
        try:
            status = self._own_exchanger().ask(
                "POST",
                "/invocations",
                timeout_seconds=self._job.response_timeout_seconds,
                headers=self._job.headers,
                body=payload.data,
                into=body,
                limit_bytes=MAX_ANSWER_BYTES,
            )
        except Interrupted:
            raise
        except ExchangeFailed as error:
            return _Answer(None, str(error), tries), not isinstance(error, AnswerTimedOut | AnswerTooLarge)
        finally:
            if not 200 <= status < 300:
                body.close()
        if 200 <= status < 300:
            return _Answer(body, tries=tries), False
        return _Answer(None, f"HTTP status {status}", tries), status >= 500

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
    if piece.answer is None or piece.answer.cancelled() or piece.answer.exception() is not None:
        return
    body = piece.answer.result().body
    if body is not None:
        body.close()


class _Output:
    """The output file being written: under a name of its own until it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._part: IO[bytes] | None = None
        self._path: Path | None = None

    def append(self, file: str, answer: IO[bytes], *, end_line: bool) -> None:
        """Add one answer; `end_line` sees to a line feed at its end (AssembleWith Line)."""
        part = self._open(file)
        size = answer.seek(0, os.SEEK_END)
        answer.seek(0)
        shutil.copyfileobj(answer, part, MB)
        if end_line and size:
            answer.seek(size - 1)
            if answer.read(1) != b"\n":
                part.write(b"\n")

    def commit(self, file: str) -> None:
        """Give the output its name; a file that had no payload gets an empty one."""
        part = self._open(file)
        part.close()
        if self._path is not None:
            self._path.replace(self._folder / f"{file}.out")
        self._part = self._path = None

    def discard(self) -> None:
        """Leave nothing of an output that is not whole."""
        if self._part is not None and self._path is not None:
            self._part.close()
            self._path.unlink(missing_ok=True)
        self._part = self._path = None

    def _open(self, file: str) -> IO[bytes]:
        if self._part is None:
            self._path = self._folder / f".{file}.part"
            self._path.unlink(missing_ok=True)
            self._part = self._path.open("xb")
        return self._part

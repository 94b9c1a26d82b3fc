"""SageMaker's batch transform client: every file of a folder is put through a served model.

Standard library only: the supervisor runs this inside the job's network namespace under
`python -I -S`, with the folder that holds the package `whiteroom` appended to `sys.path`
(`whiteroom/__init__.py` and `whiteroom/runtime/__init__.py` hold docstrings alone).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Final

from whiteroom.runtime.transform.answers import Answer
from whiteroom.runtime.transform.buffers import Buffers
from whiteroom.runtime.transform.exchange import ExchangeFailed, Exchanger, Interrupted
from whiteroom.runtime.transform.jobs import (
    DEFAULT_PAYLOAD_MB,
    MAX_CONCURRENT,
    MAX_PAYLOAD_MB,
    ExecutionParameters,
    TransformJob,
    TransformOutcome,
)
from whiteroom.runtime.transform.work import Work

_FIRST_PAUSE_SECONDS: Final = 0.01
_LONGEST_PAUSE_SECONDS: Final = 1.0
_PING_TIMEOUT_SECONDS: Final = 2.0
_PARAMETERS_TIMEOUT_SECONDS: Final = 10.0
_PARAMETERS_BYTES: Final = 64 << 10


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
    work = Work(job, parameters, exchanger, interrupted, sleep)
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
    answered: object = None
    try:
        status = server.ask("GET", "/execution-parameters", timeout_seconds=_PARAMETERS_TIMEOUT_SECONDS, into=answer)
        if 200 <= status < 300:
            answered = json.loads(b"".join(answer.parts()))
    except (ExchangeFailed, ValueError, RecursionError):
        answered = None
    finally:
        answer.close()
    offered = answered if isinstance(answered, dict) else {}
    payload_mb = job.max_payload_mb or _offered(offered, "MaxPayloadInMB", DEFAULT_PAYLOAD_MB, MAX_PAYLOAD_MB)
    payload_mb = min(payload_mb, MAX_PAYLOAD_MB)
    concurrent = _offered(offered, "MaxConcurrentTransforms", 1, MAX_CONCURRENT)
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

"""Runs: one algorithm at work in isolated instances, as the rules see it.

A run is described whole before it starts (`TrainingRun`, `TransformRun`), identified by a
name of its own, and ends in one of the ways listed in `EndReason`. How an instance is
sealed is the runtime's affair (ports.Runtime, runtime/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, TypeVar

from whiteroom.domain.execution.data import DataRef

RunId = NewType("RunId", str)
"""Names one run for ever: the same id always means the same run. `[a-z0-9-]+`, safe as a file name."""

TRAINING_PREFIX = "training-"
"""Begins the run's id of a version of a trained model; its record's id follows."""
INFERENCE_PREFIX = "inference-"
"""Likewise of an inference job."""

TRAINED_MODELS = "/aws/cleanroomsml/TrainedModels"
"""The log group and the namespace of metrics of trainings (docs/sources.md)."""
INFERENCE_JOBS = "/aws/cleanroomsml/TrainedModelInferenceJobs"
"""Likewise of inference jobs."""


class InputMode(StrEnum):
    """How a channel reaches the program (TrainingInputMode)."""

    FILE = "File"
    """A folder of files, all there before the program starts."""
    FAST_FILE = "FastFile"
    """A folder whose files are read as the program reads them."""
    PIPE = "Pipe"
    """A FIFO for each epoch."""


class Distribution(StrEnum):
    """Which instance gets which file (S3DataDistributionType)."""

    FULLY_REPLICATED = "FullyReplicated"
    """Every instance gets every file."""
    SHARDED_BY_S3_KEY = "ShardedByS3Key"
    """Every instance gets some of the files, and no other does."""


F = TypeVar("F")


def shard(files: Sequence[F], instances: int, number: int) -> Sequence[F]:
    """The files that instance `number`, from 0, gets under ShardedByS3Key: whole, in order, as many as the others."""
    return files[len(files) * number // instances : len(files) * (number + 1) // instances]


@dataclass(frozen=True, slots=True)
class ChannelMount:
    """One input channel: files, read-only at /opt/ml/input/data/NAME."""

    name: str
    data: DataRef
    input_mode: InputMode = InputMode.FILE
    distribution: Distribution = Distribution.FULLY_REPLICATED
    content_type: str | None = None
    """MIME type for inputdataconfig.json; None leaves it out, as SageMaker does."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one instance may take of the machine."""

    cpus: int
    memory_bytes: int
    volume_bytes: int
    """What the program may write, all folders together."""
    processes: int
    max_runtime_seconds: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One training, described whole."""

    id: RunId
    job_name: str
    job_arn: str
    image_uri: str
    image_digest: str
    """What `Runtime.image_digest` answered: the run uses exactly this image."""
    entrypoint: tuple[str, ...]
    """Replaces the image's own command, `train` included; empty means the image's entrypoint with `train`."""
    arguments: tuple[str, ...]
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str]
    channels: tuple[ChannelMount, ...]
    instance_type: str
    instance_count: int
    region: str
    file_format: str
    """`csv` or `parquet`: the FILE_FORMAT variable."""
    limits: Limits
    stop_grace_seconds: int
    checkpoints: DataRef | None = None
    """Has a part for each host, made where it is missing: /opt/ml/checkpoints, which outlives the run."""
    notes: tuple[str, ...] = ()
    """What the log says before the program's first word."""


def is_sharded(run: TrainingRun, channel: ChannelMount) -> bool:
    """Whether each instance gets files of its own of a channel (`shard`)."""
    return run.instance_count > 1 and channel.distribution is Distribution.SHARDED_BY_S3_KEY


@dataclass(frozen=True, slots=True)
class TransformRun:
    """One batch transform: a model is served and every file of some data is put through it."""

    id: RunId
    job_name: str
    job_arn: str
    image_uri: str
    image_digest: str
    environment: Mapping[str, str]
    model_archive: DataRef
    """model.tar.gz, unpacked into /opt/ml/model before the program starts."""
    input_data: DataRef
    content_type: str
    """`text/csv` or `application/x-parquet`. CSV is split by line, Parquet is sent file by file."""
    header: bool
    """Whether each CSV file begins with a header row."""
    accept: str | None
    max_payload_mb: int | None
    """The request's own; None leaves the choice to the container, then to the default of 6."""
    instance_type: str
    instance_count: int
    region: str
    limits: Limits
    ready_timeout_seconds: int
    stop_grace_seconds: int
    notes: tuple[str, ...] = ()
    """What the log says before the program's first word."""


Run = TrainingRun | TransformRun


class Phase(StrEnum):
    """What a run is doing now."""

    ABSENT = "absent"
    """Never started here, or forgotten."""
    RUNNING = "running"
    """Starting, working or stopping: something of it may still be alive."""
    ENDED = "ended"
    """Every process of it is gone; `Observation.end` says how."""


class EndReason(StrEnum):
    """How a run ended. Each has its statusCode in domain/execution/failures.py."""

    EXITED = "exited"
    """The program ended by itself; `exit_code` says how."""
    STOPPED = "stopped"
    """`Runtime.stop` was obeyed."""
    MAX_RUNTIME = "max_runtime"
    """It ran longer than it was given."""
    MEMORY = "memory"
    """It needed more memory than its instance type has."""
    PROCESSES = "processes"
    """It had more processes and threads than it may."""
    VOLUME = "volume"
    """It wrote more bytes or files than its volume holds."""
    IMAGE = "image"
    """The image is gone, or its program could not be started."""
    SANDBOX = "sandbox"
    """The sandbox could not be made."""
    MACHINE = "machine"
    """The machine killed an instance, for no fault of its program: out of memory as a whole, an engine restarted."""
    LOST = "lost"
    """The supervisor died; what it watched was killed."""
    TRANSFORM = "transform"
    """The model served, but a record, an answer or the readiness check failed."""
    PLATFORM = "platform"
    """A fault of ours."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended. `message` is safe to show to the model's owner and names no host path."""

    reason: EndReason
    message: str = ""
    exit_code: int | None = None
    """Of the program; 128 + N where signal N ended it; None where it never ran."""
    failure: str = ""
    """/opt/ml/output/failure: its beginning as the program wrote it, for `domain.container_logs.redacted_failure`."""
    host: str = "algo-1"
    """Whose end it is, where it is one instance's own."""
    instances: int = 1
    started_at_ms: int = 0
    ended_at_ms: int = 0
    log_group: str | None = None
    """Where the members whom a log policy names read what it printed; None where it names nobody."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen of a run at one moment. `end` is present exactly in `Phase.ENDED`."""

    phase: Phase
    end: RunEnd | None = None


ABSENT = Observation(Phase.ABSENT)
RUNNING = Observation(Phase.RUNNING)


MODEL_FOLDER = "/opt/ml/model"
OUTPUT_FOLDER = "/opt/ml/output/data"


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What one instance of an ended run left. Contents are untrusted."""

    host: str
    model: DataRef
    """MODEL_FOLDER, as the program saw it."""
    output: DataRef
    """OUTPUT_FOLDER; of a transform, the `.out` files."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a program wrote, or a note of the supervisor's (stream `platform`)."""

    at_ms: int
    stream: str
    """`stdout`, `stderr` or `platform`."""
    text: str
    host: str = "algo-1"


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """What this machine can do to isolate a run, for `whiteroom doctor` and for refusals."""

    usable: bool
    findings: tuple[Finding, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that `whiteroom doctor` found, and what that comes to."""

    well: bool
    verdict: str
    usable: bool
    """As `SandboxReport`."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was seen, and what to do about it."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    is_absent: bool = False
    """Something that need not be there, and is not: what takes it is refused, and nothing is wrong."""

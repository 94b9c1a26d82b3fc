"""What a run's supervisor gets from the server: everything, once, in one file of the run's folder.

Imported by the supervisor, whose start is on the way to the program's first line: plain
classes and marshal, since dataclasses, typing and json cost it 15 ms each. Server and
supervisor are the same interpreter, so marshal's format is theirs alone.
"""

from __future__ import annotations

import marshal

SPEC_FILE = "spec"
MARKER_FILE = "supervisor.json"
"""Written before anything of the run is started: from then on the run is not started again."""
END_FILE = "end.json"
STOP_FILE = "stop"
ROOM_KEPT = {END_FILE: 64 << 10, STOP_FILE: 64}
"""So much of the disk is taken for each before the run begins: a program that fills the disk can be stopped, and its
end written down, all the same."""
CONTROL_FIFO = "control"
SUPERVISOR_LOG = "supervisor.log"
WORK = "work"
"""Holds what each instance may write, by host: model, output, data, tmp, code, root, and a transform's transformed."""
MODEL, OUTPUT, DATA, TMP, TRANSFORMED = "model", "output", "data", "tmp", "transformed"
CODE, ROOT = "code", "root"
"""What it writes beside its image's programs and anywhere else: nobody looks at it, and it goes with the run."""
USED_BYTES = "used-bytes"
"""Holds a file for each host, as long as what that has in the folder: a length takes no room where there is none."""
USED_FILES = "used-files"
"""Likewise, as long as the number of its files and folders."""
CONFIG = "config"
"""Holds the files of /opt/ml/input/config, in a folder for each host."""
SHARDS = "shards"
"""Holds links to the files of sharded channels, in a folder for each host and channel."""
LENT = "lent"
"""Holds where channels are mounted that are read as they come, in a folder for each host."""
LENT_FILE, LENDER_SOCKET, LENDER_LOG = "lent.json", "lender", "lender.log"
"""What is in each of them, and what lends it: where its supervisor finds that, and what that has for the operator."""
PIPES = "pipes"
"""Holds the FIFOs of channels in Pipe mode, in a folder for each host."""
IN_ENGINE_FILE = "made"
"""There from before something is made in a container engine until it is removed. Runs that live on through an upgrade
have it by this name."""
ENGINE_INPUT = "input"
"""Holds what is at /opt/ml/input of a container, in a folder for each host."""
NO_NAMES_FILE = "resolv.conf"
"""A file of no name servers: a question gets its refusal at once, and none leaves the machine."""
PROFILE_FILE = "seccomp.json"
"""Which system calls a container engine lets programs make."""

PROGRAM_ID = 1000
"""The user and group that a program sees itself as."""


TYPE_CHECKING = False
if TYPE_CHECKING:
    Pipe = tuple[str, str, tuple[str, ...]]
    """A channel in Pipe mode: the folder of its FIFOs, its name, its files in order."""


class Record:
    """A frozen bag of plain values, equal to what marshal gives back."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, **values: object) -> None:
        if set(values) != set(self.__slots__):
            wrong = sorted(set(values) ^ set(self.__slots__))
            raise TypeError(f"{type(self).__name__} takes exactly its own fields; these differ: {', '.join(wrong)}.")
        for name, value in sorted(values.items()):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen.")

    def plain(self) -> dict[str, object]:
        """The fields as a dictionary."""
        return {name: getattr(self, name) for name in self.__slots__}


class Transform(Record):
    """What the supervisor hands to the batch transform's client (transform.TransformJob)."""

    __slots__ = (
        "accept",
        "archive",
        "content_type",
        "files",
        "header",
        "input_folder",
        "max_payload_mb",
        "ready_timeout_seconds",
    )

    archive: str
    input_folder: str
    files: dict[str, tuple[str, ...]]
    """By host, the names in `input_folder` that it transforms."""
    content_type: str
    header: bool
    accept: str | None
    max_payload_mb: int | None
    ready_timeout_seconds: int


class InstanceSpec(Record):
    """One instance of a run."""

    __slots__ = ("address", "command", "environment", "host", "mounts")

    host: str
    address: str
    """Of the run's own network; host names resolve to it on every instance."""
    command: tuple[str, ...]
    environment: dict[str, str]
    mounts: tuple[tuple[str, str, bool], ...]
    """Source on this machine, target in the sandbox, whether it may be written to."""

    @property
    def work(self) -> str:
        """The folder, in the run's, of what it may write."""
        return f"{WORK}/{self.host}"


class Spec(Record):
    """One run, as its supervisor needs it."""

    __slots__ = (
        "bwrap",
        "checkpoints",
        "cpus",
        "devices",
        "filter",
        "first_uid",
        "gpus",
        "image",
        "in_memory",
        "instances",
        "lent",
        "log_file",
        "log_limit_bytes",
        "log_line_characters",
        "max_runtime_seconds",
        "memory_bytes",
        "notes",
        "own_networks",
        "pipes",
        "processes",
        "run_id",
        "sandboxed",
        "shared_memory_bytes",
        "stop_grace_seconds",
        "system",
        "transform",
        "uid_folder",
        "volume_bytes",
        "working_directory",
    )

    run_id: str
    instances: tuple[InstanceSpec, ...]
    notes: tuple[str, ...]
    """Written to the log before the program's first word."""
    checkpoints: str
    """Holds a folder for each host that outlives the run; empty where there is none."""
    in_memory: bool
    """Whether the run's folder is in memory, as all runs' are then (supervisor/sharing.py)."""
    sandboxed: bool
    own_networks: bool
    """Whether each instance has a network of its own, in which none can reach another."""
    bwrap: str
    filter: bytes
    """The seccomp program."""
    pipes: tuple[Pipe, ...]
    lent: tuple[str, ...]
    """Where to mount what is lent, in the order in which it is asked for."""
    system: tuple[tuple[str, str, str], ...]
    """(`bind` or `symlink`, source, target): the host's libraries."""
    image: str
    """The image's folder; its lock file is held as long as the run lasts."""
    working_directory: str
    transform: dict[str, object] | None
    uid_folder: str
    """Where the users of live runs are claimed; used by root alone."""
    first_uid: int
    gpus: int
    """How many each instance has, for itself alone."""
    devices: str
    """The folder of this machine's device nodes."""
    cpus: int
    memory_bytes: int
    shared_memory_bytes: int
    volume_bytes: int
    processes: int
    max_runtime_seconds: int
    stop_grace_seconds: int
    log_file: str
    log_limit_bytes: int
    log_line_characters: int


def draft_of(path: str) -> str:
    """Where a file is written before it has its name."""
    return f"{path}.new"


def dump(spec: Spec) -> bytes:
    """The spec as bytes for `load`."""
    return marshal.dumps({**spec.plain(), "instances": tuple(each.plain() for each in spec.instances)})


def load(data: bytes) -> Spec:
    """The spec that `dump` wrote. The file is the server's own: marshal is not for what others wrote."""
    values = marshal.loads(data)  # noqa: S302
    return Spec(**{**values, "instances": tuple(InstanceSpec(**each) for each in values["instances"])})

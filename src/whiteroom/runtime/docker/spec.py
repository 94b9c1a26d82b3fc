"""What the supervisor of a run in a container engine gets from the server: everything, once, in one file.

Imported by the supervisor: plain classes and marshal, as runtime/spec.py has it.
"""

from __future__ import annotations

import marshal

from whiteroom.runtime.spec import WORK, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from whiteroom.runtime.spec import Pipe

LABEL_FOLDER, LABEL_RUN = "whiteroom.folder", "whiteroom.run"
"""By these everything that Whiteroom makes in an engine is found again, whatever crashed."""
TOOLKITS = "etc"
"""Holds what toolkits write to /etc, beside the other folders that an instance may write to."""
SHELL = "/bin/sh"
SHELL_NAME = "whiteroom"
"""What the shell calls itself where it says that there is no such program."""
NO_NETWORK, RUN_NETWORK, OWN_NETWORK = "none", "run", "own"
"""Its loopback alone; a private one of the run's instances; one of the instance's own, to be reached in from here."""


class ContainerInstance(Record):
    """One instance of a run."""

    __slots__ = ("command", "defaults", "document", "environment", "host", "mounts")

    host: str
    command: tuple[str, ...]
    environment: dict[str, str]
    """What the platform and the member say; it wins over the image's."""
    defaults: dict[str, str]
    """What holds where the image says nothing."""
    mounts: tuple[tuple[str, str, bool], ...]
    """Source on this machine, target in the container, whether it may be written to."""
    document: str | None
    """What POST /containers/create is sent, but for what the supervisor alone knows; None until the image is known."""

    @property
    def work(self) -> str:
        """The folder, in the run's, of what it may write."""
        return f"{WORK}/{self.host}"


class ContainerSpec(Record):
    """One run, as its supervisor needs it."""

    __slots__ = (
        "api_version",
        "bridge",
        "checkpoints",
        "cpus",
        "first_uid",
        "folder_label",
        "follows_entrypoint",
        "gpus",
        "image_digest",
        "image_name",
        "in_memory",
        "instances",
        "is_held",
        "log_file",
        "log_limit_bytes",
        "log_line_characters",
        "max_runtime_seconds",
        "may_pull",
        "memory_bytes",
        "network",
        "notes",
        "oci_runtime",
        "packages",
        "pipes",
        "processes",
        "profile",
        "rootless",
        "run_id",
        "sandboxed",
        "scratch",
        "shared_memory_bytes",
        "socket",
        "stop_grace_seconds",
        "subnets",
        "transform",
        "uid_folder",
        "ulimits",
        "volume_bytes",
    )

    run_id: str
    folder_label: str
    socket: str
    api_version: str
    """What the engine speaks; empty until it has been asked."""
    rootless: bool
    """The engine runs as an ordinary user: root in a container is that user."""
    packages: tuple[str, ...]
    """Where the SDK is found, once something takes it."""
    oci_runtime: str
    """Empty leaves the choice to the engine."""
    image_name: str
    image_digest: str
    may_pull: bool
    follows_entrypoint: bool
    """Whether the command is appended to the image's ENTRYPOINT; else it takes its place."""
    instances: tuple[ContainerInstance, ...]
    network: str
    """NO_NETWORK, RUN_NETWORK or OWN_NETWORK."""
    subnets: tuple[str, ...]
    """For a network of the run's, the first addresses of those to try, /28 each."""
    bridge: str
    """What it is called on this machine: 15 characters at most."""
    is_held: bool
    """Whether programs wait until every instance has been started, and may write where it may."""
    transform: dict[str, Any] | None
    pipes: tuple[Pipe, ...]
    notes: tuple[str, ...]
    checkpoints: str
    in_memory: bool
    """Whether the run's folder is in memory (runtime/spec.py)."""
    uid_folder: str
    first_uid: int
    gpus: int
    """For each instance."""
    cpus: int
    memory_bytes: int
    shared_memory_bytes: int
    volume_bytes: int
    processes: int
    profile: str
    """The file of its profile of system calls (docker/seccomp.py), for engines that read one."""
    ulimits: dict[str, int]
    max_runtime_seconds: int
    stop_grace_seconds: int
    log_file: str
    log_limit_bytes: int
    log_line_characters: int
    scratch: tuple[str, ...]
    """Folders that are the program's with all in them, and its root is to write to; without any it is read-only."""
    sandboxed: bool
    """For the watch: never; /dev/shm is counted by the engine's own limit."""

    @property
    def name(self) -> str:
        """What the run's things in the engine are called: unique among all servers that share it."""
        return f"whiteroom-{self.folder_label}-{self.run_id}"

    def name_of(self, host: str) -> str:
        """An instance's container."""
        return f"{self.name}.{host}"

    def network_of(self, host: str) -> str:
        """The name of the network that an instance is in."""
        return self.name if self.network == RUN_NETWORK else self.name_of(host)

    @property
    def labels(self) -> dict[str, str]:
        """By which they are found again."""
        return {LABEL_FOLDER: self.folder_label, LABEL_RUN: self.run_id}


def dump(spec: ContainerSpec) -> bytes:
    """The spec as bytes for `load`."""
    return marshal.dumps({**spec.plain(), "instances": tuple(each.plain() for each in spec.instances)})


def load(data: bytes) -> ContainerSpec:
    """The spec that `dump` wrote. The file is the server's own: marshal is not for what others wrote."""
    values = marshal.loads(data)  # noqa: S302
    return ContainerSpec(**{**values, "instances": tuple(ContainerInstance(**each) for each in values["instances"])})


def changed(spec: ContainerSpec, **changes: object) -> ContainerSpec:
    """The spec with other values."""
    return ContainerSpec(**{**spec.plain(), **changes})


def volumes(document: str | None) -> list[str]:
    """The volumes that a container of that document has: made with it, and removed by name."""
    import json  # noqa: PLC0415 - long after the start

    mounts = json.loads(document)["HostConfig"]["Mounts"] if document else []
    return [mount["Source"] for mount in mounts if mount["Type"] == "volume"]

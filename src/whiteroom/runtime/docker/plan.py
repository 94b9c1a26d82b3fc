"""A run turned into what the engine is asked for. Pure.

The document is the Engine API's own (POST /containers/create), for Docker and for Podman.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from whiteroom.domain.runs import Run, TrainingRun, TransformRun
from whiteroom.runtime import contract
from whiteroom.runtime import spec as specs
from whiteroom.runtime.docker.engine import LABEL_FOLDER, LABEL_RUN, EngineImage

HOST = "algo-1"
LOOPBACK = "lo"
SHELL = "/bin/sh"
INPUT = "input"
"""A run's folder with what stands at /opt/ml/input."""
WORK = f"{specs.WORK}/{HOST}"
"""What its one instance may write."""

NOWHERE = "192.0.2.1"
"""The name server of a network that leads nowhere (RFC 5737): no question leaves the machine."""
_RUN_BYTES = 16 << 20
_MOUNTED = "rw,nosuid,nodev,noexec"

# The image's own stay: its PATH finds its programs, its HOME what it has put there.
_OF_THE_IMAGE = ("PATH", "VIRTUAL_ENV")
_UNLESS_THE_IMAGE_SAYS = ("HOME", "TMPDIR", "LANG")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What the loader of a program on the host, or NVIDIA's legacy hook, would obey.
_OBEYED_BY_HOOKS = re.compile(r"(LD_|NVIDIA_|CUDA_|GLIBC_|GCONV_|MALLOC_|LOCPATH|NLSPATH|BASH_ENV)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# The shell becomes the program, which so is the container's first process; where there is
# no such program, the shell's last words begin with its name.
_SAYS_SO = "whiteroom"
_SCRIPT = 'while [ "$1" != -- ]; do export "$1"; shift; done; shift; exec "$@"'


class Unsealable(Exception):
    """The image cannot be run safely. The message says what to change."""


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One run, as its supervisor needs it: written once by the server, as JSON."""

    run_id: str
    folder_label: str
    socket: str
    oci_runtime: str
    """Empty leaves the choice to the engine."""
    image_name: str
    image_digest: str
    may_pull: bool
    command: tuple[str, ...]
    follows_entrypoint: bool
    """Whether `command` is appended to the image's ENTRYPOINT; else it takes its place."""
    environment: Mapping[str, str]
    """What the platform and the member say; it wins over the image's."""
    defaults: Mapping[str, str]
    """What holds where the image says nothing."""
    mounts: tuple[tuple[str, str, bool], ...]
    """Source on this machine, target in the container, whether it may be written to."""
    transform: Mapping[str, Any] | None
    notes: tuple[str, ...]
    checkpoints: str
    uid_folder: str
    first_uid: int
    cpus: int
    memory_bytes: int
    shared_memory_bytes: int
    volume_bytes: int
    processes: int
    ulimits: Mapping[str, int]
    max_runtime_seconds: int
    stop_grace_seconds: int
    log_file: str
    log_limit_bytes: int
    log_line_characters: int
    pipes: tuple[specs.Pipe, ...] = ()
    sandboxed: bool = False
    """For the watch: /dev/shm is counted by the engine's own limit."""

    def dump(self) -> str:
        """As text for `load`."""
        return json.dumps(asdict(self))


def load(text: str) -> ContainerSpec:
    """The spec that `ContainerSpec.dump` wrote."""
    values = json.loads(text)
    for name in ("command", "notes", "pipes"):
        values[name] = tuple(values[name])
    values["mounts"] = tuple((source, target, writable) for source, target, writable in values["mounts"])
    return ContainerSpec(**values)


@dataclass(frozen=True, slots=True)
class Told:
    """What a run's program is told."""

    command: tuple[str, ...]
    follows_entrypoint: bool
    environment: Mapping[str, str]
    defaults: Mapping[str, str]
    config_files: Mapping[str, str]


def told(run: Run) -> Told:
    """The container contract, with what belongs to the image left to it."""
    called = contract.invocation(run, (), host=HOST, interface=LOOPBACK)
    own = {name: value for name, value in called.environment.items() if name in run.environment}
    rest = {name: value for name, value in called.environment.items() if name not in own}
    defaults = {name: rest.pop(name) for name in _UNLESS_THE_IMAGE_SAYS if name in rest}
    for name in _OF_THE_IMAGE:
        rest.pop(name, None)
    return Told(
        called.command,
        isinstance(run, TransformRun) or not run.entrypoint,
        {**rest, **own},
        defaults,
        called.config_files,
    )


def mounts(run: Run, folder: str) -> tuple[tuple[str, str, bool], ...]:
    """Input, model and output, each a mount of its own: what the image holds elsewhere in /opt/ml stays visible."""
    work = f"{folder}/{WORK}"
    found = [
        (f"{folder}/{INPUT}", str(contract.INPUT), False),
        (f"{work}/{specs.MODEL}", str(contract.MODEL), True),
        (f"{work}/{specs.OUTPUT}", str(contract.OUTPUT), True),
        (f"{work}/{specs.DATA}", str(contract.OUTPUT_DATA), True),
        # On the disk, which is watched, not in memory: programs put data sets there.
        (f"{work}/{specs.TMP}", "/tmp", True),  # noqa: S108 - the container's own
        (f"{work}/{specs.TMP}", "/var/tmp", True),  # noqa: S108
    ]
    if isinstance(run, TrainingRun):
        if run.checkpoints is not None:
            found.append((str(run.checkpoints.absolute() / HOST), str(contract.CHECKPOINTS), True))
        found += [
            (str(channel.folder.absolute()), str(contract.DATA / channel.name), False) for channel in run.channels
        ]
    return tuple(found)


def environment(spec: ContainerSpec, image: EngineImage) -> dict[str, str]:
    """All that the program sees."""
    return {**spec.defaults, "PATH": _PATH, **image.environment, **spec.environment}


def name_of(spec: ContainerSpec) -> str:
    """What the run's things in the engine are called: unique among all servers that share it."""
    return f"whiteroom-{spec.folder_label}-{spec.run_id}"


def labels_of(spec: ContainerSpec) -> dict[str, str]:
    """By which they are found again."""
    return {LABEL_FOLDER: spec.folder_label, LABEL_RUN: spec.run_id}


def document(
    spec: ContainerSpec,
    image: EngineImage,
    *,
    user: str,
    has_shell: bool,
    network: str | None,
    host_users: bool,
) -> dict[str, Any]:
    """What POST /containers/create is sent.

    Args:
        spec: the run.
        image: what it runs.
        user: `UID:GID`.
        has_shell: whether the image has /bin/sh, which sets the program's variables.
        network: the run's own; None leaves the loopback alone.
        host_users: whether users are not to be remapped, so that `user` is who owns the files.

    Raises:
        Unsealable: without a shell, a variable would have to be shown to the engine that its hooks would obey.
    """
    command = [*image.entrypoint, *spec.command] if spec.follows_entrypoint else list(spec.command)
    variables = environment(spec, image)
    if has_shell:
        settable = [f"{name}={value}" for name, value in sorted(variables.items()) if _NAME.fullmatch(name)]
        command = [SHELL, "-c", _SCRIPT, _SAYS_SO, *settable, "--", *command]
        shown = dict.fromkeys(image.environment, "") | {"PATH": _PATH}
    else:
        obeyed = sorted(name for name in variables if _OBEYED_BY_HOOKS.match(name) and variables[name])
        if obeyed:
            raise Unsealable(
                f"It sets {', '.join(obeyed)}, which the container engine's own programs would "
                f"obey, and has no {SHELL} to set them inside. Add a shell to the image, or take the variables out."
            )
        shown = variables
    return {
        "Image": image.id,
        "Hostname": HOST,
        "User": user,
        # NVIDIA's legacy hook, where it is the engine's default, gives devices to whoever says nothing.
        "Env": [f"{name}={value}" for name, value in sorted({**shown, "NVIDIA_VISIBLE_DEVICES": "void"}.items())],
        "Entrypoint": command,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": labels_of(spec),
        "HostConfig": _host(spec, image, network=network, host_users=host_users),
    }


def _host(spec: ContainerSpec, image: EngineImage, *, network: str | None, host_users: bool) -> dict[str, Any]:
    targets = {target for _, target, _ in spec.mounts}
    bound = [
        {
            "Type": "bind",
            "Source": source,
            "Target": target,
            "ReadOnly": not writable,
            "BindOptions": {"Propagation": "rprivate"},
        }
        for source, target, writable in spec.mounts
    ]
    # A volume that the image asks for would be a disk without a limit: it gets one that it can only read.
    bound += [
        {
            "Type": "volume",
            "Source": f"{name_of(spec)}-{number}",
            "Target": path,
            "ReadOnly": True,
            "VolumeOptions": {"Labels": labels_of(spec)},
        }
        for number, path in enumerate(image.volumes)
        if path not in targets
    ]
    host: dict[str, Any] = {
        "NetworkMode": network or "none",
        "ExtraHosts": [] if network else [f"{HOST}:127.0.0.1"],
        "Dns": [NOWHERE] if network else [],
        "ReadonlyRootfs": True,
        "Privileged": False,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "IpcMode": "private",
        "PidsLimit": spec.processes,
        "Memory": spec.memory_bytes,
        # The same: no swap on top.
        "MemorySwap": spec.memory_bytes,
        "NanoCpus": spec.cpus * 1_000_000_000,
        "ShmSize": spec.shared_memory_bytes,
        "Ulimits": [{"Name": name, "Soft": value, "Hard": value} for name, value in spec.ulimits.items()],
        "Mounts": bound,
        "Tmpfs": {"/run": f"{_MOUNTED},size={_RUN_BYTES},mode=1777"},
        # The supervisor reads it; a copy in the engine would outgrow every limit.
        "LogConfig": {"Type": "none", "Config": {}},
        "RestartPolicy": {"Name": "no"},
        "Init": False,
        "AutoRemove": False,
    }
    if host_users:
        host["UsernsMode"] = "host"
    if spec.oci_runtime:
        host["Runtime"] = spec.oci_runtime
    return host


def program_missing(exit_code: int, first_words: bytes) -> bool:
    """Whether it was the shell that ended, because there is no such program."""
    return exit_code in (126, 127) and first_words.startswith(_SAYS_SO.encode() + b":")

"""Turns a run into the requests to the container engine. Pure.

The document is the Engine API's own (POST /containers/create), for Docker and for Podman.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from whiteroom.domain.execution.runs import Run, TransformRun
from whiteroom.runtime import contract
from whiteroom.runtime import spec as specs
from whiteroom.runtime.docker import seccomp
from whiteroom.runtime.docker.engine import EngineFacts, EngineImage
from whiteroom.runtime.docker.spec import (
    NO_NETWORK,
    OWN_NETWORK,
    RUN_NETWORK,
    SHELL,
    SHELL_NAME,
    TOOLKITS,
    ContainerInstance,
    ContainerSpec,
    changed,
)

_NOBODY_ANSWERS = "127.0.0.1"
"""Where an engine's own resolver would ask for what it does not know: the container's loopback."""
_SUBNETS, _SUBNET_ADDRESSES, _SUBNET_BASE = 8192, 16, (198 << 24) + (18 << 16)
"""Private networks are in 198.18.0.0/15 (RFC 2544), which no machine has: an engine's own pools hold 31."""
_ATTEMPTS = 16
_TOP_PARTS = 2
"""Of a path at the top: `/` and a name."""
_LAYERED = frozenset(("overlay", "overlay2", "overlayfs"))
"""What Podman, Docker and containerd call storage whose layers are folders that can be looked into."""
_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}
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
_HELD = "read -r _ || exit; "
"""Waits until every instance of the run has been started; should the supervisor die first, that is the end."""
_SCRIPT = 'while [ "$1" != -- ]; do export "$1"; shift; done; shift; exec "$@"'


class Unsealable(Exception):
    """The image cannot be run safely. The message says what to change."""


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """What one instance's program gets."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    defaults: Mapping[str, str]
    config_files: Mapping[str, str]


def container_settings(run: Run, host: str) -> ContainerSettings:
    """The container contract, with what belongs to the image left to it."""
    alone = run.instance_count == 1 or isinstance(run, TransformRun)
    called = contract.invocation(run, (contract.role(run),), host=host, interface="lo" if alone else "eth0")
    own = {name: value for name, value in called.environment.items() if name in run.environment}
    rest = {name: value for name, value in called.environment.items() if name not in own}
    defaults = {name: rest.pop(name) for name in _UNLESS_THE_IMAGE_SAYS if name in rest}
    for name in _OF_THE_IMAGE:
        rest.pop(name, None)
    return ContainerSettings(called.command, {**rest, **own}, defaults, called.config_files)


def own_mounts(run: Run, folder: Path, host: str) -> list[tuple[str, str, bool]]:
    """Input, model and output, each a mount of its own: what the image holds elsewhere in /opt/ml stays visible."""
    work = folder / specs.WORK / host
    toolkits = contract.TOOLKIT_FILES if isinstance(run, TransformRun) else ()
    return [
        (str(folder / specs.ENGINE_INPUT / host), str(contract.INPUT), False),
        (str(work / specs.MODEL), str(contract.MODEL), True),
        (str(work / specs.OUTPUT), str(contract.OUTPUT), True),
        (str(work / specs.DATA), str(contract.OUTPUT_DATA), True),
        # On the disk, which is watched, not in memory: programs put data sets there.
        (str(work / specs.TMP), "/tmp", True),  # noqa: S108 - the container's own
        (str(work / specs.TMP), "/var/tmp", True),  # noqa: S108
        (str(folder / specs.NO_NAMES_FILE), "/etc/resolv.conf", False),
        # The root is read-only; these SageMaker's inference toolkits write before they serve.
        *((str(work / TOOLKITS / path.name), str(path), True) for path in toolkits),
    ]


def subnets() -> tuple[str, ...]:
    """Networks for a run to try, one after the other: the first address of each /28."""
    numbers = [secrets.randbelow(_SUBNETS) for _ in range(_ATTEMPTS)]
    return tuple(_dotted(_SUBNET_BASE + number * _SUBNET_ADDRESSES) for number in numbers)


def refusal(oci_runtime: str, gpus: int, facts: EngineFacts) -> str | None:
    """Why an engine cannot run what is asked for; None if it can."""
    if gpus and not facts.has_cdi:
        return (
            f"{facts.name} {facts.version} gives no GPU to a container without NVIDIA's legacy hook, which obeys the "
            "image. Have the operator turn on CDI (Docker 25 or Podman 5.4 and later), or choose an instance type "
            "without GPUs."
        )
    if oci_runtime and oci_runtime not in facts.runtimes:
        return f"{facts.name} {facts.version} has no runtime {oci_runtime}, which the setting docker_runtime names."
    return None


def prepared(
    spec: ContainerSpec, facts: EngineFacts, image: EngineImage, *, has_shell: bool = True, has_scratch: bool = True
) -> ContainerSpec:
    """The spec with what the engine is to be asked for, but for what its supervisor alone knows.

    Args:
        spec: the run.
        facts: the engine.
        image: what it runs.
        has_shell: whether the image has /bin/sh, which sets the program's variables.
        has_scratch: whether what it writes to its root can be watched, as far as is known.

    Raises:
        Unsealable: without a shell, a variable would have to be shown to the engine that its hooks would obey;
            or the image is for another machine.
    """
    if image.machine and facts.machine and image.machine != facts.machine:
        wanted, had = (_NAMES.get(name, name) for name in (image.machine, facts.machine))
        raise Unsealable(f"The image is for {wanted}, and this machine is {had}. Build it for {had}.")
    network = _network(spec, facts)
    scratch = _scratch(spec, facts, image) if has_shell and has_scratch else ()
    spec = changed(
        spec,
        api_version=facts.api_version,
        rootless=facts.rootless,
        network=network,
        scratch=scratch,
        # Its root is made its own once the container is there.
        is_held=has_shell and (spec.is_held or bool(scratch)),
    )
    instances = []
    for own in spec.instances:
        asked_for = document(
            spec, own, image, has_shell=has_shell, host_users=facts.remaps_users, profile=_profile(spec, facts)
        )
        instances.append(ContainerInstance(**{**own.plain(), "document": json.dumps(asked_for)}))
    return changed(spec, instances=tuple(instances))


def _network(spec: ContainerSpec, facts: EngineFacts) -> str:
    if spec.transform is None:
        return RUN_NETWORK if len(spec.instances) > 1 else NO_NETWORK
    # The transform's client enters the container's own network where it can, so that none else is needed.
    return NO_NETWORK if _is_within_reach(spec, facts) else OWN_NETWORK


def _scratch(spec: ContainerSpec, facts: EngineFacts, image: EngineImage) -> tuple[str, ...]:
    """What is to be the program's with all in it, where the layer that takes what it writes can be watched."""
    if facts.storage not in _LAYERED or not _is_within_reach(spec, facts):
        return ()
    here = PurePosixPath(os.path.normpath(image.working_directory))
    # Engines mount files below /etc.
    own = len(here.parts) > _TOP_PARTS and here.parts[1] != "etc"
    return tuple(sorted({str(contract.CODE), *([str(here)] if own else [])}))


def _is_within_reach(spec: ContainerSpec, facts: EngineFacts) -> bool:
    """Whether a container is processes of this machine whose namespaces and folders the supervisor may enter."""
    return spec.oci_runtime in {"", "runc", "crun"} and (os.geteuid() == 0 or facts.rootless)


def environment(own: ContainerInstance, image: EngineImage) -> dict[str, str]:
    """All that the program sees."""
    return {**own.defaults, "PATH": _PATH, **image.environment, **own.environment}


def document(
    spec: ContainerSpec,
    own: ContainerInstance,
    image: EngineImage,
    *,
    has_shell: bool,
    host_users: bool,
    profile: str | None,
) -> dict[str, Any]:
    """What POST /containers/create is sent, but for the user, addresses and devices (docker/fleet.py).

    Args:
        spec: the run.
        own: the instance's part of `spec`.
        image: what it runs.
        has_shell: whether the image has /bin/sh, which sets the program's variables.
        host_users: whether users are not to be remapped, so that the one in there is who owns the files.
        profile: of system calls, as the engine takes it; None leaves its default.

    Raises:
        Unsealable: as `prepared`.
    """
    command = [*image.entrypoint, *own.command] if spec.follows_entrypoint else list(own.command)
    variables = environment(own, image)
    if has_shell:
        settable = [f"{name}={value}" for name, value in sorted(variables.items()) if _NAME.fullmatch(name)]
        script = _HELD + _SCRIPT if spec.is_held else _SCRIPT
        command = [SHELL, "-c", script, SHELL_NAME, *settable, "--", *command]
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
        "Hostname": own.host,
        # NVIDIA's legacy hook, where it is the engine's default, gives devices to whoever says nothing.
        "Env": [f"{name}={value}" for name, value in sorted({**shown, "NVIDIA_VISIBLE_DEVICES": "void"}.items())],
        "Entrypoint": command,
        "AttachStdin": spec.is_held,
        "OpenStdin": spec.is_held,
        "StdinOnce": spec.is_held,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": spec.labels,
        "HostConfig": _host(spec, own, image, host_users=host_users, profile=profile),
    }


def _profile(spec: ContainerSpec, facts: EngineFacts) -> str | None:
    """Docker takes a profile itself, Podman the name of its file."""
    found = seccomp.profile(facts.machine)
    if found is None:
        return None
    return spec.profile if facts.name == "Podman" else json.dumps(found)


def _host(
    spec: ContainerSpec, own: ContainerInstance, image: EngineImage, *, host_users: bool, profile: str | None
) -> dict[str, Any]:
    targets = {target for _, target, _ in own.mounts}
    bound = [
        {
            "Type": "bind",
            "Source": source,
            "Target": target,
            "ReadOnly": not writable,
            "BindOptions": {"Propagation": "rprivate"},
        }
        for source, target, writable in own.mounts
    ]
    # A volume that the image asks for would be a disk without a limit: it gets one that it can only read.
    bound += [
        {
            "Type": "volume",
            "Source": f"{spec.name_of(own.host)}-{number}",
            "Target": path,
            "ReadOnly": True,
            "VolumeOptions": {"Labels": spec.labels},
        }
        for number, path in enumerate(image.volumes)
        if path not in targets
    ]
    alone = spec.network == NO_NETWORK
    host: dict[str, Any] = {
        "NetworkMode": NO_NETWORK if alone else spec.network_of(own.host),
        "ExtraHosts": [f"{own.host}:127.0.0.1"] if alone else [],
        "Dns": [] if alone else [_NOBODY_ANSWERS],
        "ReadonlyRootfs": not spec.scratch,
        "Privileged": False,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", *([f"seccomp={profile}"] if profile else [])],
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


def _dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))

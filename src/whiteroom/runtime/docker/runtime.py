"""The second runtime: images of Docker or Podman, one container a run, with a supervisor that outlives the server.

DATA/containers/ID/     one run, as DATA/runs/ID is one of the sandbox's
DATA/logs/ID.jsonl      its log

What a run has in the engine carries the data folder's label and the run's (engine.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from whiteroom.domain.execution.data import DataKind
from whiteroom.domain.execution.runs import Finding, Run, SandboxReport, TrainingRun, TransformRun
from whiteroom.ports.data import LocalData
from whiteroom.ports.runtime import ImageNotFound, RunRefused
from whiteroom.processes.children import LOCK
from whiteroom.runtime import contract, folders, lending
from whiteroom.runtime import spec as specs
from whiteroom.runtime.docker import plan as docker_plan
from whiteroom.runtime.docker import seccomp
from whiteroom.runtime.docker.calls import EngineFailed, NotThere
from whiteroom.runtime.docker.engine import Engine, EngineFacts, EngineImage, may_pull
from whiteroom.runtime.docker.spec import NO_NETWORK, TOOLKITS, ContainerInstance, ContainerSpec, dump
from whiteroom.runtime.supervised import SupervisedRuntime

_QUICK_SECONDS = 5.0
_SILENT_SECONDS = 30.0
"""An engine that let a call run out is left alone for so long: controllers have other jobs to see to."""
_REGISTRY_SECONDS = 30.0
_KNOWN_SECONDS = 60.0
_REMOVE_SECONDS = 30.0
_MAX_OPEN_FILES = 65_536
_MAX_PROCESSES = 32_768


class DockerRuntime(SupervisedRuntime):
    """Runs containers of one engine of this machine (ports.Runtime)."""

    supervises = "whiteroom.runtime.docker.fleet"
    leaves = DataKind.CONTAINER_OUTPUT

    def __init__(
        self,
        folder: Path,
        data: LocalData,
        *,
        socket: str,
        oci_runtime: str = "",
        pull_from: tuple[str, ...] = (),
        in_memory: bool = False,
        log_limit_bytes: int = 256 << 20,
        log_line_characters: int = 1 << 16,
    ) -> None:
        """Take over what runs for `folder`, and remove what a crash left in the engine.

        Args:
            folder: the server's data folder.
            data: says where what runs are given is, and takes what they leave.
            socket: the engine's, of Docker or Podman.
            oci_runtime: which of the engine's runtimes runs containers; empty for its default.
            pull_from: registries and repositories that images may be pulled from.
            in_memory: whether the folders of runs are in memory, which all of them share.
            log_limit_bytes: how much of one run's output is kept.
            log_line_characters: how much of one line is kept.
        """
        self._socket, self._oci_runtime, self._pull_from = socket, oci_runtime, pull_from
        self._known: EngineFacts | None = None
        self._asked_again = 0.0
        self._silent_until = 0.0
        self._label = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:12]
        super().__init__(
            folder,
            data,
            in_memory=in_memory,
            log_limit_bytes=log_limit_bytes,
            log_line_characters=log_line_characters,
        )

    @property
    def is_there(self) -> bool:
        """Whether this machine has the engine's socket at all."""
        return bool(self._socket) and Path(self._socket).exists()

    def image_digest(self, image_uri: str) -> str:
        """See ports.Runtime. An image that must be pulled first is named by its registry's digest."""
        try:
            with self._asking() as engine:
                image = engine.image(image_uri)
            if image is not None:
                return image.id
            if may_pull(image_uri, self._pull_from):
                with self._asking(_REGISTRY_SECONDS) as engine:
                    return engine.registry_digest(image_uri)
        except NotThere as problem:
            raise ImageNotFound(f"Neither the container engine nor its registry has {image_uri}: {problem}") from None
        except EngineFailed as problem:
            raise ImageNotFound(f"The container engine cannot find {image_uri}: {_brief(problem)}.") from None
        raise ImageNotFound(
            f"The container engine has no image {image_uri}, and the setting docker_pull names no place that it could "
            "be pulled from. Pull it by hand, or build a local one with `whiteroom images build`."
        )

    def kill_orphans(self, folder: Path) -> bool:
        """Remove what a dead supervisor left in the engine; False while the engine does not answer."""
        if not (folder / specs.IN_ENGINE_FILE).exists():
            return True
        try:
            with self._asking():
                pass  # it answers at all: removing may take longer than that
            with self._asking(_REMOVE_SECONDS) as engine:
                engine.remove(self._label, folder.name)
        except EngineFailed:
            return False
        (folder / specs.IN_ENGINE_FILE).unlink(missing_ok=True)
        return True

    def environment(self) -> dict[str, str]:
        """As the sandbox's, and where the SDK finds credentials of registries."""
        kept = {name: os.environ[name] for name in ("HOME", "DOCKER_CONFIG") if name in os.environ}
        # A helper that keeps the credentials is found on PATH.
        return {**super().environment(), **kept, "PATH": os.environ.get("PATH", os.defpath)}

    def report(self) -> SandboxReport:
        """See ports.Runtime."""
        finding = self._finding()
        return SandboxReport(finding.ok, (finding,))

    def _finding(self) -> Finding:
        if not self.is_there:
            where = f"at {self._socket}" if self._socket else "named by the setting docker_socket"
            return Finding("container engine", True, f"There is none {where}: only local images run.")
        try:
            engine = Engine(self._socket, _QUICK_SECONDS)
        except EngineFailed as problem:
            return Finding(
                "container engine",
                False,
                f"The one at {self._socket} does not answer: {_brief(problem)}.",
                'Start it, let the server\'s user use its socket, or set docker_socket = "".',
            )
        try:
            facts = engine.facts()
        except EngineFailed as problem:
            return Finding("container engine", False, f"It fails: {_brief(problem)}.", "Look into its own log.")
        finally:
            engine.close()
        if self._oci_runtime and self._oci_runtime not in facts.runtimes:
            return Finding(
                "container engine",
                False,
                f"{facts.name} {facts.version} has no runtime {self._oci_runtime}; it has {', '.join(facts.runtimes)}.",
                "Register it with the engine, or change the setting docker_runtime.",
            )
        if facts.rootless:
            who = "the server's user, in namespaces of the engine's"
        else:
            who = "a user of its own" if os.geteuid() == 0 else "the server's user, without privileges"
        pulls = f"images are pulled from {', '.join(self._pull_from)}" if self._pull_from else "no image is pulled"
        runtime = f", {self._oci_runtime}" if self._oci_runtime else ""
        return Finding(
            "container engine", True, f"{facts.name} {facts.version}{runtime}: programs run as {who}; {pulls}."
        )

    def _refuse(self, run: Run) -> None:
        facts = self._facts()
        refused = docker_plan.refusal(self._oci_runtime, run.limits.gpus, facts) if facts else None
        if refused is not None:
            raise RunRefused(refused)

    @contextlib.contextmanager
    def _asking(self, timeout_seconds: float | None = None, version: str = "auto") -> Iterator[Engine]:
        """A connection to the engine, for a few calls that have so long each; quick ones by default.

        Raises:
            EngineFailed: it does not answer, or let a call run out a moment ago and is not asked again yet.
        """
        began, timeout_seconds = time.monotonic(), timeout_seconds or _QUICK_SECONDS
        if began < self._silent_until:
            raise EngineFailed("it takes calls and does not answer; it is asked again in half a minute")
        try:
            with contextlib.closing(Engine(self._socket, timeout_seconds, version)) as engine:
                yield engine
        except NotThere:
            raise
        except EngineFailed:
            if time.monotonic() - began >= timeout_seconds:
                self._silent_until = time.monotonic() + _SILENT_SECONDS
            raise

    def _facts(self) -> EngineFacts | None:
        """What the engine is, asked once a minute; None while it does not answer."""
        if time.monotonic() > self._asked_again:
            try:
                with self._asking() as engine:
                    self._known = engine.facts()
            except EngineFailed:
                return None
            self._asked_again = time.monotonic() + _KNOWN_SECONDS
        return self._known

    def _image(self, digest: str, facts: EngineFacts | None) -> EngineImage | None:
        """The image of that digest, where the engine has it already."""
        if facts is None:
            return None
        try:
            with self._asking(version=facts.api_version) as engine:
                return engine.image(digest)
        except EngineFailed:
            return None

    def _fill(self, run: Run, new: Path, final: Path) -> None:
        """Write the run's folder as its supervisor wants to find it."""
        lending.bring_all(run, self._data)
        new.chmod(0o700)
        for name in (specs.WORK, specs.ENGINE_INPUT):
            (new / name).mkdir()
        (new / specs.NO_NAMES_FILE).write_text("# There are no name servers: instances are in /etc/hosts.\n")
        (new / specs.NO_NAMES_FILE).chmod(0o644)
        members, pipes = [], []
        for number, host in enumerate(contract.hosts(run.instance_count)):
            container = docker_plan.container_settings(run, host)
            folders.make_work(run, new, host)
            _make_toolkit_files(run, new / specs.WORK / host / TOOLKITS)
            _make_input(run, new / specs.ENGINE_INPUT / host, container.config_files)
            pipes += folders.make_pipes(run, self._data, new, host, number)
            mounts = docker_plan.own_mounts(run, final, host)
            mounts += folders.checkpoint_mounts(run, self._data, host)
            mounts += folders.channel_mounts(run, self._data, new, final, host, number)
            members.append(
                ContainerInstance(
                    host=host,
                    command=container.command,
                    environment=dict(container.environment),
                    defaults=dict(container.defaults),
                    mounts=tuple(mounts),
                    document=None,
                )
            )
        folders.make_records(new)
        (new / LOCK).touch(mode=0o600)
        _write_profile(new / specs.PROFILE_FILE)
        spec = self._spec(run, tuple(members), tuple(pipes), str(final / specs.PROFILE_FILE))
        facts = self._facts()
        image = self._image(run.image_digest, facts)
        if facts is not None and image is not None:
            try:
                # The supervisor has less to find out, and the program starts the sooner.
                spec = docker_plan.prepared(spec, facts, image)
            except docker_plan.Unsealable as problem:
                raise ImageNotFound(str(problem)) from None
        (new / specs.SPEC_FILE).write_bytes(dump(spec))

    def _spec(
        self, run: Run, members: tuple[ContainerInstance, ...], pipes: tuple[specs.Pipe, ...], profile: str
    ) -> ContainerSpec:
        limits = run.limits
        return ContainerSpec(
            run_id=run.id,
            folder_label=self._label,
            socket=self._socket,
            api_version="",
            rootless=False,
            packages=tuple(path for path in sys.path if Path(path).is_absolute()),
            oci_runtime=self._oci_runtime,
            image_name=run.image_uri,
            image_digest=run.image_digest,
            may_pull=may_pull(run.image_uri, self._pull_from),
            follows_entrypoint=not (isinstance(run, TrainingRun) and run.entrypoint),
            instances=members,
            network=NO_NETWORK,
            subnets=docker_plan.subnets(),
            bridge=f"wr{hashlib.sha256(f'{self._label}-{run.id}'.encode()).hexdigest()[:12]}",
            is_held=isinstance(run, TrainingRun) and len(members) > 1,
            transform=folders.transform_spec(run, self._data).plain() if isinstance(run, TransformRun) else None,
            pipes=pipes,
            notes=run.notes,
            checkpoints=folders.checkpoints_of(run, self._data),
            in_memory=self._in_memory,
            uid_folder=str(self._folder / "users"),
            first_uid=self.first_uid,
            gpus=limits.gpus,
            cpus=limits.cpus,
            memory_bytes=limits.memory_bytes,
            shared_memory_bytes=max(limits.memory_bytes // 2, 1 << 20),
            volume_bytes=limits.volume_bytes,
            processes=limits.processes,
            profile=profile,
            ulimits=_ulimits(limits.volume_bytes),
            max_runtime_seconds=limits.max_runtime_seconds,
            stop_grace_seconds=run.stop_grace_seconds,
            log_file=str(self._log_file(run.id)),
            log_limit_bytes=self._log_limit_bytes,
            log_line_characters=self._log_line_characters,
            scratch=(),
            sandboxed=False,
        )

    def _sweep(self) -> None:
        """As the sandbox's; and remove from the engine what belongs to no run here."""
        super()._sweep()
        if not (self._runs.is_dir() and self.is_there):
            return
        with contextlib.suppress(EngineFailed), self._asking() as engine:
            # What a folder stands for is its supervisor's, or for `observe` to judge.
            for run_id in engine.runs(self._label):
                if not (self._runs / run_id).exists():
                    engine.remove(self._label, run_id)


def _make_input(run: Run, place: Path, config_files: Mapping[str, str]) -> None:
    """The folder that becomes /opt/ml/input, with places for what is mounted below it."""
    place.mkdir(mode=0o755)
    folders.write_config(place / "config", config_files)
    (place / "data").mkdir(mode=0o755)
    if isinstance(run, TrainingRun):
        for channel in run.channels:
            (place / "data" / channel.name).mkdir(mode=0o755)


def _write_profile(file: Path) -> None:
    """The profile of system calls for this machine, as Podman reads it; empty where there is none."""
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    found = seccomp.profile(names.get(os.uname().machine, ""))
    file.write_text("" if found is None else json.dumps(found))


def _make_toolkit_files(run: Run, place: Path) -> None:
    """The files of /etc that a model server's toolkit may write."""
    if isinstance(run, TransformRun):
        place.mkdir(mode=0o755)
        for path in contract.TOOLKIT_FILES:
            (place / path.name).touch(mode=0o644)


def _ulimits(volume_bytes: int) -> dict[str, int]:
    """The limits of a single process, none above this machine's: not every engine may raise one."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    return {
        "core": 0,
        "fsize": volume_bytes,
        "msgqueue": 0,
        "nofile": min(_MAX_OPEN_FILES, files),
        # Podman would raise it. What holds is the container's own limit, which counts the same.
        "nproc": min(_MAX_PROCESSES, processes) if processes > 0 else _MAX_PROCESSES,
    }


def _brief(problem: Exception) -> str:
    return str(problem).splitlines()[0][:200].rstrip(".")

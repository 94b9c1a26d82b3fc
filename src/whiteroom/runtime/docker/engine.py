"""The container engine: the only place that talks to Docker or Podman, by the docker SDK.

Everything that Whiteroom makes in an engine carries two labels: the data folder's and the
run's. By them it is found again, whatever crashed.
"""

from __future__ import annotations

import contextlib
import re
import socket as socketlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker import errors
from docker.api.client import APIClient

from whiteroom.runtime.supervisor.hosts import Cancelled

LABEL_FOLDER, LABEL_RUN = "whiteroom.folder", "whiteroom.run"
_TIMEOUT_SECONDS = 30
_CONFLICT = 409
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DOCKER_HUB = "docker.io"


class EngineFailed(Exception):
    """The engine cannot be reached, or refused. The message is its own words."""


class NoSuchImage(EngineFailed):
    """Neither the engine nor the registry has that image."""


@dataclass(frozen=True, slots=True)
class EngineImage:
    """What a container needs to know of its image."""

    id: str
    """`sha256:HEX`: starts exactly this image, whatever its name comes to mean."""
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str]
    volumes: tuple[str, ...]
    """Where the image wants volumes: the engine would make a writable one for each."""
    machine: str
    """The architecture it is for, in the engine's words."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine says of itself."""

    name: str
    version: str
    machine: str
    rootless: bool
    """It runs as an ordinary user: root in a container is that user."""
    remaps_users: bool
    runtimes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container at one moment."""

    running: bool
    pid: int
    """Its first process, as this machine numbers it; 0 while there is none."""
    exit_code: int
    memory_killed: bool
    error: str
    address: str
    """In the run's own network; empty where it has none."""


class Engine:
    """One connection to an engine's socket. For one thread."""

    def __init__(self, socket: str, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        """Connect.

        Raises:
            EngineFailed: nothing answers there.
        """
        with _translated():
            with socketlib.socket(socketlib.AF_UNIX) as probe:
                # First without the SDK, which leaves a socket open that it cannot connect.
                probe.settimeout(timeout_seconds)
                probe.connect(socket)
            # `auto` asks the engine for its version: an old one knows no newer calls.
            self._api = APIClient(base_url=f"unix://{socket}", version="auto", timeout=timeout_seconds)

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def facts(self) -> EngineFacts:
        """What the engine says of itself."""
        with _translated():
            info, version = self._api.info(), self._api.version()
        options = " ".join(info.get("SecurityOptions") or ())
        components = [part.get("Name", "") for part in version.get("Components") or ()]
        return EngineFacts(
            name="Podman" if any("Podman" in name for name in components) else "Docker",
            version=str(version.get("Version", "")),
            machine=str(version.get("Arch", "")),
            rootless="name=rootless" in options,
            remaps_users="name=userns" in options,
            runtimes=tuple(sorted(info.get("Runtimes") or ())),
        )

    def image(self, reference: str) -> EngineImage | None:
        """The image of that name, id or digest; None if the engine has none."""
        try:
            with _translated():
                found = self._api.inspect_image(reference)
        except NoSuchImage:
            return None
        config = found.get("Config") or {}
        pairs = (entry.partition("=") for entry in config.get("Env") or ())
        # An entrypoint in shell form is a list already: `/bin/sh -c ...`.
        return EngineImage(
            id=found["Id"],
            entrypoint=tuple(config.get("Entrypoint") or ()),
            environment={name: value for name, _, value in pairs if name},
            volumes=tuple(sorted(config.get("Volumes") or ())),
            machine=str(found.get("Architecture", "")),
        )

    def registry_digest(self, reference: str) -> str:
        """The digest that the registry has under that name now.

        Raises:
            NoSuchImage: it has none, or does not say.
        """
        with _translated():
            digest = str(self._api.inspect_distribution(reference)["Descriptor"]["digest"])
        if not _DIGEST.fullmatch(digest):
            raise NoSuchImage(f"The registry answered with {digest[:80]!r}, which is no digest.")
        return digest

    def pull(self, name: str, digest: str, wanted: Callable[[], bool]) -> None:
        """Bring an image from its registry, by digest.

        Raises:
            Cancelled: `wanted` answered no.
            NoSuchImage: the registry refused.
        """
        with _translated():
            said = self._api.pull(name, tag=digest, stream=True, decode=True)
            with contextlib.closing(said):
                for line in said:
                    if "error" in line:
                        raise NoSuchImage(str(line["error"]))
                    if not wanted():
                        raise Cancelled

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Make a network that leads nowhere."""
        with _translated():
            self._api.create_network(name, driver="bridge", internal=True, labels=dict(labels))

    def create(self, name: str, configuration: Mapping[str, Any]) -> str:
        """Make a container of an API document, and answer its id."""
        with _translated():
            return str(self._api.create_container_from_config(dict(configuration), name)["Id"])

    def has_file(self, container: str, path: str) -> bool:
        """Whether a container that has been made has that path."""
        try:
            with _translated():
                stream, _ = self._api.get_archive(container, path)
                stream.close()
        except NoSuchImage:
            return False
        return True

    def attach(self, container: str) -> Any:
        """What the container writes from its start on: a socket of frames (output.py)."""
        with _translated():
            return self._api.attach_socket(container, {"stdout": 1, "stderr": 1, "stream": 1})

    def start(self, container: str) -> None:
        """Start it."""
        with _translated():
            self._api.start(container)

    def wait(self, container: str) -> None:
        """Return once it does not run."""
        with _translated():
            self._api.wait(container, timeout=None)

    def signal(self, container: str, name: str) -> None:
        """Send its first process a signal; one that does not run is a success."""
        with _translated(), contextlib.suppress(errors.APIError):
            self._api.kill(container, signal=name)

    def state(self, container: str) -> ContainerState | None:
        """What it is doing; None if there is no such container."""
        try:
            with _translated():
                found = self._api.inspect_container(container)
        except NoSuchImage:
            return None
        state = found["State"]
        networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
        addresses = [network.get("IPAddress") for network in networks.values() if network.get("IPAddress")]
        return ContainerState(
            running=bool(state.get("Running")),
            pid=int(state.get("Pid") or 0),
            exit_code=int(state.get("ExitCode") or 0),
            memory_killed=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
            address=addresses[0] if addresses else "",
        )

    def remove_container(self, container: str) -> None:
        """Kill and delete one container."""
        with _translated(), _already_gone():
            self._api.remove_container(container, v=True, force=True)

    def runs(self, folder: str) -> set[str]:
        """Every run of a data folder that still has something here."""
        wanted = {"label": f"{LABEL_FOLDER}={folder}"}
        with _translated():
            things = self._api.containers(all=True, filters=wanted) + self._api.networks(filters=wanted)
            things += self._api.volumes(filters=wanted)["Volumes"] or []
        return {run for thing in things if (run := (thing.get("Labels") or {}).get(LABEL_RUN))}

    def remove(self, folder: str, run: str) -> None:
        """Kill and delete everything of one run: containers, their volumes, networks. Nothing there is a success."""
        wanted = {"label": [f"{LABEL_FOLDER}={folder}", f"{LABEL_RUN}={run}"]}
        with _translated():
            for container in self._api.containers(all=True, filters=wanted):
                with _already_gone():
                    self._api.remove_container(container["Id"], v=True, force=True)
            for network in self._api.networks(filters=wanted):
                with _already_gone():
                    self._api.remove_network(network["Id"])
            for volume in self._api.volumes(filters=wanted)["Volumes"] or []:
                with _already_gone():
                    self._api.remove_volume(volume["Name"], force=True)


def canonical(reference: str) -> str:
    """A reference's repository with its registry: `python:3.12` is `docker.io/library/python`."""
    name = repository(reference)
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name if first != "index.docker.io" else f"{_DOCKER_HUB}/{rest}"
    return f"{_DOCKER_HUB}/{name}" if slash else f"{_DOCKER_HUB}/library/{name}"


def repository(reference: str) -> str:
    """A reference without its tag and digest."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def may_pull(reference: str, allowed: tuple[str, ...]) -> bool:
    """Whether a reference lies in one of the registries or below one of the repositories. Whole parts count."""
    name = canonical(reference)
    return any(name == place or name.startswith(f"{place}/") for place in (entry.rstrip("/") for entry in allowed))


@contextmanager
def _translated() -> Iterator[None]:
    """The SDK's many errors as ours."""
    try:
        yield
    except errors.NotFound as problem:
        raise NoSuchImage(_words(problem)) from None
    except (errors.DockerException, OSError) as problem:  # what `requests` raises is an OSError
        raise EngineFailed(_words(problem)) from None


@contextmanager
def _already_gone() -> Iterator[None]:
    """Somebody else was faster: gone, or on its way."""
    try:
        yield
    except errors.NotFound:
        return
    except errors.APIError as problem:
        if problem.status_code != _CONFLICT:
            raise


def _words(problem: Exception) -> str:
    explanation = getattr(problem, "explanation", None) or problem
    return str(explanation).strip() or type(problem).__name__

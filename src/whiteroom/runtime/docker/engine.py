"""The container engine, Docker or Podman, by the docker SDK: what it is, its images, and what a crash left in it.

A container's own life is a handful of calls, which the supervisor makes itself (calls.py).
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

from docker import errors
from docker.api.client import APIClient

from whiteroom.runtime.docker.calls import EngineFailed, NotThere
from whiteroom.runtime.docker.spec import LABEL_FOLDER, LABEL_RUN
from whiteroom.runtime.supervisor.hosts import Cancelled

_TIMEOUT_SECONDS = 30
_CONFLICT = 409
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DOCKER_HUB = "docker.io"
_PODMAN_CDI = (5, 4)
"""From here on Podman heeds such requests on this API."""


@dataclass(frozen=True, slots=True)
class EngineImage:
    """What a container needs to know of its image."""

    id: str
    """`sha256:HEX`: starts exactly this image, whatever its name comes to mean."""
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str]
    volumes: tuple[str, ...]
    """Where the image wants volumes: the engine would make a writable one for each."""
    working_directory: str
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
    storage: str
    """What keeps its images and containers."""
    api_version: str
    has_cdi: bool
    """It hands devices out by the Container Device Interface, without a hook of NVIDIA's."""


class Engine:
    """One connection to an engine's socket. For one thread."""

    def __init__(self, socket: str, timeout_seconds: float = _TIMEOUT_SECONDS, version: str = "auto") -> None:
        """Connect.

        Args:
            socket: the engine's.
            timeout_seconds: for each call.
            version: of its API; `auto` asks for it first, since an old engine knows no newer calls.

        Raises:
            EngineFailed: nothing answers there.
        """
        with _translated():
            with socketlib.socket(socketlib.AF_UNIX) as probe:
                # First without the SDK, which leaves a socket open that it cannot connect.
                probe.settimeout(timeout_seconds)
                probe.connect(socket)
            self._api = APIClient(base_url=f"unix://{socket}", version=version, timeout=timeout_seconds)

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def facts(self) -> EngineFacts:
        """What the engine says of itself."""
        with _translated():
            info, version = self._api.info(), self._api.version()
        options = " ".join(info.get("SecurityOptions") or ())
        components = [part.get("Name", "") for part in version.get("Components") or ()]
        is_podman = any("Podman" in name for name in components)
        number = str(version.get("Version", ""))
        return EngineFacts(
            name="Podman" if is_podman else "Docker",
            version=number,
            machine=str(version.get("Arch", "")),
            # Podman has a field of its own for it.
            rootless="name=rootless" in options or bool(info.get("Rootless")),
            remaps_users="name=userns" in options,
            runtimes=tuple(sorted(info.get("Runtimes") or ())),
            storage=str(info.get("Driver", "")),
            api_version=str(self._api.api_version),
            # Docker lists where it looks for such devices, and nothing where it does not.
            has_cdi=_numbers(number) >= _PODMAN_CDI if is_podman else bool(info.get("CDISpecDirs")),
        )

    def image(self, reference: str) -> EngineImage | None:
        """The image of that name, id or digest; None if the engine has none."""
        try:
            with _translated():
                found = self._api.inspect_image(reference)
        except NotThere:
            return None
        config = found.get("Config") or {}
        pairs = (entry.partition("=") for entry in config.get("Env") or ())
        # An entrypoint in shell form is a list already: `/bin/sh -c ...`.
        return EngineImage(
            id=found["Id"],
            entrypoint=tuple(config.get("Entrypoint") or ()),
            environment={name: value for name, _, value in pairs if name},
            volumes=tuple(sorted(config.get("Volumes") or ())),
            working_directory=str(config.get("WorkingDir") or "/"),
            machine=str(found.get("Architecture", "")),
        )

    def registry_digest(self, reference: str) -> str:
        """The digest that the registry has under that name now.

        Raises:
            NotThere: it has none, or does not say.
        """
        with _translated():
            digest = str(self._api.inspect_distribution(reference)["Descriptor"]["digest"])
        if not _DIGEST.fullmatch(digest):
            raise NotThere(f"The registry answered with {digest[:80]!r}, which is no digest.")
        return digest

    def pull(self, name: str, digest: str, wanted: Callable[[], bool]) -> None:
        """Bring an image from its registry, by digest.

        Raises:
            Cancelled: `wanted` answered no.
            NotThere: the registry refused.
        """
        with _translated():
            said = self._api.pull(name, tag=digest, stream=True, decode=True)
            with contextlib.closing(said):
                for line in said:
                    if "error" in line:
                        raise NotThere(str(line["error"]))
                    if not wanted():
                        raise Cancelled

    def has_file(self, container: str, path: str) -> bool:
        """Whether a container that has been made has that path."""
        try:
            with _translated():
                stream, _ = self._api.get_archive(container, path)
                stream.close()
        except NotThere:
            return False
        return True

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
            volumes: set[str] = set()
            for container in self._api.containers(all=True, filters=wanted):
                # Podman gives them no labels.
                mounts = [mount.get("Name") or "" for mount in container.get("Mounts") or ()]
                volumes |= {name for name in mounts if name.startswith(f"whiteroom-{folder}-{run}.")}
                with _already_gone():
                    self._api.remove_container(container["Id"], v=True, force=True)
            for network in self._api.networks(filters=wanted):
                with _already_gone():
                    self._api.remove_network(network["Id"])
            volumes |= {volume["Name"] for volume in self._api.volumes(filters=wanted)["Volumes"] or []}
            for name in sorted(volumes):
                with _already_gone():
                    self._api.remove_volume(name, force=True)


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
    """Whether a reference is in one of the registries or below one of the repositories. Whole parts count."""
    name = canonical(reference)
    return any(name == place or name.startswith(f"{place}/") for place in (entry.rstrip("/") for entry in allowed))


@contextmanager
def _translated() -> Iterator[None]:
    """The SDK's many errors as ours."""
    try:
        yield
    except errors.NotFound as problem:
        raise NotThere(_words(problem)) from None
    except (errors.DockerException, OSError) as problem:  # what `requests` raises is an OSError
        if "timed out" in str(problem):
            raise EngineFailed("it takes calls and does not answer") from None
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


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _words(problem: Exception) -> str:
    explanation = getattr(problem, "explanation", None) or problem
    return str(explanation).strip() or type(problem).__name__

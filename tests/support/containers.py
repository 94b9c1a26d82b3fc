"""The server's own container image, built on a Debian that debootstrap makes, and a server in it.

The Debian is kept in $XDG_CACHE_HOME/whiteroom-tests, beside the wheels that the image's lock names: what the
Containerfile installs comes out of the base, so that building needs no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.api.client import APIClient

from support.patience import Patience
from support.real import cache, cannot_run

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
LOCK = ROOT / "requirements" / "container.lock"
COMPOSE: Any = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
SERVICE = COMPOSE["services"]["whiteroom"]
BASE, IMAGE = "whiteroom-tests-debian:latest", "whiteroom-tests-server:latest"
SUITE, PYTHON = "bookworm", "3.11"
"""Debian's release, and its Python."""
PACKAGES = "ca-certificates,python3,python3-venv"
PIP_SETTINGS = "[global]\nno-index = true\nfind-links = /wheels\n"
START_SECONDS = 60


@dataclass(frozen=True)
class Contained:
    """A server in a container that shares the machine's network."""

    api: APIClient
    id: str

    def __call__(self, *command: str) -> str:
        """Run a command in the container; what it prints."""
        code, output = self.ended(*command)
        assert code == 0, (command, output)
        return output

    def ended(self, *command: str) -> tuple[int, str]:
        """Run a command in the container; its exit code, and what it prints."""
        made = self.api.exec_create(self.id, list(command))
        output: bytes = self.api.exec_start(made["Id"])
        return self.api.exec_inspect(made["Id"])["ExitCode"], output.decode()

    @property
    def announced(self) -> dict[str, str]:
        """Where the server says that it listens."""
        found: dict[str, str] = json.loads(self("cat", "/data/server.json"))
        return found


def build(socket: str) -> None:
    """Build the image as deploy/container/Containerfile says, on that base."""
    client = docker.DockerClient(base_url=f"unix://{socket}", version="auto", timeout=1200)
    try:
        _import_base(client.api)
        client.images.build(
            path=str(ROOT),
            dockerfile="deploy/container/Containerfile",
            tag=IMAGE,
            buildargs={"BASE": BASE},
            network_mode="none",
            rm=True,
            forcerm=True,
        )
    finally:
        client.close()


def restart(contained: Contained) -> None:
    """End the container with all that runs in it, and start it again."""
    contained.api.restart(contained.id, timeout=START_SECONDS)
    _wait_until_healthy(contained)


@contextmanager
def server(socket: str, given: Path) -> Iterator[Contained]:
    """A server with the rights that the compose file gives it, and `given` to read in /given.

    On the machine's own loopback: an engine of the tests has no network of its own.
    """
    api = APIClient(base_url=f"unix://{socket}", version="auto", timeout=120)
    environment = {"WHITEROOM_HOST": "127.0.0.1", "WHITEROOM_PORT": "0", "WHITEROOM_S3_PORT": "0"}
    made = api.create_container(
        IMAGE, SERVICE["command"], environment=environment, host_config=_rights(api, f"{given}:/given:ro")
    )
    contained = Contained(api, made["Id"])
    try:
        api.start(contained.id)
        _wait_until_healthy(contained)
        yield contained
    finally:
        api.remove_container(contained.id, force=True, v=True)
        api.close()


def without_rights(contained: Contained, *command: str) -> str:
    """Run a command in a container of its own, with the engine's defaults; what it prints."""
    made = contained.api.create_container(IMAGE, list(command), network_disabled=True)
    try:
        contained.api.start(made["Id"])
        contained.api.wait(made["Id"])
        output: bytes = contained.api.logs(made["Id"], stderr=False)
        return output.decode()
    finally:
        contained.api.remove_container(made["Id"], force=True, v=True)


def _wait_until_healthy(contained: Contained) -> None:
    """By the image's own health check."""
    check = contained.api.inspect_image(IMAGE)["Config"]["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    patience = Patience(START_SECONDS)
    while contained.ended(*check[1:])[0] != 0:
        state = contained.api.inspect_container(contained.id)["State"]
        if patience.is_lost or not state["Running"]:
            raise AssertionError(contained.api.logs(contained.id).decode())
        patience.rest()


def _rights(api: APIClient, bind: str) -> dict[str, Any]:
    """What the compose file says, in the words of the engine's API."""
    said = set(SERVICE["security_opt"])
    profile = (DEPLOY / "compose" / _taken(said, "seccomp=")).read_text()
    options = [f"seccomp={profile}", "no-new-privileges"]
    assert said == {"systempaths=unconfined", "apparmor=unconfined", "no-new-privileges"}
    if Path("/sys/kernel/security/apparmor").is_dir():
        options.append("apparmor=unconfined")
    rights: dict[str, Any] = api.create_host_config(
        binds=[bind],
        network_mode="host",
        security_opt=options,
        cap_drop=SERVICE["cap_drop"],
        read_only=SERVICE["read_only"],
        tmpfs=dict(place.split(":") for place in SERVICE["tmpfs"]),
        init=SERVICE["init"],
        pids_limit=SERVICE["pids_limit"],
    )
    # What `systempaths=unconfined` is in the API.
    return {**rights, "MaskedPaths": [], "ReadonlyPaths": []}


def _taken(said: set[str], start: str) -> str:
    (one,) = (option for option in said if option.startswith(start))
    said.remove(one)
    return one.removeprefix(start)


def _import_base(api: APIClient) -> None:
    root, wheels = _debian(), _wheels()
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        options = ["--file", file.name, "--numeric-owner", "--directory"]
        subprocess.run(["tar", "--create", *options, str(root), "."], check=True)
        subprocess.run(["tar", "--append", *options, str(wheels), "./wheels", "./etc/pip.conf"], check=True)
        repository, _, tag = BASE.partition(":")
        api.import_image_from_file(file.name, repository=repository, tag=tag)


def _debian() -> Path:
    root = cache() / "bases" / f"{SUITE}-{PACKAGES}"
    if root.is_dir():
        return root
    debootstrap = shutil.which("debootstrap") or shutil.which("debootstrap", path="/usr/sbin:/usr/bin")
    if debootstrap is None:
        cannot_run("a base for the image takes debootstrap (Debian: debootstrap)")
    part = root.with_name(f"{root.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    made = subprocess.run(
        [debootstrap, "--variant=minbase", f"--include={PACKAGES}", SUITE, str(part)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        cannot_run(f"debootstrap makes no Debian here: {made.stdout[-500:]}{made.stderr[-500:]}")
    part.rename(root)
    return root


def _wheels() -> Path:
    """A folder with `wheels`, all that the lock names, and the settings that have pip look there."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = cache() / "wheels" / digest
    if folder.is_dir():
        return folder
    part = folder.with_name(f"{digest}.part")
    shutil.rmtree(folder.parent, ignore_errors=True)
    (part / "etc").mkdir(parents=True)
    (part / "etc" / "pip.conf").write_text(PIP_SETTINGS)
    for place in (part, part / "etc"):
        place.chmod(0o755)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    options += ["--python-version", PYTHON, "--dest", str(part / "wheels"), "--requirement", str(LOCK)]
    environment = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
    subprocess.run([sys.executable, "-m", "pip", "download", *options], check=True, env=environment)
    part.rename(folder)
    return folder

"""Virtual environments of images: made with pip, moved to a place that has another path inside."""

from __future__ import annotations

import compileall
import hashlib
import importlib.util
import os
import platform
import py_compile
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from whiteroom.runtime.contract import VENV

_TAIL_LINES = 8


class EnvironmentFailed(Exception):
    """The environment cannot be made. The message holds pip's own last words."""


@dataclass(frozen=True, slots=True)
class Base:
    """The interpreter that environments are on: the server's own, without its environment."""

    executable: Path
    prefix: Path
    version: str

    @property
    def identity(self) -> str:
        """What of it changes what an image does."""
        return f"{platform.python_implementation()} {self.version} {platform.machine()}"


def base() -> Base:
    """The server's interpreter."""
    executable = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    return Base(executable, Path(sys.base_prefix).resolve(), platform.python_version())


def create(folder: Path, requirements: str, progress: Callable[[str], None]) -> None:
    """Make the environment in `folder`, which must not exist.

    Raises:
        EnvironmentFailed: the environment, or a requirement, cannot be had.
    """
    progress("Making the environment")
    _run([str(base().executable), "-m", "venv", "--without-pip", "--symlinks", str(folder)], progress)
    if requirements.strip():
        # The mark has pip read it as UTF-8, whatever a comment in it says of the file that it came from.
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8-sig") as file:
            file.write(requirements)
            file.flush()
            progress("Installing the requirements")
            options = ["--no-compile", "--disable-pip-version-check", "--no-input", "--requirement", file.name]
            _run([*_pip(), "--python", str(folder / "bin" / "python"), "install", *options], progress)
        progress("Compiling")
        # Compiled files carry the path that they will have, and no time that a copy could change.
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(
            str(folder / "lib"), quiet=2, stripdir=str(folder), prependdir=str(VENV), workers=0, invalidation_mode=mode
        )
    _relocate(folder)


def identity(folder: Path) -> list[str]:
    """What is installed: each distribution's name and the digest of its RECORD, without what the place changes."""
    found = []
    for record in sorted(folder.glob("lib*/python*/site-packages/*.dist-info/RECORD")):
        lines = record.read_text(errors="replace").splitlines()
        kept = sorted(line for line in lines if not line.startswith("../") and ".pyc," not in line)
        found.append(f"{record.parent.name} {sha256(chr(10).join(kept).encode())}")
    return found


def sha256(data: bytes) -> str:
    """The digest, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    # Environments made by uv have no pip; every Python brings one along for ensurepip.
    spec = importlib.util.find_spec("ensurepip")
    wheels = sorted(Path(spec.origin).parent.glob("_bundled/pip-*.whl")) if spec and spec.origin else []
    if not wheels:
        raise EnvironmentFailed("There is no pip to install requirements with: run `python -m pip` or install pip.")
    return [sys.executable, f"{wheels[-1]}/pip"]


def _run(command: list[str], progress: Callable[[str], None]) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    last: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
    ) as process:
        for line in process.stdout or ():
            progress(line.rstrip())
            last = [*last, line.rstrip()][-_TAIL_LINES:]
    if process.returncode != 0:
        raise EnvironmentFailed("The environment cannot be made:\n" + "\n".join(last))


def _relocate(folder: Path) -> None:
    """Make console scripts and settings name the place inside the sandbox."""
    here = os.fsencode(folder)
    inside = os.fsencode(str(VENV))
    # The activation scripts are for shells, and name paths of this machine.
    for script in (folder / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        if re.match(r"activate|Activate", script.name):
            script.unlink()
            continue
        data = script.read_bytes()
        if data.startswith(b"#!") and here in data:
            script.write_bytes(data.replace(here, inside))
    settings = folder / "pyvenv.cfg"
    kept = [line for line in settings.read_text().splitlines() if not line.startswith("command")]
    settings.write_text("\n".join(kept) + "\n")

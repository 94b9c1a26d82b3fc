"""The distributions that people install, built from this tree: an sdist, and a wheel from that sdist."""

from __future__ import annotations

import re
import shutil
import site
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from support.command import Answer

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "main.lock"
_QUIETLY = ("--quiet", "--disable-pip-version-check")
_ALONE = ("--no-deps", "--no-build-isolation", "--no-index")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")


@dataclass(frozen=True)
class Distributions:
    """What was built."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Installed:
    """An environment with the command `whiteroom` in it."""

    environment: Path

    def __call__(self, *arguments: str, cwd: Path) -> Answer:
        """The command, as it is found in the environment's `bin`."""
        command = [str(self.environment / "bin" / "whiteroom"), *arguments]
        ran = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
        return Answer(ran.returncode, ran.stdout, ran.stderr)


def build(folder: Path) -> Distributions:
    """Build both in `folder`, and nothing in the tree."""
    sources = folder / "sources"
    shutil.copytree(ROOT / "src", sources / "src", ignore=_LEFT_OUT)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources / name)
    build_sdist = f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build_sdist], cwd=sources, check=True, capture_output=True)
    (sdist,) = folder.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip", "wheel", *_QUIETLY, *_ALONE, "--wheel-dir", str(folder), str(sdist))
    subprocess.run(pip, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return Distributions(sdist, wheel)


def install_alone(distribution: Path, environment: Path) -> Installed:
    """Install it into a fresh environment, on the libraries of this one: nothing is fetched."""
    venv.create(environment, with_pip=False)
    _pip(environment, *_ALONE, str(distribution))
    (packages,) = environment.glob("lib/python*/site-packages")
    # A path that stands in a .pth has its own .pth not read: the editable install of this tree stays out of sight.
    (packages / "libraries.pth").write_text("\n".join(site.getsitepackages()))
    return Installed(environment)


def install(wheel: Path, environment: Path, extra: str = "") -> Installed:
    """Install it with all that it asks for, in the versions of requirements/main.lock, as `pip install` does."""
    if not environment.exists():
        venv.create(environment, with_pip=False)
    pins = re.findall(r"^[\w.-]+==[^\\\n]+", LOCK.read_text(), re.MULTILINE)
    constraints = environment / "constraints.txt"
    constraints.write_text("\n".join(pins))
    _pip(environment, "--constraint", str(constraints), f"{wheel}[{extra}]" if extra else str(wheel))
    return Installed(environment)


def _pip(environment: Path, *arguments: str) -> None:
    python = str(environment / "bin" / "python")
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", *_QUIETLY, *arguments], check=True)

"""Releases of before, each from its sdist in tests/releases/, on the libraries of this one."""

from __future__ import annotations

import site
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from support.command import Answer

SDISTS = sorted((Path(__file__).parents[1] / "releases").glob("whiteroom-*.tar.gz"))


@dataclass(frozen=True)
class Release:
    """An installed release."""

    python: str

    def __call__(self, *arguments: str) -> Answer:
        """A command of the release."""
        command = [self.python, "-m", "whiteroom", *arguments]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        return Answer(ran.returncode, ran.stdout, ran.stderr)


def install(sdist: Path, folder: Path) -> Release:
    """Install a release into an environment of its own."""
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    quietly = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *quietly, "--target", str(packages), str(sdist)], check=True
    )
    # A path that stands in a .pth has its own .pth not read: the editable install of this release stays out of sight.
    (packages / "libraries.pth").write_text("\n".join(site.getsitepackages()))
    return Release(str(folder / "bin" / "python"))

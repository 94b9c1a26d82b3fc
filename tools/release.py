"""The sdist of a commit, kept in tests/releases/: tests/e2e/test_upgrade.py goes on from each of them.

python tools/release.py VERSION [COMMIT]      writes tests/releases/whiteroom-VERSION.tar.gz; tags the commit vVERSION
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RELEASES = ROOT / "tests" / "releases"
MOST_BYTES = 2_000_000
"""A release is kept in the repository: its sources alone."""


def main(version: str, commit: str = "HEAD") -> int:
    """Build it; 1, and a sentence, where it cannot be."""
    tag = f"v{version}"
    if _git("tag", "--list", tag).strip():
        print(f"{tag} is there already: a release is made once. Name another version.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder, "sources")
        _unpack(commit, sources)
        project = sources / "pyproject.toml"
        (stated,) = (line for line in project.read_text().splitlines() if line.startswith("version = "))
        project.write_text(project.read_text().replace(stated, f'version = "{version}"'))
        built = _sdist(sources)
        if built.stat().st_size > MOST_BYTES:
            print(f"{built.name} has {built.stat().st_size:,} bytes; at most {MOST_BYTES:,}.", file=sys.stderr)
            return 1
        RELEASES.mkdir(exist_ok=True)
        shutil.copy(built, RELEASES / built.name)
    _git("tag", tag, commit)
    print(f"tests/releases/{built.name} is made, and {tag} is {commit}. Commit the file.")
    return 0


def _unpack(commit: str, into: Path) -> None:
    archive = into.with_suffix(".tar")
    _git("archive", "--output", str(archive), commit)
    with tarfile.open(archive) as packed:
        packed.extractall(into, filter="data")


def _sdist(sources: Path) -> Path:
    build = "from setuptools.build_meta import build_sdist; build_sdist('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=sources, check=True, capture_output=True)
    (built,) = (sources / "dist").iterdir()
    return built


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

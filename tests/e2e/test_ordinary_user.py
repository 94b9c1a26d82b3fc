"""A server of a user who is not root: the whole story works, and nothing on its folder belongs to root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY = 65_534

# Python may lie where only root may pass (~/.pyenv): in a mount namespace of its own the
# story shows that user what it needs, and nothing outside changes.
SCRIPT = """
set -e
if [ -n "$HIDDEN" ]; then
  mkdir "$STAGE/python"
  mount --bind "$PREFIX" "$STAGE/python"
  mount -t tmpfs -o mode=755 tmpfs "$HIDDEN"
  mkdir -p "$PREFIX"
  mount --bind "$STAGE/python" "$PREFIX"
fi
export HOME="$STAGE/home" TMPDIR="$STAGE/home"
exec setpriv --reuid {user} --regid {user} --clear-groups "$@"
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the suite already runs as an ordinary user")
@pytest.mark.skipif(not (shutil.which("setpriv") and shutil.which("unshare")), reason="takes setpriv and unshare")
def test_an_ordinary_users_server_trains_and_infers_and_leaves_nothing_of_roots() -> None:
    stage = Path(tempfile.mkdtemp(prefix="whiteroom-ordinary-"))
    stage.chmod(0o755)
    home = stage / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    prefix = Path(sys.base_prefix).resolve()
    hidden = next((str(path) for path in reversed(prefix.parents) if not path.stat().st_mode & 0o001), "")
    environment = {**os.environ, "STAGE": str(stage), "PREFIX": str(prefix), "HIDDEN": hidden}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    story = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"--basetemp={home / 'story'}"]
    try:
        done = subprocess.run(
            [
                "unshare",
                "--mount",
                "bash",
                "-c",
                SCRIPT.format(user=NOBODY),
                "story",
                *story,
                "tests/e2e/test_story.py",
            ],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if "ermission denied" in done.stderr and not done.stdout:
            pytest.skip(f"that user cannot reach the checkout: {done.stderr.strip()}")
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        assert " passed" in done.stdout
        room = home / "story" / "story0" / "room"
        made = [room, *room.rglob("*")]
        assert len(made) > 50
        assert {path.lstat().st_uid for path in made} == {NOBODY}
    finally:
        shutil.rmtree(stage, ignore_errors=True)

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NOBODY = "65534"

# Python may lie where only root may pass (~/.pyenv): in a mount namespace of its own the
# suite shows that user what it needs, and nothing outside changes.
SCRIPT = """
set -e
mkdir -p "$STAGE/python" "$STAGE/home"
chown {nobody} "$STAGE/home"
if [ -n "$HIDDEN" ]; then
  mount --bind "$PREFIX" "$STAGE/python"
  mount -t tmpfs -o mode=755 tmpfs "$HIDDEN"
  mkdir -p "$PREFIX"
  mount --bind "$STAGE/python" "$PREFIX"
fi
export HOME="$STAGE/home" TMPDIR="$STAGE/home"
exec setpriv --reuid {nobody} --regid {nobody} --clear-groups "$@"
"""


def as_ordinary_user(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """pytest with these arguments, run by nobody; skips where that user cannot reach the checkout."""
    stage = Path("/tmp") / f"whiteroom-ordinary-{os.getpid()}"
    prefix = Path(sys.base_prefix).resolve()
    hidden = next((str(p) for p in reversed(prefix.parents) if not p.stat().st_mode & 0o001), "")
    environment = {**os.environ, "STAGE": str(stage), "PREFIX": str(prefix), "HIDDEN": hidden, **variables}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    suite = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
    try:
        done = subprocess.run(
            ["unshare", "--mount", "bash", "-c", SCRIPT.format(nobody=NOBODY), "suite", *suite],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=1_200,  # of one that hangs; how long it takes decides nothing
        )
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    if "ermission denied" in done.stderr and not done.stdout:
        pytest.skip(f"that user cannot reach the checkout: {done.stderr.strip()}")
    return done


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="the suite already runs as an ordinary user")
@pytest.mark.skipif(not (shutil.which("setpriv") and shutil.which("unshare")), reason="takes setpriv and unshare")
def test_the_whole_contract_holds_for_an_ordinary_user() -> None:
    # The engine's part has a test of its own, which brings the engine; a fake, and what hands runs to
    # one runtime or the other, do nothing that a user may or may not.
    left_out = ("test_docker*.py", "test_fake.py", "test_runtimes.py")
    done = as_ordinary_user(
        "tests/contract/runtime", *(f"--ignore-glob=tests/contract/runtime/{name}" for name in left_out)
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout

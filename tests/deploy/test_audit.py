"""What the image is made of, and what of it is known to be vulnerable: nothing is left out, silence is no answer."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.ports import free_port

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "container.lock"
PYTHON = ROOT / ".venv-audit" / "bin" / "python"
SMALL = f"""
hollow==1.0 \\
    --hash=sha256:{"0" * 64}
solid==2.0 ; python_version >= '3' \\
    --hash=sha256:{"1" * 64}
"""
KNOWN = {
    "id": "OSV-1",
    "affected": [{"package": {"name": "hollow", "ecosystem": "PyPI"}, "ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}
    ]}],
}  # fmt: skip

pytestmark = pytest.mark.services


@pytest.fixture(autouse=True)
def there() -> None:
    if not PYTHON.exists():
        pytest.fail("`make test-services` makes .venv-audit")


@contextmanager
def osv(known: dict[str, list[Any]]) -> Iterator[str]:
    """What answers as OSV does, and knows these vulnerabilities of these distributions."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"vulns": known.get(asked["package"]["name"], [])}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def audit(url: str, *locks: Path) -> tuple[int, str]:
    command = [str(PYTHON), "tools/audit.py", "--osv-url", url, *map(str, locks)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "small.lock"
    path.write_text(SMALL)
    return path


def test_every_pin_that_is_clean_is_counted(lock: Path) -> None:
    with osv({}) as url:
        assert audit(url, lock) == (0, f"{lock}: 2 were looked up, and none has a known vulnerability.\n")


def test_a_vulnerability_is_told_with_the_release_that_mends_it(lock: Path) -> None:
    with osv({"hollow": [KNOWN]}) as url:
        code, said = audit(url, lock)
    assert code == 1
    assert "hollow 1.0: OSV-1, mended in 1.1" in said


def test_where_no_service_answers_the_audit_is_not_made_and_says_so(lock: Path) -> None:
    code, said = audit(f"http://127.0.0.1:{free_port()}/v1/query", lock)
    assert code == 2
    assert "THE AUDIT WAS NOT MADE" in said


def test_the_worst_of_several_locks_is_the_answer(lock: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean.lock"
    clean.write_text(SMALL.replace("hollow", "filled"))
    with osv({"hollow": [KNOWN]}) as url:
        assert audit(url, lock, clean)[0] == 1


def test_the_bill_of_materials_has_every_pin_of_the_image_with_its_hashes(tmp_path: Path) -> None:
    options = ["--pyproject", "pyproject.toml", "--output-reproducible", "--output-file", str(tmp_path / "bill.json")]
    command = [str(PYTHON), "-W", "ignore::UserWarning", "-m", "cyclonedx_py", "requirements", str(LOCK), *options]
    subprocess.run(command, cwd=ROOT, check=True)
    bill = json.loads((tmp_path / "bill.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "whiteroom")
    listed = {(one["name"], one["version"]) for one in bill["components"]}
    assert listed == set(re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK.read_text(), re.MULTILINE))
    for one in bill["components"]:
        assert any(reference.get("hashes") for reference in one["externalReferences"]), one["name"]

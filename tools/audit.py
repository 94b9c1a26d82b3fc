"""Ask a public service which pinned distributions have known vulnerabilities, and never take silence for an answer.

.venv-audit/bin/python tools/audit.py [--osv-url URL] LOCK...

Exit code 0 where every distribution was looked up and none has any, 1 where one has, 2 where one was not looked up:
pip-audit by itself ends with 0 where no service knows anything of what it asks.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLEAN, VULNERABLE, NOT_MADE = 0, 1, 2
_PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)[ ]*(;?)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a lock."""

    code: int
    lines: tuple[str, ...]


def verdict(lock: Path, answer: str, errors: str) -> Verdict:
    """What pip-audit's output says of a lock."""
    try:
        found: Sequence[Any] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (errors.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return Verdict(NOT_MADE, (f"{lock}: THE AUDIT WAS NOT MADE. No service answered: {last[:300]}",))
    skipped = {one["name"]: one["skip_reason"] for one in found if "skip_reason" in one}
    unnamed = _unconditional(lock) - {one["name"] for one in found}
    vulnerable = tuple(_vulnerabilities(found))
    looked_up = len(found) - len(skipped)
    if not found or skipped or unnamed:
        missing = sorted({*skipped, *unnamed})
        reason = next(iter(skipped.values()), "pip-audit does not mention it")
        line = f"{lock}: THE AUDIT WAS NOT MADE. {len(missing)} were not looked up, such as {missing[:1]}: {reason}"
        return Verdict(NOT_MADE, (*vulnerable, line))
    if vulnerable:
        return Verdict(VULNERABLE, (*vulnerable, f"{lock}: {len(vulnerable)} known vulnerabilities in {looked_up}."))
    return Verdict(CLEAN, (f"{lock}: {looked_up} were looked up, and none has a known vulnerability.",))


def _unconditional(lock: Path) -> set[str]:
    """The names that are pinned whatever the Python and the machine."""
    return {name for name, _, marker in _PIN.findall(lock.read_text(encoding="utf-8")) if not marker}


def _vulnerabilities(found: Sequence[Any]) -> Iterator[str]:
    for one in found:
        for known in one.get("vulns", ()):
            fixed = ", ".join(known.get("fix_versions") or ()) or "no release"
            yield f"{one['name']} {one['version']}: {known['id']}, mended in {fixed}"


def main(arguments: Sequence[str]) -> int:
    """Audit each lock; the worst of what came of them."""
    parser = argparse.ArgumentParser(prog="tools/audit.py", description="Which pins have known vulnerabilities.")
    parser.add_argument("--osv-url", help="ask a service that speaks OSV's API, not the index of packages")
    parser.add_argument("locks", nargs="+", type=Path)
    asked = parser.parse_args(arguments)
    service = ["--vulnerability-service", "osv", "--osv-url", asked.osv_url] if asked.osv_url else []
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off", *service]
    codes = []
    for lock in asked.locks:
        command = [sys.executable, "-m", "pip_audit", *options, "--requirement", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        judged = verdict(lock, done.stdout, done.stderr)
        print("\n".join(judged.lines))
        codes.append(judged.code)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

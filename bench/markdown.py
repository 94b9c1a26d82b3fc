"""docs/benchmarks.md: the last run's tables, the misses in plain sight."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.results import Section

PAGE = Path("docs/benchmarks.md")


def write(sections: list[Section]) -> None:
    """Write the page."""
    machine = (
        f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )
    misses = [figure.name for section in sections for figure in section.figures if figure.reached is False]
    lines = [
        "# Benchmarks",
        "",
        "What each part costs beside its peer, both measured in the same run, on the same machine, in turn.",
        "`make bench` installs the peers, measures, and writes this page.",
        "",
        f"Last run: {datetime.now(UTC):%Y-%m-%d}, {machine}.",
        "",
        f"**Missed:** {'; '.join(misses)}." if misses else "Every figure was reached.",
        "",
    ]
    for section in sections:
        lines += [f"## {section.title}", "", section.about, ""]
        lines += ["| what | Whiteroom | peer | ratio | to reach | |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {figure.name} | {figure.ours} | {figure.peer} | {figure.ratio} | {figure.target} "
            f"| {'**missed**' if figure.reached is False else figure.verdict} |"
            for figure in section.figures
        ]
        lines.append("")
    PAGE.write_text("\n".join(lines), encoding="utf-8")

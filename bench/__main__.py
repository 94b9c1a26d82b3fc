"""Run every benchmark, or those named: `python -m bench [api] [channels] [starts] ...`."""

from __future__ import annotations

import sys
import time

from bench import (
    api,
    archives,
    channels,
    delivery,
    markdown,
    runtimes,
    sealing,
    spark_functions,
    starts,
    stored,
    synthetic,
    trainings,
    transforms,
)

BENCHMARKS = {
    "api": api.run,
    "channels": channels.run,
    "sealing": sealing.run,
    "stored": stored.run,
    "starts": starts.run,
    "archives": archives.run,
    "runtimes": runtimes.run,
    "delivery": delivery.run,
    "transforms": transforms.run,
    "trainings": trainings.run,
    "synthetic": synthetic.run,
    "spark": spark_functions.run,
}


def main(names: list[str]) -> None:
    sections = []
    for name in names or BENCHMARKS:
        began = time.monotonic()
        print(f"{name} ...", flush=True)
        section = BENCHMARKS[name]()
        sections.append(section)
        for figure in section.figures:
            print(f"  {figure.name}: {figure.verdict}")
            print(f"    {figure.ours} | {figure.peer} | {figure.ratio} (to reach {figure.target})")
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    if not names:
        markdown.write(sections)
        print(f"{markdown.PAGE} is written.")


main(sys.argv[1:])

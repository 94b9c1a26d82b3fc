"""Run the demo: make the accounts, the tables and the image, start a server, tell the story, show what came of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from demo.data import write_tables
from demo.telling import Stage, tell

HERE = Path(__file__).parent
COUNTS = (336_776, 26_115)

parser = argparse.ArgumentParser(prog="python -m demo", description="Three organisations train a model together.")
parser.add_argument("--s3", action="store_true", help="tables and results in the organisations' own buckets")
algorithm = HERE / "algorithm"
work = HERE.parent / "demo-data"
tell(Stage(work, algorithm, algorithm / "requirements.txt", write_tables, COUNTS, s3=parser.parse_args().s3))

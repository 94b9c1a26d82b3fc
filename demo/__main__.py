"""Run the demo: make the accounts, the tables and the image, start a server, tell the story, show what came of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from demo import report
from demo.data import write_tables
from demo.story import AIRLINE, IMAGE, NAMES, WEATHER, Story, StoryFailed
from whiteroom.cli.server_file import running_url

HERE = Path(__file__).parent
WORK = HERE.parent / "demo-data"
ROOM = WORK / "room"
REGION = "us-east-1"
COUNTS = (336_776, 26_115)


class Progress:
    """Lines with the seconds since the story began."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {line}", flush=True)


def whiteroom(*arguments: str) -> str:
    """Run a command of Whiteroom's on the demo's data folder; its output."""
    command = [sys.executable, "-m", "whiteroom", *arguments, "--data", str(ROOM)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"whiteroom {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def prepare() -> dict[str, dict[str, str]]:
    """Set up: a fresh data folder, accounts, tables and the image. The image is kept from run to run."""
    print("Setting up: accounts, tables, and Delay Lab's image (the first time takes a minute) ...", flush=True)
    tables = write_tables(WORK / "tables")
    _forget_the_last_run()
    keys = {
        account: json.loads(whiteroom("accounts", "add", account, "--name", name, "--json"))
        for account, name in NAMES.items()
    }
    for account, table, file in ((AIRLINE, "flights", tables[0]), (WEATHER, "weather", tables[1])):
        whiteroom("catalog", "add", "--account", account, f"nyc.{table}", str(file))
    whiteroom(
        "images", "build", IMAGE, str(HERE / "algorithm"), "--requirements", str(HERE / "algorithm/requirements.txt")
    )
    return keys


def _forget_the_last_run() -> None:
    """Remove what the last run left, its images excepted: building one is the slow part.

    Raises:
        SystemExit: a server runs on it.
    """
    url = running_url(ROOM / "server.json")
    if url is not None:
        raise SystemExit(f"A server runs on the last demo's room ({url}), which this one replaces. Stop it first.")
    if ROOM.exists():
        for entry in ROOM.iterdir():
            if entry.name != "images":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextmanager
def server() -> Iterator[str]:
    """A server on a free port; its endpoint."""
    command = [sys.executable, "-m", "whiteroom", "up", "--port", "0", "--data", str(ROOM)]
    with (WORK / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        output = cast("IO[str]", process.stdout)
        try:
            ready = output.readline()
            if not ready:
                raise SystemExit(f"The server did not start; {WORK / 'server.log'} says why.")
            yield next(word for word in ready.split() if word.startswith("http")).rstrip(".")
        finally:
            process.terminate()
            process.wait(30)
            output.close()


def main() -> None:
    """The demo."""
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    keys = prepare()
    say = Progress()
    with server() as endpoint:
        say(f"The server listens at {endpoint}")

        def clients(service: str, account: str) -> Any:
            return boto3.client(
                service,
                endpoint_url=endpoint,
                region_name=REGION,
                aws_access_key_id=keys[account]["accessKeyId"],
                aws_secret_access_key=keys[account]["secretAccessKey"],
                config=Config(retries={"total_max_attempts": 1}),
            )

        try:
            outcome = Story(clients, say).run()
        except (StoryFailed, BotoCoreError, ClientError) as error:
            raise SystemExit(f"The story ends early: {error}\nThe server's log is {WORK / 'server.log'}.") from None
    found = report.curves(outcome, ROOM / "objects" / "delay-lab")
    picture, page = WORK / "roc.png", WORK / "report.html"
    report.draw(found, picture)
    report.write_page(outcome, found, COUNTS, picture, page)
    say("Done.\n")
    print(f"{'':34}AUC in December")
    for curve in found:
        print(f"  {curve.trained.title:32}{curve.auc:.3f}")
    print(f"\n{report.sentence(found)}\n")
    print(f"picture  {os.path.relpath(picture)}")
    print(f"page     {os.path.relpath(page)}")
    print(f"room     {os.path.relpath(ROOM)}  (look around: whiteroom ops, explain, logs --data ...)")


main()

"""How the story is told: on which folder, from which tables, with which algorithm, and where results are looked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from whiteroom.demo import buckets, report
from whiteroom.demo.story import AIRLINE, BUCKET, IMAGE, LAB, NAMES, WEATHER, Outcome, Story, StoryFailed

REGION = "us-east-1"
ALGORITHM = Path(__file__).parent / "algorithm"
"""What Delay Lab brings."""

Keys = Mapping[str, Mapping[str, str]]
"""The access key of each account."""


class Progress:
    """Lines with the seconds since the story began."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self.began:6.1f} s  {line}", flush=True)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a telling has."""

    work: Path
    """Its folder; the image is kept there from run to run."""
    algorithm: Path
    requirements: Path | None
    write_tables: Callable[[Path], tuple[Path, Path]]
    """Puts flights and weather into a folder."""
    counts: tuple[int, int]
    """How many rows they have."""
    s3: bool = False
    """Whether tables and results are in the accounts' own buckets."""

    @property
    def room(self) -> Path:
        """The server's data folder."""
        return self.work / "room"

    @property
    def server_file(self) -> Path:
        """Where a server says that it runs there."""
        return self.room / "server.json"

    def whiteroom(self, *arguments: str) -> str:
        """Run a command of Whiteroom's on the data folder; its output."""
        command = [sys.executable, "-m", "whiteroom", *arguments, "--data", str(self.room)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StoryFailed(f"`whiteroom {' '.join(arguments)}` failed:\n{done.stderr.rstrip()}")
        return done.stdout


def tell(stage: Stage) -> None:
    """The demo.

    Raises:
        StoryFailed: something did not end as the story wants it.
    """
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    print("Setting up: accounts, tables, and Delay Lab's image (the first time takes a minute) ...", flush=True)
    tables = stage.write_tables(stage.work / "tables")
    keys = _prepare(stage)
    if not stage.s3:
        _add_tables(stage, dict(zip((AIRLINE, WEATHER), map(str, tables), strict=True)))
    say = Progress()
    with _server(stage) as endpoint:
        say(f"The server listens at {endpoint}")
        delivered = stage.room / "objects" / BUCKET
        if stage.s3:
            say("Sky Airlines and the Weather Office put their tables into their own buckets")
            clients = {account: _client(_s3_of(stage), "s3", keys[account]) for account in NAMES}
            owned = zip((AIRLINE, WEATHER), tables, strict=True)
            _add_tables(stage, {owner: buckets.put(clients[owner], owner, table) for owner, table in owned})
        outcome = _told(stage, endpoint, keys, say)
        if stage.s3:
            delivered = buckets.fetch(clients[LAB], LAB, "results/", stage.work / "fetched")
    _show(stage, outcome, delivered, say)


def _prepare(stage: Stage) -> Keys:
    """A fresh data folder, with accounts and the image."""
    _forget_the_last_run(stage)
    keys = {
        account: json.loads(stage.whiteroom("accounts", "add", account, "--name", name, "--json"))
        for account, name in NAMES.items()
    }
    wanted = ("--requirements", str(stage.requirements)) if stage.requirements else ()
    stage.whiteroom("images", "build", IMAGE, str(stage.algorithm), *wanted)
    return keys


def _add_tables(stage: Stage, places: Mapping[str, str]) -> None:
    for (account, place), table in zip(places.items(), ("flights", "weather"), strict=True):
        stage.whiteroom("catalog", "add", "--account", account, f"nyc.{table}", place)


def _forget_the_last_run(stage: Stage) -> None:
    """Remove what the last run left, its images excepted: building one is the slow part."""
    shutil.rmtree(stage.work / "fetched", ignore_errors=True)
    if stage.room.exists():
        for entry in stage.room.iterdir():
            if entry.name != "images":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@contextmanager
def _server(stage: Stage) -> Iterator[str]:
    """A server on a free port; its endpoint."""
    command = [sys.executable, "-m", "whiteroom", "up", "--port", "0", "--data", str(stage.room)]
    environment = dict(os.environ)
    if stage.s3:
        command.append("--s3")
        environment["WHITEROOM_S3_PORT"] = "0"
    with (stage.work / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        output = cast("IO[str]", process.stdout)
        try:
            ready = output.readline()
            if not ready:
                raise StoryFailed(f"The server did not start; {stage.work / 'server.log'} says why.")
            yield next(word for word in ready.split() if word.startswith("http")).rstrip(".")
        finally:
            process.terminate()
            process.wait(30)
            output.close()


def _s3_of(stage: Stage) -> str:
    """Where the S3 beside the server listens, as the server says while it runs."""
    return str(json.loads(stage.server_file.read_text(encoding="utf-8"))["s3"])


def _client(endpoint: str, service: str, key: Mapping[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key["accessKeyId"],
        aws_secret_access_key=key["secretAccessKey"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def _told(stage: Stage, endpoint: str, keys: Keys, say: Progress) -> Outcome:
    def clients(service: str, account: str) -> Any:
        return _client(endpoint, service, keys[account])

    try:
        return Story(clients, say, LAB if stage.s3 else BUCKET).run()
    except (StoryFailed, BotoCoreError, ClientError) as error:
        raise StoryFailed(f"The story ends early: {error}\nThe server's log is {stage.work / 'server.log'}.") from None


def _show(stage: Stage, outcome: Outcome, delivered: Path, say: Progress) -> None:
    found = report.curves(outcome, delivered)
    picture, page = stage.work / "roc.png", stage.work / "report.html"
    report.draw(found, picture)
    place = f"s3://{LAB}" if stage.s3 else f"objects/{BUCKET}"
    report.write_page(outcome, found, stage.counts, place, picture, page)
    say("Done.\n")
    print(f"{'':34}AUC in December")
    for curve in found:
        print(f"  {curve.trained.title:32}{curve.auc:.3f}")
    print(f"\n{report.sentence(found)}\n")
    print(f"picture  {os.path.relpath(picture)}")
    print(f"page     {os.path.relpath(page)}")
    if stage.s3:
        print(f"fetched  {os.path.relpath(delivered)}  (from {place})")
    print(f"room     {os.path.relpath(stage.room)}  (look around: whiteroom ops, explain, logs --data ...)")

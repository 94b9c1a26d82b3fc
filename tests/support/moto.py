"""AWS's services as moto has them, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3

from support.answering import until_it_answers
from support.ports import free_port


@contextlib.contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    """A server's URL; it is gone afterwards, with all that it held. Its own words are in the folder."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    code = "import sys; from moto.server import main; main(sys.argv[1:])"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code, "-H", "127.0.0.1", "-p", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    try:
        until_it_answers(process, lambda: read(f"{url}/moto-api/data.json"), (OSError,))
        yield url
    finally:
        process.kill()
        process.wait()


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        body: bytes = answer.read()
    return body


def forget_everything(url: str) -> None:
    """Begin anew: no buckets, no tables, no roles."""
    with urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST"), timeout=30):
        pass


def s3_of_its_own(url: str, buckets: Iterable[str]) -> Any:
    """A client of an S3 in which these buckets are, and nothing else."""
    forget_everything(url)
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
    )
    for bucket in buckets:
        client.create_bucket(Bucket=bucket)
    return client

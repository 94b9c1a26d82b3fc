"""A real S3: seaweedfs, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from support.answering import until_it_answers
from support.ports import free_port

KEY, SECRET = "AKIAWHITEROOMTESTS00", "whiteroom-tests"
OWNED: Mapping[str, tuple[str, ...]] = {"111122223333": ("hospital-a", "a.b.c"), "444455556666": ("hospital-b",)}
"""Accounts with users of their own, and the buckets that each has all rights to; to others' it has none."""


@dataclass(frozen=True)
class Store:
    """An S3 to test against, and the keys of the user that may do everything."""

    url: str
    access_key_id: str
    secret_access_key: str

    def client(self, **config: Any) -> Any:
        """A client of boto3's."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(**config),
        )


def keys_of(account_id: str) -> tuple[str, str]:
    """The access key of an account's user, and its secret."""
    return f"AKIA{account_id}", f"secret-of-{account_id}"


@contextlib.contextmanager
def seaweedfs_server(folder: Path) -> Iterator[Store]:
    """A server that is gone afterwards, with all that it held. Its own words are in the folder."""
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    rights = ("Admin", "Read", "Write", "List", "Tagging")
    users = [{"name": "tests", "credentials": credentials, "actions": list(rights)}]
    for account_id, buckets in OWNED.items():
        own = {"accessKey": keys_of(account_id)[0], "secretKey": keys_of(account_id)[1]}
        actions = [f"{right}:{bucket}" for bucket in buckets for right in rights]
        users.append({"name": account_id, "credentials": [own], "actions": actions})
    config = folder / "users.json"
    config.write_text(json.dumps({"identities": users}))
    (folder / "weed").mkdir()
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or "weed"
    options = [f"-dir={folder / 'weed'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=40", "-filer", "-s3"]
    options += [f"-s3.config={config}"]
    options += [f"-{name}.port={port}" for name, port in ports.items()]
    options += [f"-{name}.port.grpc={free_port()}" for name in ports]
    # What else would listen, at ports that are the same for every server; and call home.
    options += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            [weed, "server", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        store = Store(f"http://127.0.0.1:{ports['s3']}", KEY, SECRET)
        _wait_for(store, process)
        yield store
    finally:
        process.kill()
        process.wait()


def _wait_for(store: Store, process: subprocess.Popen[bytes]) -> None:
    """Until it takes an object: its parts find each other one after the other."""
    client = store.client(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5)

    def put() -> None:
        client.create_bucket(Bucket="ready")
        client.put_object(Bucket="ready", Key="ready", Body=b"ready")

    until_it_answers(process, put, (BotoCoreError, ClientError))

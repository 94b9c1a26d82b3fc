"""A real S3: seaweedfs, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from support.moto import free_port

STARTS_WITHIN_SECONDS = 90.0
KEY, SECRET = "AKIAWHITEROOMTESTS00", "whiteroom-tests"


@dataclass(frozen=True)
class Store:
    """An S3 to test against, and the keys of the one user that it has."""

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


@contextlib.contextmanager
def seaweedfs_server(folder: Path) -> Iterator[Store]:
    """A server that is gone afterwards, with all that it held. Its own words are in the folder."""
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    users = [{"name": "tests", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]
    config = folder / "users.json"
    config.write_text(json.dumps({"identities": users}))
    (folder / "weed").mkdir()
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or "weed"
    options = [f"-dir={folder / 'weed'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=40", "-filer", "-s3"]
    options += [f"-s3.config={config}"]
    options += [f"-{name}.port={port}" for name, port in ports.items()]
    options += [f"-{name}.port.grpc={free_port()}" for name in ports]
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
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while True:
        assert process.poll() is None, f"seaweedfs ended with {process.returncode}"
        try:
            client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="ready", Body=b"ready")
        except (BotoCoreError, ClientError):
            assert time.monotonic() < until, "seaweedfs does not answer"
            time.sleep(0.1)
        else:
            return

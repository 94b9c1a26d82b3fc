"""Caddy before the server and its S3, by the compose file's Caddyfile: what members sign arrives as they signed it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from support.answering import until_it_answers
from support.command import whiteroom
from support.ports import free_port
from support.real import cannot_run
from support.server import running_server
from whiteroom.cli.server_file import running_s3_url

CADDYFILE = Path(__file__).parents[2] / "deploy" / "compose" / "Caddyfile"
ACCOUNT = "111122223333"
NAME, S3_NAME = "localhost", "127.0.0.1"

pytestmark = [pytest.mark.slow, pytest.mark.services]


@dataclass(frozen=True)
class Fronted:
    """What a member has: a key, and an address with TLS."""

    port: int
    authority: Path
    key: dict[str, str]

    def client(self, service: str, name: str = NAME, secret: str = "") -> Any:
        return boto3.client(
            service,
            endpoint_url=f"https://{name}:{self.port}",
            verify=str(self.authority),
            region_name="us-east-1",
            aws_access_key_id=self.key["accessKeyId"],
            aws_secret_access_key=secret or self.key["secretAccessKey"],
        )


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    caddy = shutil.which("caddy")
    if caddy is None:
        cannot_run("TLS by Caddy is tried with Caddy (Debian: caddy)")
    folder = tmp_path_factory.mktemp("caddy")
    data = folder / "data"
    key = whiteroom("accounts", "add", ACCOUNT, "--json", "--data", str(data)).json
    with running_server(data, "--s3", dev=False, environment={"WHITEROOM_S3_PORT": "0"}) as server:
        s3_url = running_s3_url(data / "server.json")
        assert s3_url is not None
        port = free_port()
        environment = {
            **os.environ,
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "WHITEROOM_NAME": NAME,
            "WHITEROOM_S3_NAME": S3_NAME,
            "WHITEROOM_SERVER": urlsplit(server.url).netloc,
            "WHITEROOM_S3": urlsplit(s3_url).netloc,
            "WHITEROOM_HTTP_PORT": str(free_port()),
            "WHITEROOM_HTTPS_PORT": str(port),
        }
        command = [caddy, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
        with (folder / "caddy.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        one = Fronted(port, folder / "state" / "caddy" / "pki" / "authorities" / "local" / "root.crt", key)
        try:
            until_it_answers(process, one.client("sts").get_caller_identity, (BotoCoreError, OSError))
            yield one
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_a_signed_request_with_an_arn_in_its_path_arrives_as_it_was_signed(fronted: Fronted) -> None:
    ml = fronted.client("cleanroomsml")
    made = ml.create_configured_model_algorithm(
        name="churn",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
        trainingContainerConfig={"imageUri": "churn:1"},
        tags={"of": "a b/c+d é"},
    )
    arn = made["configuredModelAlgorithmArn"]
    assert ml.list_tags_for_resource(resourceArn=arn)["tags"] == {"of": "a b/c+d é"}
    ml.untag_resource(resourceArn=arn, tagKeys=["of"])
    assert ml.get_configured_model_algorithm(configuredModelAlgorithmArn=arn)["name"] == "churn"


def test_a_wrong_secret_is_refused_behind_it_as_before(fronted: Fronted) -> None:
    with pytest.raises(ClientError, match="signature"):
        fronted.client("sts", secret="another").get_caller_identity()


def test_objects_of_every_name_go_through_it_to_the_s3_and_back(fronted: Fronted) -> None:
    s3 = fronted.client("s3", S3_NAME)
    body = os.urandom(9_000_000)
    for name in ("plain.csv", "with space/and+plus.csv", "üml%2Fout.csv"):
        s3.put_object(Bucket=ACCOUNT, Key=name, Body=body)
        assert s3.get_object(Bucket=ACCOUNT, Key=name)["Body"].read() == body

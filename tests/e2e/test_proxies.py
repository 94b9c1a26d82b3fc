"""The proxies of docs/tls.md, as they are configured there: what is signed arrives as it was signed."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from support.certificates import Authority, Files, issue
from support.command import whiteroom
from support.live import once
from support.ports import free_port
from support.real import cannot_run
from support.server import RunningServer, running_server
from support.worlds.delivered import Delivered
from support.worlds.requests import collaboration_request
from whiteroom.data.folder import FolderData
from whiteroom.store.sqlite import SqliteStore

PAGE = (Path(__file__).parents[2] / "docs" / "tls.md").read_text()
ALICE = "111111111111"
LARGE = bytes(range(256)) * 40_000
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""
CADDY = "{{\n    admin off\n    auto_https disable_redirects\n}}\n{site}"

pytestmark = pytest.mark.services


@dataclass
class Room:
    """A server that verifies signatures, and an account's key."""

    server: RunningServer
    credentials: Credentials
    files: Files
    ca: Path
    download: str
    """The path of a large file."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("proxies")
    authority = Authority()
    key = whiteroom("accounts", "add", ALICE, "--json", "--data", str(folder / "data")).json
    with running_server(folder / "data", dev=False) as server:
        credentials = Credentials(key["accessKeyId"], key["secretAccessKey"])
        store = SqliteStore(server.data / "whiteroom.db")
        result = Delivered(store, FolderData(server.data)).to(ALICE, {"folder/rows.csv": LARGE})
        store.close()
        files, ca = issue(authority, folder, "localhost"), authority.write(folder)
        yield Room(server, credentials, files, ca, f"/whiteroom/v1/results/{result.id}/folder%2Frows.csv")


def block(language: str) -> str:
    """The first of that language on the page."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@contextmanager
def nginx(room: Room, folder: Path, port: int) -> Iterator[None]:
    site = swapped(
        block("nginx"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("room.example.org", "localhost"),
        ("/etc/whiteroom/tls/fullchain.pem", str(room.files.cert)),
        ("/etc/whiteroom/tls/privkey.pem", str(room.files.key)),
        ("http://127.0.0.1:8080", room.server.url),
    )
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, site=site))
    with run(folder, port, "nginx", "-p", str(folder), "-e", "error.log", "-c", "nginx.conf"):
        yield


@contextmanager
def caddy(room: Room, folder: Path, port: int) -> Iterator[None]:
    site = swapped(
        block("caddy").partition("\n\n")[0],
        (
            "room.example.org {",
            f"https://localhost:{port} {{\n    bind 127.0.0.1\n    tls {room.files.cert} {room.files.key}",
        ),
        ("127.0.0.1:8080", room.server.url.removeprefix("http://")),
    )
    (folder / "Caddyfile").write_text(CADDY.format(site=site))
    with run(folder, port, "caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"):
        yield


def swapped(text: str, *places: tuple[str, str]) -> str:
    """The page's text with the test's places, each of which it must have."""
    for old, new in places:
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def run(folder: Path, port: int, program: str, *arguments: str) -> Iterator[None]:
    """A proxy, from when it listens."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is None:
        cannot_run(f"{program} is not installed")
    log = folder / "log"
    environment = {"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/bin"}
    with log.open("wb") as said:
        process = subprocess.Popen([found, *arguments], cwd=folder, env=environment, stdout=said, stderr=said)
    try:
        once(bool, lambda: listens(port) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_signed_requests_arns_in_paths_and_downloads_pass(room: Room, proxy: Any, tmp_path: Path) -> None:
    port = free_port()
    url = f"https://localhost:{port}"
    with proxy(room, tmp_path, port):
        client = boto3.client(
            "cleanrooms",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=room.credentials.access_key,
            aws_secret_access_key=room.credentials.secret_key,
            verify=str(room.ca),
            config=Config(retries={"total_max_attempts": 1}),
        )
        made = client.create_collaboration(**collaboration_request(name=f"Über {proxy.__name__}", tags={"a": "b/c"}))
        arn = made["collaboration"]["arn"]
        assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b/c"}
        client.untag_resource(resourceArn=arn, tagKeys=["a", "x y"])
        assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {}
        client.close()
        assert fetched(room, url) == LARGE


def fetched(room: Room, url: str) -> bytes:
    """What a presigned URL through the proxy gives."""
    asked = AWSRequest("GET", url + room.download)
    SigV4QueryAuth(room.credentials, "whiteroom", "us-east-1", expires=60).add_auth(asked)
    context = ssl.create_default_context(cafile=room.ca)
    with urllib.request.urlopen(str(asked.url), context=context) as answer:
        found: bytes = answer.read()
    return found

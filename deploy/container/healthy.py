"""The image's health check: exit code 0 where the server of this container answers, whatever port and scheme it has."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 4


def main() -> int:
    """Ask /health where the server has said that it listens."""
    announced = json.loads(Path(os.environ["WHITEROOM_DATA"], "server.json").read_text(encoding="utf-8"))
    url = urlsplit(announced["url"])
    # A server that listens everywhere goes by the container's name, which a container without a network cannot look up.
    host = "127.0.0.1" if url.hostname in {None, socket.gethostname().lower()} else str(url.hostname)
    connection: http.client.HTTPConnection
    if url.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whether it lives, not who it is
        connection = http.client.HTTPSConnection(host, url.port, timeout=SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection(host, url.port, timeout=SECONDS)
    connection.request("GET", "/health")
    return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main())

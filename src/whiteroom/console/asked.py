"""What a page is asked: by whom, for what, and with which form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whiteroom.console.looking import Looks
from whiteroom.console.streams import Streams
from whiteroom.console.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page, by somebody who has signed in."""

    visitor: Visitor
    path: Mapping[str, Any]
    """What the path names: `{"collaboration": "..."}`."""
    query: Mapping[str, str]
    looks: Looks
    """What the operator's pages see of the machine."""
    streams: Streams
    """By which pages are told that something is new."""
    form: Mapping[str, str] | None = None
    """What a form of this session's own has sent; None where the page is only looked at."""

    @property
    def sent(self) -> Mapping[str, str]:
        """The form of a page that is there for forms alone (its route says so)."""
        if self.form is None:
            raise TypeError("The route of this page takes requests without a form.")
        return self.form

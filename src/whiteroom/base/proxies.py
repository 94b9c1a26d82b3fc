"""The machine's way out to the network, as processes of the server's are told of it."""

from __future__ import annotations

import os

_NAMES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})


def proxies() -> dict[str, str]:
    """The variables of this process that name proxies, in either case."""
    return {name: value for name, value in os.environ.items() if name.upper() in _NAMES}

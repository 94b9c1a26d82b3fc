"""Addresses of machines, and of e-mail."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

_ORIGIN: Final = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_MAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_MOST_PORT: Final = 65_535


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    # So is an IPv4 address called where a socket is for both.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def require_origin(url: str) -> None:
    """ValueError unless `url` is a scheme, a host and perhaps a port: a signature covers the path, so it has none."""
    found = _ORIGIN.fullmatch(url)
    if found is None or not 0 < int(found["port"] or 1) <= _MOST_PORT:
        raise ValueError(
            f"{url!r} is not like https://cleanroom.example.org or http://10.0.0.5:8080: a scheme, a host, perhaps a "
            "port, and nothing after them, no slash either."
        )


def require_mail_address(address: str) -> None:
    """ValueError unless it is one address of e-mail, and nothing besides."""
    if _MAIL.fullmatch(address) is None:
        raise ValueError(f"{address!r} is not an address of e-mail, such as ann@hospital.example.org.")

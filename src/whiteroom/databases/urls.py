"""URLs as an operator writes them: how a database is reached, without the secret."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, urlsplit


def split_url(url: str, written: str) -> tuple[SplitResult, int | None]:
    """Its parts, and the port that it names; `written` is how it should look.

    Raises:
        ValueError: it is none, or has a password in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"The connection is not written as {written}.") from None
    if parts.password is not None:
        raise ValueError(
            "The connection has a password in it, which everybody on this machine can see in a list of processes: "
            "leave it out, and change it. It is asked for, or read from the standard input."
        )
    return parts, port


def options_in(parts: SplitResult, known: tuple[str, ...]) -> dict[str, str]:
    """What is said behind the question mark.

    Raises:
        ValueError: something that is none of those known.
    """
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - set(known)):
        raise ValueError(f"{unknown[0]!r} is not said of a connection: {', '.join(known)} are.")
    return options

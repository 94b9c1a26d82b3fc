"""On whose behalf the server calls AWS: its own, or a member's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ENTRY: Final = re.compile(r"\s*(\d{12})\s*=\s*([^\s,=](?:[^,=]*[^\s,=])?)\s*", re.ASCII)
_NOT_OF_SESSIONS: Final = re.compile(r"[^\w+=,.@-]", re.ASCII)
_MAX_SESSION_NAME: Final = 64
"""Of STS's RoleSessionName."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asked for."""

    account_id: str | None
    """The member's account; None is the server itself."""
    role_arn: str | None
    """The role that the member has set for this; None where it has set none."""
    session_name: str
    """Of the role's session, which AWS's own trail shows to the member."""

    @property
    def words(self) -> str:
        """Who it is, for a message."""
        if self.account_id is None:
            return "the server itself"
        if self.role_arn is None:
            return f"the account {self.account_id}"
        return f"the account {self.account_id}, whose role is {self.role_arn}"


SERVER: Final = Identity(None, None, "whiteroom")


def member(account_id: str, role_arn: str | None, resource_id: str) -> Identity:
    """A member, for what the server does to one of its resources."""
    name = _NOT_OF_SESSIONS.sub("-", f"whiteroom-{resource_id}")
    return Identity(account_id, role_arn, name[:_MAX_SESSION_NAME])


def parse_account_profiles(text: str) -> Mapping[str, str]:
    """The profile of each account, from `ACCOUNT=PROFILE, ...`.

    Raises:
        ValueError: the text is not like that; the message says what is wrong.
    """
    profiles: dict[str, str] = {}
    for entry in filter(str.strip, text.split(",")):
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise ValueError(f"{entry.strip()!r} is not like ACCOUNT=PROFILE, such as 111122223333=hospital-a.")
        if profiles.setdefault(found[1], found[2]) != found[2]:
            raise ValueError(f"The account {found[1]} has two profiles.")
    return profiles

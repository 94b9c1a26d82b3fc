"""What `whiteroom doctor` says of members' buckets: whether there is something to sign with for them."""

from __future__ import annotations

from collections.abc import Iterator

from whiteroom.aws.identities import SERVER, member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable
from whiteroom.domain.execution.runs import Finding
from whiteroom.opening import open_aws
from whiteroom.settings import Settings, SettingsError

_TITLE = "members' buckets"
_REMEDY = "What it signs for is refused. docs/s3.md says who signs."


def about_buckets(settings: Settings) -> Iterator[Finding]:
    """One finding for the server itself, and one for each account that has a profile; none where buckets are folders.

    No bucket is asked: which there are, and by which role, is for each receiver to say.
    """
    if settings.buckets == "folder":
        return
    try:
        clients = open_aws(settings)
    except SettingsError as error:
        yield Finding(_TITLE, ok=False, detail=str(error), remedy="No server starts under this setting.")
        return
    for identity in (SERVER, *(member(account, None, "doctor") for account in sorted(settings.profiles_of_accounts))):
        try:
            clients.credentials(identity)
        except (AwsRefused, AwsUnreachable) as error:
            yield Finding(_TITLE, ok=False, detail=str(error), remedy=_REMEDY)
        else:
            yield Finding(_TITLE, ok=True, detail=f"There are credentials for {identity.words}.")

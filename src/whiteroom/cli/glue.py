"""What `whiteroom doctor` says of AWS Glue: whether it can be reached, and who asks it."""

from __future__ import annotations

from collections.abc import Iterator

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import SERVER, Identity
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable, refusals
from whiteroom.domain.execution.runs import Finding
from whiteroom.opening import open_aws
from whiteroom.settings import Settings, SettingsError

_TITLE = "Glue"
_REMEDY = "No table can be found with it. docs/tables.md has what it must be allowed."


def about_glue(settings: Settings) -> Iterator[Finding]:
    """One finding for the server itself, and one for each account that has a profile; none where Glue is not used."""
    if settings.catalog != "glue":
        return
    try:
        clients = open_aws(settings)
    except SettingsError as error:
        yield Finding(_TITLE, ok=False, detail=str(error), remedy="No server starts under this setting.")
        return
    yield _finding(clients, SERVER)
    for account_id in sorted(settings.profiles_of_accounts):
        yield _finding(clients, Identity(account_id, None, SERVER.session_name))


def _finding(clients: AwsClients, identity: Identity) -> Finding:
    try:
        with refusals("sts:GetCallerIdentity", identity):
            who = clients.client("sts", identity).get_caller_identity()["Arn"]
        glue = clients.client("glue", identity)
        with refusals("glue:GetDatabases", identity):
            glue.get_databases(MaxResults=1)
    except (AwsRefused, AwsUnreachable) as error:
        return Finding(_TITLE, ok=False, detail=f"{error}", remedy=_REMEDY)
    return Finding(_TITLE, ok=True, detail=f"Reached in {glue.meta.region_name} for {identity.words}, as {who}.")

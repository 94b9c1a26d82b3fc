"""The S3 beside a server that runs, as commands reach it: signed with a key of the account whose bucket it is."""

from __future__ import annotations

from dataclasses import dataclass

from whiteroom.aws.refusals import AwsRefused
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.cli.connections_kept import connections_of
from whiteroom.cli.folder import opened_store
from whiteroom.cli.server_file import running_s3_url, runs_in_development
from whiteroom.opening import open_catalog
from whiteroom.s3_server.identities import owners
from whiteroom.settings import Settings


@dataclass(frozen=True, slots=True)
class S3Beside:
    """Implements aws.clients.OwnS3 in another process than the server's, which keeps its own keys to itself."""

    settings: Settings

    @property
    def endpoint(self) -> str:
        """Its URL.

        Raises:
            AwsRefused: no server runs.
        """
        url = running_s3_url(self.settings.server_file)
        if url is None:
            raise AwsRefused("The S3 beside the server does not run. Start the server: whiteroom up --s3.")
        return url

    def key(self, account_id: str | None) -> tuple[str, str]:
        """A key of an account's users.

        Raises:
            AwsRefused: it has none that signs.
        """
        with opened_store(self.settings, look_only=True) as store, store.reading() as tx:
            found = owners(tx, dev=runs_in_development(self.settings.server_file))
        keys = next((owner.keys for owner in found if owner.account_id == account_id), ())
        if not keys:
            raise AwsRefused(
                f"The account {account_id} has no access key that signs at the S3 beside the server, and no bucket "
                "there. `whiteroom accounts add` makes both; in development mode an account has them once it has "
                "joined a collaboration."
            )
        return keys[0]


def catalog_of(settings: Settings) -> FolderCatalog:
    """The catalog of a data folder, whose tables in S3 are in the S3 beside the server where there is one."""
    beside = settings.s3_port is not None or running_s3_url(settings.server_file) is not None
    return open_catalog(settings, S3Beside(settings) if beside else None, connections_of(settings))

"""REST catalogs of Iceberg as the catalog: each account's own, its objects read with that account's identity."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import member
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable
from whiteroom.base.documents import from_document
from whiteroom.catalog.relations import Look, relation_table
from whiteroom.catalog.rest.answers import AGAIN, REFUSED, TABLE, RestTable
from whiteroom.catalog.snapshots.stored import StoredSnapshots, StoredTable
from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat
from whiteroom.domain.privacy.relations import Relation
from whiteroom.ports.catalog import CatalogUnavailable, Reader, TableNotFound, UnusableFiles

_CHILD: Final = "whiteroom.catalog.rest.child"
_SECONDS: Final = 60
_PASSED_ON: Final = frozenset(
    {"HOME", "PYICEBERG_HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
)
_OF_A_CATALOG: Final = "PYICEBERG_CATALOG__"


class IcebergRestCatalog:
    """Implements ports.Catalog over REST catalogs of Iceberg."""

    def __init__(
        self, clients: AwsClients, catalogs: Mapping[str, str], work: Path | None = None, look: Look | None = None
    ) -> None:
        """Ask of each account the catalog that pyiceberg's configuration has under its name.

        Args:
            clients: those of AWS's services.
            catalogs: the names, by account.
            work: where metadata of tables are while they are read; None for the machine's temporary files.
            look: looks at tables in members' databases; without it, such references are refused.
        """
        self._look = look
        self._clients = clients
        self._catalogs = dict(catalogs)
        self._snapshots = StoredSnapshots(work)

    @property
    def has_regions(self) -> bool:
        """ports.Catalog: a catalog has its tables wherever they are."""
        return False

    def resolve(
        self,
        account_id: str,
        database: str,
        table: str,
        *,
        region: str = "",  # noqa: ARG002 - it has none
        reader: Reader | None = None,
    ) -> CatalogTable:
        """ports.Catalog."""
        try:
            found = self._found(account_id, database, table)
            if reader is None:
                return CatalogTable((), FileFormat.PARQUET, found.columns, elsewhere=True)
            identity = member(account_id, reader.role_arn or None, reader.query_id)
            stored = StoredTable(FileFormat.ICEBERG, found.location, found.state, found.snapshot)
            planned, _ = self._snapshots.plan(self._clients.client("s3", identity), identity, stored)
        except AwsUnreachable as error:
            raise CatalogUnavailable(f"Table {database}.{table}: {error}") from None
        except (AwsRefused, UnusableFiles) as error:
            raise TableNotFound(f"Table {database}.{table}: {str(error).rstrip('.')}.") from None
        return planned

    def resolve_relation(self, account_id: str, relation: Relation) -> CatalogTable:
        """ports.Catalog."""
        return relation_table(self._look, account_id, relation.shown, relation)

    def _found(self, account_id: str, database: str, table: str) -> RestTable:
        name = self._catalogs.get(account_id)
        if name is None:
            raise UnusableFiles(
                f"the account {account_id} has no Iceberg catalog here: the operator names one in iceberg_catalogs"
            )
        if not (database and table and database.isprintable() and table.isprintable()):
            raise UnusableFiles("no table has such a name")
        said = _asked(name, database, table)
        if AGAIN in said:
            raise AwsUnreachable(said[AGAIN])
        if TABLE not in said:
            raise UnusableFiles(said.get(REFUSED, "its catalog's answer takes more time or memory than it may"))
        found = from_document(RestTable, said[TABLE])
        if not found.state:
            raise UnusableFiles(f"the Iceberg catalog {name!r} names no file of the table's metadata")
        return found


def _asked(name: str, database: str, table: str) -> dict[str, str]:
    command = [sys.executable, "-I", "-B", "-m", _CHILD, name, database, table]
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            env=_environment(name),
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        return {AGAIN: f"the Iceberg catalog {name!r} gave no answer within {_SECONDS} seconds"}
    try:
        said = json.loads(child.stdout)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _environment(name: str) -> dict[str, str]:
    """What says how that catalog is asked, and nothing of others'."""
    own = f"{_OF_A_CATALOG}{name}__".upper()
    return {key: value for key, value in os.environ.items() if key.upper() in _PASSED_ON or key.upper().startswith(own)}

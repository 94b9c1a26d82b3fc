"""Asks a REST catalog of Iceberg by pyiceberg, and takes nothing of what it would configure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    AuthorizationExpiredError,
    ForbiddenError,
    NoSuchNamespaceError,
    NoSuchTableError,
    OAuthError,
    ServerError,
    ServiceUnavailableError,
    TooManyRequestsError,
    UnauthorizedError,
)
from pyiceberg.io import FileIO
from pyiceberg.typedef import EMPTY_DICT
from pyiceberg.utils.config import Config
from requests import ConnectionError as NoConnection
from requests import Session, Timeout, TooManyRedirects

from whiteroom.catalog.snapshots.iceberg import columns_of
from whiteroom.domain.privacy.query_tables import Column

_OF_THE_SERVER: Final = ("prefix", "namespace-separator")
"""What a catalog may configure: where in itself its tables are. Anything else (`auth`, `py-io-impl`, `uri`) names code
that would be run, or places that would be asked."""


class NotAnswered(Exception):
    """The catalog decided nothing now."""


class NoTable(Exception):
    """The catalog has no such table for the server. The message says why."""


class _Catalog(RestCatalog):
    def _fetch_config(self) -> None:
        own, uri = dict(self.properties), self.uri
        super()._fetch_config()
        said = self.properties
        self.properties = {name: said[name] for name in _OF_THE_SERVER if isinstance(said.get(name), str)} | own
        self.uri = uri

    def _create_session(self) -> Session:
        session: Session = super()._create_session()
        session.max_redirects = 0
        return session

    def _load_file_io(self, properties: Any = EMPTY_DICT, location: str | None = None) -> FileIO:  # noqa: ARG002 - pyiceberg's
        return _NoFiles()


class _NoFiles(FileIO):
    """Reads nothing: a table's files are brought by others."""

    def new_input(self, location: str) -> Any:
        raise _refused(location)

    def new_output(self, location: str) -> Any:
        raise _refused(location)

    def delete(self, location: Any) -> None:
        raise _refused(location)


def _refused(location: object) -> PermissionError:
    return PermissionError(f"{location} is read by whoever brings the table's files, and written by nobody")


def loaded(name: str, namespace: str, table: str) -> tuple[str, str, tuple[Column, ...], Mapping[str, str]]:
    """A table's location, the file of its metadata, its columns and its properties.

    Raises:
        NoTable, NotAnswered: there is none; or that is not known.
        Exception: the answer cannot be read.
    """
    configured = Config().get_catalog_config(name)
    if configured is None or not isinstance(configured.get("uri"), str):
        raise NoTable(f"pyiceberg's configuration has no catalog {name!r} with a uri: the operator adds it")
    if configured.get("type", "rest") != "rest":
        raise NoTable(f"the catalog {name!r} of pyiceberg's configuration is no REST catalog")
    try:
        found = _Catalog(name, **cast("dict[str, str]", configured)).load_table((namespace, table))
    except (NoSuchNamespaceError, NoSuchTableError):
        raise NoTable(f"the Iceberg catalog {name!r} has no such table") from None
    except (AuthorizationExpiredError, ForbiddenError, OAuthError, UnauthorizedError) as error:
        raise NoTable(f"the Iceberg catalog {name!r} refused the server ({type(error).__name__})") from None
    except TooManyRedirects:
        raise NoTable(f"the Iceberg catalog {name!r} redirects, which is not followed") from None
    except (NoConnection, Timeout, ServerError, ServiceUnavailableError, TooManyRequestsError) as error:
        raise NotAnswered(f"the Iceberg catalog {name!r} gave no answer ({type(error).__name__})") from None
    columns, _, _ = columns_of(found.schema())
    return found.location(), found.metadata_location, columns, found.properties

"""Opens the adapters that the settings choose."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from whiteroom.aws.clients import AwsClients, OwnS3
from whiteroom.aws.identities import parse_account_profiles
from whiteroom.aws.late import LateClients
from whiteroom.aws.refusals import AwsUnusable
from whiteroom.base.clock import Clock
from whiteroom.base.locations import parse_location
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.catalog.glue import GlueCatalog
from whiteroom.catalog.relations import Look
from whiteroom.catalog.rest.catalog import IcebergRestCatalog
from whiteroom.catalog.stored.tables import StoredTables
from whiteroom.controllers.notifications import Notifications
from whiteroom.controllers.notifying import NotificationThreads
from whiteroom.controllers.results import Handover
from whiteroom.controllers.retention import RetentionSweep
from whiteroom.data.buckets import BucketDeliveries, OwnBuckets
from whiteroom.data.folder import FolderData
from whiteroom.data.s3.places import ServerData
from whiteroom.data.sealed.memory import memory_folder, size_of
from whiteroom.databases.asking import Databases
from whiteroom.databases.kinds import Connections
from whiteroom.domain.observability.notifications import Way
from whiteroom.domain.resources.retention import Retention
from whiteroom.engines.duckdb.engine import SPILL_BYTES, DuckDbEngine
from whiteroom.engines.duckdb.schemas import read_schema, read_snapshot
from whiteroom.ports.catalog import Catalog
from whiteroom.ports.notifications import Sender
from whiteroom.ports.runtime import Runtime
from whiteroom.ports.sql_engine import SqlEngine
from whiteroom.ports.store import Store
from whiteroom.senders.mail import MailSender, MailServer
from whiteroom.senders.webhooks import WebhookSender
from whiteroom.settings import Settings, SettingsError
from whiteroom.store.sqlite import SqliteStore
from whiteroom.store.webhooks import StoreWebhooks


def open_aws(settings: Settings, own_s3: OwnS3 | None = None) -> AwsClients:
    """Clients of AWS's own services, or of the S3 beside the server.

    Raises:
        SettingsError: boto3 is not there, or a profile.
    """
    try:
        return AwsClients(settings.region, settings.aws_profile, settings.profiles_of_accounts, own_s3)
    except AwsUnusable as error:
        raise SettingsError(str(error)) from None


def open_retention(
    settings: Settings, store: Store, folder: FolderData, runtime: Runtime, clock: Clock
) -> RetentionSweep:
    """What erases what is over; results in members' own buckets are theirs to erase."""
    retention = Retention(
        result_days=settings.result_retention_days,
        undelivered_result_days=settings.undelivered_result_retention_days,
        log_days=settings.log_retention_days,
        record_days=settings.record_retention_days,
    )
    return RetentionSweep(store, folder, runtime.forget_logs, retention, clock)


def mail_server(settings: Settings) -> MailServer | None:
    """Where mail is handed in; None where the settings name no place for it.

    Raises:
        SettingsError: the password cannot be read.
    """
    if not settings.smtp_host:
        return None
    password = ""
    if settings.smtp_user:
        try:
            password = Path(settings.smtp_password_file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"smtp_password_file cannot be read: {error}.", "smtp_password_file") from None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.smtp_from,
        user=settings.smtp_user,
        password=password,
    )


def open_senders(settings: Settings, store: SqliteStore) -> Mapping[Way, Sender]:
    """What reaches the addresses at which accounts are told something.

    Raises:
        SettingsError: as `mail_server`.
    """
    return {Way.WEBHOOK: WebhookSender(StoreWebhooks(store).find), Way.EMAIL: MailSender(mail_server(settings))}


def open_notifying(settings: Settings, store: SqliteStore, clock: Clock) -> NotificationThreads:
    """What tells accounts what ended and what they have to do.

    Raises:
        SettingsError: as `mail_server`.
    """
    return NotificationThreads(Notifications(store, open_senders(settings, store), clock), clock)


def open_deliveries(
    settings: Settings, folder: FolderData, own_s3: OwnS3 | None = None
) -> FolderData | BucketDeliveries:
    """What delivers to members' locations: folders of this server, or buckets by their owners' rights.

    Buckets are AWS's, or those of the S3 beside the server where there is one.

    Raises:
        SettingsError: as `open_aws`.
    """
    if settings.buckets == "folder" and settings.s3_port is None:
        return folder
    clients = open_aws(settings, own_s3)
    beside = None if own_s3 is None else _beside(settings, own_s3, folder)
    return BucketDeliveries(settings.folder("uploads"), folder, clients, settings.regions_of_buckets, beside)


def _beside(settings: Settings, own_s3: OwnS3, folder: FolderData) -> OwnBuckets:
    own = settings.default_result_location
    return OwnBuckets(settings.s3_public_url or own_s3.endpoint, parse_location(own).bucket if own else None, folder)


def open_handover(
    settings: Settings, store: Store, folder: FolderData, clock: Clock, own_s3: OwnS3 | None = None
) -> Handover:
    """What delivers, and keeps the record of it.

    Raises:
        SettingsError: as `open_aws`.
    """
    deliveries = open_deliveries(settings, folder, own_s3)
    if isinstance(deliveries, FolderData):
        return Handover(store, deliveries, clock, settings.quotas)
    # Aside: a bucket that does not answer keeps no server from starting.
    threading.Thread(target=deliveries.sweep, name="uploads-sweep", daemon=True).start()
    return Handover(store, deliveries, clock, settings.quotas, kept_here=False)


def _late(settings: Settings, own_s3: OwnS3 | None) -> LateClients:
    """Clients for tables in S3: without such a table nobody needs boto3, or profiles."""
    own = settings.region, settings.aws_profile, settings.profiles_of_accounts
    return LateClients(lambda: AwsClients(*own, own_s3))


def _look(settings: Settings, connections: Connections | None) -> Look | None:
    """What looks at tables in members' databases; None without connections."""
    return None if connections is None else Databases(connections, snowflake=settings.snowflake).look


def open_catalog(
    settings: Settings,
    own_s3: OwnS3 | None = None,
    connections: Connections | None = None,
    work: Path | None = None,
) -> FolderCatalog:
    """The catalog of a data folder; its tables in S3 are in members' own buckets, or in the S3 beside the server.

    Without connections, its tables of databases cannot be read. Metadata of tables in S3 are in `work` while they are
    read; where it is None, where the machine has temporary files.
    """
    regions = settings.regions_of_buckets.listed
    stored = StoredTables(_late(settings, own_s3), settings.max_table_bytes, regions, work)
    return FolderCatalog(settings.folder("catalog"), read_schema, read_snapshot, stored, _look(settings, connections))


def open_tables(settings: Settings, own_s3: OwnS3 | None = None, connections: Connections | None = None) -> Catalog:
    """What tables refer to: the catalog of the data folder, Glue, or REST catalogs of Iceberg.

    Raises:
        SettingsError: as `open_aws`.
    """
    work = memory_folder(settings.memory_folder, settings.data) if settings.files == "sealed" else None
    if settings.catalog == "folder":
        return open_catalog(settings, own_s3, connections, work)
    look = _look(settings, connections)
    if settings.catalog == "iceberg":
        return IcebergRestCatalog(open_aws(settings), parse_account_profiles(settings.iceberg_catalogs), work, look)
    return GlueCatalog(open_aws(settings), settings.profiles_of_accounts, work, look)


def open_engine(
    settings: Settings, data: ServerData, own_s3: OwnS3 | None = None, connections: Connections | None = None
) -> SqlEngine:
    """What runs queries on this machine. Where that is in memory, what they spill takes no more than half of it.

    Raises:
        SettingsError: as `open_aws`.
    """
    aws = _late(settings, own_s3) if settings.catalog == "folder" else open_aws(settings)
    spill_bytes = SPILL_BYTES if settings.files == "plain" else min(SPILL_BYTES, size_of(data.work) // 2)
    return DuckDbEngine(data.work, data, spill_bytes, aws, settings.max_table_bytes, connections)

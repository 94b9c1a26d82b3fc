"""What the clean room needs from outside itself, one file a port.

Each port has one contract suite (tests/contract/<file>/suite.py), which every adapter and every fake runs.
Adapters: store/, runtime/, engines/, catalog/, data/, keys/. They meet in app.py and nowhere else.
"""

from __future__ import annotations

from whiteroom.ports.analysis_logs import AnalysisLogs, LogStreamKey, PlacedEvent
from whiteroom.ports.catalog import (
    TABLES,
    Catalog,
    CatalogUnavailable,
    FoundTable,
    Glimpse,
    Reader,
    SchemaReader,
    SnapshotReader,
    TableNotFound,
    UnusableFiles,
)
from whiteroom.ports.data import (
    Archive,
    ConflictingContents,
    Data,
    LeftOut,
    Lent,
    LocalData,
    TookTooLong,
    TooLarge,
    UnsafeContents,
)
from whiteroom.ports.deliveries import (
    DeliveredBytes,
    Deliveries,
    DeliveryDelayed,
    DeliveryFailed,
    DeliveryGone,
    KeptResults,
)
from whiteroom.ports.keys import (
    DATA_KEY_BYTES,
    DataKey,
    KeyRefused,
    KeyRing,
    KeyTakenAway,
    RingUnreachable,
    WrongKey,
)
from whiteroom.ports.layouts import Layouts
from whiteroom.ports.repositories import (
    Actor,
    Duplicate,
    LifecycleRepository,
    Metrics,
    Page,
    PageKey,
    Repository,
    Stale,
    Tags,
)
from whiteroom.ports.run_logs import PlacedLine, RunLogs
from whiteroom.ports.runtime import CannotIsolate, ImageNotFound, RunRefused, Runtime
from whiteroom.ports.sql_engine import SqlEngine
from whiteroom.ports.store import Claim, Store, Work
from whiteroom.ports.synthesiser import Synthesiser
from whiteroom.ports.transaction import KINDS, Kind, Transaction

__all__ = [
    "DATA_KEY_BYTES",
    "KINDS",
    "TABLES",
    "Actor",
    "AnalysisLogs",
    "Archive",
    "CannotIsolate",
    "Catalog",
    "CatalogUnavailable",
    "Claim",
    "ConflictingContents",
    "Data",
    "DataKey",
    "DeliveredBytes",
    "Deliveries",
    "DeliveryDelayed",
    "DeliveryFailed",
    "DeliveryGone",
    "Duplicate",
    "FoundTable",
    "Glimpse",
    "ImageNotFound",
    "KeptResults",
    "KeyRefused",
    "KeyRing",
    "KeyTakenAway",
    "Kind",
    "Layouts",
    "LeftOut",
    "Lent",
    "LifecycleRepository",
    "LocalData",
    "LogStreamKey",
    "Metrics",
    "Page",
    "PageKey",
    "PlacedEvent",
    "PlacedLine",
    "Reader",
    "Repository",
    "RingUnreachable",
    "RunLogs",
    "RunRefused",
    "Runtime",
    "SchemaReader",
    "SnapshotReader",
    "SqlEngine",
    "Stale",
    "Store",
    "Synthesiser",
    "TableNotFound",
    "Tags",
    "TooLarge",
    "TookTooLong",
    "Transaction",
    "UnsafeContents",
    "UnusableFiles",
    "Work",
    "WrongKey",
]

"""Which columns of records are sealed, by what, and how they are written and read.

A document is opened when somebody looks into it: a record whose key was taken away is still found, listed and deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from whiteroom.envelope.values import is_sealed, seal, unseal
from whiteroom.ports.keys import KeyRing
from whiteroom.store.codec import from_json
from whiteroom.store.secrets import ServerSeal

BY_SERVER: Final[Mapping[str, Mapping[str, Callable[[bytes], Any]]]] = {
    "access_keys": {"secret_access_key": bytes.decode},
    "analysis_log_events": {"message": msgspec.json.decode},
}
"""By table, the columns that are sealed by the server's own key, and how what was in them is read: members' secrets,
which every request needs, and logs with the texts of queries, which outlive whatever they describe."""

DOCUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "analysis_templates": ("source",),
    "configured_model_algorithms": ("training_container_config", "inference_container_config"),
    "ml_input_channels": ("input_channel",),
    "protected_queries": ("sql_parameters",),
    "trained_model_inference_jobs": ("environment",),
    "trained_models": ("hyperparameters", "environment"),
}
"""By table, the columns with documents that are sealed by a data key of the record's own: query texts and their
parameters, environments and hyperparameters, and what an algorithm's containers are given."""


def sealed_columns(table: str) -> frozenset[str]:
    """The columns of a table of which the store reads no value before it is opened."""
    return frozenset((*DOCUMENTS.get(table, ()), *BY_SERVER.get(table, ())))


@dataclass(frozen=True, slots=True)
class Place:
    """What a record is sealed as."""

    context: str
    """The ARN of what it is, which its data key is wrapped for."""
    key_name: str
    """The key that wraps it: the one that was asked for, or the collaboration's, or the account's."""
    record_id: str

    def of(self, column: str) -> str:
        """One column's place: a ciphertext that is moved to another one does not open there."""
        return f"{self.context}\n{self.record_id}\n{column}"


def place_of(record: Any) -> Place:
    """What a record is sealed as."""
    context = getattr(record, "arn", None) or collaboration_key(record)
    key_name = getattr(record, "kms_key_arn", None) or collaboration_key(record)
    return Place(context, key_name, record.id)


def collaboration_key(record: Any) -> str:
    """The name of the key of a record that no request has named a key for."""
    collaboration = getattr(record, "collaboration_id", None)
    return f"whiteroom:collaboration/{collaboration}" if collaboration else f"whiteroom:account/{record.account_id}"


class SealedDocument(Mapping[str, Any]):
    """A document that is opened when it is first looked into.

    Raises:
        KeyRefused: at that moment, where its key is not to be had.
    """

    __slots__ = ("_document", "_open")

    def __init__(self, open_document: Callable[[], bytes]) -> None:
        self._open = open_document
        self._document: Mapping[str, Any] | None = None

    def opened(self) -> Mapping[str, Any]:
        """The document."""
        if self._document is None:
            self._document = msgspec.json.decode(self._open())
        return self._document

    def __getitem__(self, name: str) -> Any:
        return self.opened()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.opened())

    def __len__(self) -> int:
        return len(self.opened())

    def __repr__(self) -> str:
        return "SealedDocument()"


class StoreKeys:
    """What one store seals its columns by. Safe from any thread."""

    def __init__(self, ring: KeyRing | None, server: ServerSeal) -> None:
        self._ring = ring
        self.server = server

    @property
    def seals(self) -> bool:
        """Whether what is written from now on is sealed."""
        return self._ring is not None and self._ring.seals

    def hide(self, table: str, record: Any, values: MutableMapping[str, Any]) -> None:
        """Seal the values of a record that are to be, in place.

        Raises:
            KeyRefused: the ring gives no key.
        """
        for name in BY_SERVER.get(table, ()):
            if name in values:
                values[name] = self.server.seal(values[name].encode(), _server_place(table, record, name))
        plain = {name: values[name] for name in DOCUMENTS.get(table, ()) if values.get(name) is not None}
        if plain and self._ring is not None and self._ring.seals:
            place = place_of(record)
            key = self._ring.new(place.key_name, place.context)
            for name, text in plain.items():
                values[name] = seal(text.encode(), key, place.of(name))

    def reveal(self, table: str, record: Any) -> None:
        """Put plain values in place of what was read of a record: secrets at once, documents when they are looked at.

        Raises:
            KeyRefused: the server's own key opens a secret no more.
        """
        for name, read in BY_SERVER.get(table, {}).items():
            text = getattr(record, name, None)  # a view may do without the secret
            if text is None:
                continue
            plain = self.server.unseal(text, _server_place(table, record, name))
            object.__setattr__(record, name, read(plain))
        columns = DOCUMENTS.get(table)
        if columns is None:
            return
        opened: dict[bytes, bytes] = {}  # its documents have one key
        for name in columns:
            text = getattr(record, name, None)  # a view may have a part of the columns
            if text is not None:
                document = self._document(record, name, text, opened) if is_sealed(text) else from_json(text)
                object.__setattr__(record, name, document)

    def _document(self, record: Any, name: str, text: str, opened: dict[bytes, bytes]) -> SealedDocument:
        place = place_of(record)

        def open_key(wrapped: bytes) -> bytes:
            if self._ring is None:
                raise RuntimeError("The store was opened without the ring that its documents are sealed by.")
            key = opened.get(wrapped)
            if key is None:
                key = opened[wrapped] = self._ring.open(wrapped, place.context)
            return key

        return SealedDocument(partial(unseal, text, open_key, place.of(name)))


def _server_place(table: str, record: Any, column: str) -> str:
    return f"{table}\n{record.id}\n{column}"


_HOLDING = frozenset({SealedDocument, dict, list, tuple})


def open_all(answer: Any) -> None:
    """Open every document in an answer, as deep as answers hold any.

    Raises:
        KeyRefused: where the key of one is not to be had.
    """
    kind = type(answer)
    if kind is SealedDocument:
        answer.opened()
    elif kind in _HOLDING:
        for value in answer.values() if kind is dict else answer:
            if type(value) in _HOLDING:
                open_all(value)

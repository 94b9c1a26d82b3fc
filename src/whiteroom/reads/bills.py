"""What is kept, and what work took, by payer and collaboration. All that is written down of it is read: on a thread."""

from __future__ import annotations

from dataclasses import dataclass

from whiteroom.domain.resources.usage import GB
from whiteroom.ports.transaction import Transaction

_HOUR_SECONDS = 3600.0
_BY = ("payer_account_id", "collaboration_id", "kind")


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes of one kind that are there now."""

    payer_account_id: str
    collaboration_id: str
    kind: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Used:
    """What one kind of work took of the machine, from the beginning on."""

    payer_account_id: str
    collaboration_id: str
    kind: str
    cpu_seconds: float
    memory_gb_hours: float


@dataclass(frozen=True, slots=True)
class Bills:
    """All of it, by payer, collaboration and kind, in this order."""

    stored: tuple[Stored, ...]
    used: tuple[Used, ...]
    collaborations: dict[str, str]
    """Their names, by their ids."""


def bills(tx: Transaction) -> Bills:
    """What every payer owes for, at this moment."""
    held = tx.holdings.totals("size_bytes", _BY, is_held=True)
    cpu, memory = tx.usage.totals("cpu_seconds", _BY), tx.usage.totals("byte_seconds", _BY)
    names = {}
    for collaboration_id in {key[1] for key in (*held, *cpu)}:
        collaboration = tx.collaborations.get(collaboration_id)
        names[collaboration_id] = "" if collaboration is None else collaboration.name
    return Bills(
        tuple(Stored(key[0], key[1], key[2], int(held[key])) for key in sorted(held)),
        tuple(Used(key[0], key[1], key[2], cpu[key], memory[key] / GB / _HOUR_SECONDS) for key in sorted(cpu)),
        names,
    )

"""How many bytes are kept for whom."""

from __future__ import annotations

from whiteroom.ports.transaction import Transaction


def held_by_membership(tx: Transaction, membership_id: str) -> int:
    """Bytes of all that a membership asked for and that is there."""
    return tx.holdings.total("size_bytes", membership_id=membership_id, is_held=True)


def held_by_collaboration(tx: Transaction, collaboration_id: str) -> int:
    """The same of all members of a collaboration."""
    return tx.holdings.total("size_bytes", collaboration_id=collaboration_id, is_held=True)

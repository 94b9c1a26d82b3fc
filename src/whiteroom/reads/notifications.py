"""What an account is to be told, and whether it may know, over a transaction: at the moment at which it is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from whiteroom.domain.observability.next_actions import needs_of
from whiteroom.domain.observability.notifications import (
    ENDS,
    INVITED,
    NEEDED,
    NOUNS,
    SETTLES_AFTER,
    Need,
    Notice,
    NotificationAddress,
    OutboxEntry,
    end_data,
    need,
    notice,
    result_notice,
)
from whiteroom.domain.resources.accounts import Standing
from whiteroom.domain.resources.collaborations import Collaboration, CollaborationStatus, MemberStatus, member_id
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.advice import recorded_state

_INVITATION = "invitation"
"""The sentence of a need that is an invitation."""


def may_know(tx: Transaction, account_id: str, notice: Notice) -> bool:
    """Whether the account may read now of what a notice tells: as a member whom nobody has shut out.

    Development mode has accounts without a record.
    """
    if _is_shut_out(tx, account_id):
        return False
    member = tx.members.get(member_id(notice.collaboration_id, account_id))
    wanted = MemberStatus.INVITED if notice.type == INVITED else MemberStatus.ACTIVE
    return member is not None and member.status is wanted


def _is_shut_out(tx: Transaction, account_id: str) -> bool:
    account = tx.accounts.get(account_id)
    return account is not None and account.standing is not Standing.ENABLED


def notices_of_end(tx: Transaction, entry: OutboxEntry) -> Iterator[Notice]:
    """What the end of a job tells to the addresses of the account whose it is, and of those that receive from it."""
    repository: Any = getattr(tx, entry.kind)
    record = repository.get(entry.record_id)
    if record is None:
        return
    kind = f"{NOUNS[entry.kind]}.{ENDS[entry.event]}"
    for address in tx.notification_addresses.all(account_id=record.account_id):
        yield notice(address, kind, entry.id, record.collaboration_id, end_data(entry, record), entry.created_at)
    for result in tx.results.all(job_id=record.id):
        for address in tx.notification_addresses.all(account_id=result.account_id):
            found = result_notice(address, entry, result)
            if found is not None:
                yield found


def needs_now(tx: Transaction, address: NotificationAddress, now: datetime) -> dict[str, tuple[Need, Notice]]:
    """What collaborations wait for from an account, by the need's id, and what its address is told of each."""
    found: dict[str, tuple[Need, Notice]] = {}
    if _is_shut_out(tx, address.account_id):
        return found
    for member in tx.members.all(account_id=address.account_id):
        collaboration = tx.collaborations.get(member.collaboration_id)
        if collaboration is None or collaboration.status is not CollaborationStatus.ACTIVE:
            continue
        if member.status is MemberStatus.INVITED and collaboration.creator_account_id != address.account_id:
            seen = need(address, collaboration.id, _INVITATION, now=now)
            found[seen.id] = (seen, _invitation(address, collaboration, now))
        if member.status is not MemberStatus.ACTIVE:
            continue
        for sentence in needs_of(recorded_state(tx, collaboration).looked_up(None), address.account_id, now):
            seen = need(address, collaboration.id, sentence, now=now)
            data = {"collaborationName": collaboration.name, "action": sentence}
            found[seen.id] = (seen, notice(address, NEEDED, seen.id, collaboration.id, data, now))
    return found


def _invitation(address: NotificationAddress, collaboration: Collaboration, now: datetime) -> Notice:
    data = {
        "collaborationArn": collaboration.arn,
        "collaborationName": collaboration.name,
        "creatorAccountId": collaboration.creator_account_id,
        "creatorDisplayName": collaboration.creator_display_name,
        "action": f"Join: CreateMembership with collaborationIdentifier {collaboration.id}, or leave it be.",
    }
    return notice(address, INVITED, collaboration.id, collaboration.id, data, now)


def is_due(seen: Need, now: datetime) -> bool:
    """Whether an account is told now of what it lacks: of an invitation at once, of the rest once it has settled."""
    return not seen.is_told and (seen.sentence == _INVITATION or now - seen.created_at >= SETTLES_AFTER)

"""What every implementation of ports.Store and ports.Transaction keeps to. Subclass, and give the fixture.

`store` is what is tested. What it promises of two writers is proved in test_isolation.py, on real decisions.
"""

from __future__ import annotations

import pytest

from contract.repositories.suite import MINUTE, NOON, a_model, accounts, submit
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.accounts import Account
from whiteroom.ports.store import Claim, Store, Work
from whiteroom.ports.transaction import Transaction


class StoreContract:
    ports: tuple[type, ...] = (Store, Transaction)

    def test_what_raises_leaves_nothing_behind(self, store: Store) -> None:
        def write_and_fail() -> None:
            with store.transaction() as tx:
                tx.accounts.add(Account("111111111111", "one", NOON))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            write_and_fail()
        with store.reading() as tx:
            assert tx.accounts.get("111111111111") is None

    def test_work_is_claimed_by_one_owner_at_a_time(self, store: Store) -> None:
        submit(store, a_model())
        claim = store.claim("one", NOON + MINUTE, 30)
        assert claim == Claim(Work.TRAINED_MODELS, "model-000001", "one", a_model().created_at)
        assert store.claim("two", NOON + MINUTE, 30) is None

    def test_a_dead_owners_lease_expires(self, store: Store) -> None:
        submit(store, a_model())
        first = store.claim("one", NOON + MINUTE, 30)
        assert first is not None
        second = store.claim("two", NOON + 2 * MINUTE, 30)
        assert second is not None
        assert second.owner == "two"
        assert not store.extend(first, NOON + 2 * MINUTE, 30)

    def test_an_extended_lease_holds(self, store: Store) -> None:
        submit(store, a_model())
        claim = store.claim("one", NOON + MINUTE, 30)
        assert claim is not None
        assert store.extend(claim, NOON + 2 * MINUTE, 30)
        assert store.claim("two", NOON + 2 * MINUTE, 30) is None

    def test_released_work_is_due_when_its_owner_said(self, store: Store) -> None:
        submit(store, a_model())
        claim = store.claim("one", NOON + MINUTE, 30)
        assert claim is not None
        store.release(claim, NOON + 5 * MINUTE)
        assert store.claim("two", NOON + 4 * MINUTE, 30) is None
        assert store.next_due_at() == NOON + 5 * MINUTE
        assert store.claim("two", NOON + 5 * MINUTE, 30) is not None

    def test_a_members_wish_during_a_lease_is_not_put_off_by_the_release(self, store: Store) -> None:
        model = a_model()
        submit(store, model)
        claim = store.claim("one", NOON + MINUTE, 30)
        assert claim is not None
        with store.transaction() as tx:
            tx.trained_models.transition(model, Event.CANCEL, actor="111111111111", at=NOON + MINUTE)
        assert store.claim("two", NOON + MINUTE, 30) is None, "the lease stands"
        store.release(claim, NOON + 60 * MINUTE)
        assert store.claim("two", NOON + MINUTE, 30) is not None

    def test_a_record_at_rest_has_no_work(self, store: Store) -> None:
        model = a_model()
        submit(store, model)
        with store.transaction() as tx:
            tx.trained_models.transition(model, Event.FAILED, actor="controller", at=NOON)
        assert store.claim("one", NOON + 60 * MINUTE, 30) is None
        assert store.next_due_at() is None
        with store.reading() as tx:
            assert tx.trained_models.working() == ()

    def test_a_server_that_starts_alone_frees_every_lease(self, store: Store) -> None:
        submit(store, a_model())
        assert store.claim("killed", NOON + MINUTE, 3600)
        assert store.claim("next", NOON + MINUTE, 30) is None
        store.release_all_leases()
        claim = store.claim("next", NOON + MINUTE, 30)
        assert claim is not None
        assert claim.record_id == a_model().id

    def test_work_that_is_due_later_can_be_made_due_now(self, store: Store) -> None:
        with store.transaction() as tx:
            model = tx.trained_models.submit(a_model(), actor="a")
            tx.trained_models.transition(model, Event.STARTED, actor="c", at=NOON, due_at=NOON + 1440 * MINUTE)
        assert store.claim("one", NOON, 30) is None
        store.make_all_due(NOON)
        claim = store.claim("one", NOON, 30)
        assert claim is not None
        assert claim.record_id == model.id

    def test_a_view_stays_as_it_was_when_it_was_first_read(self, store: Store) -> None:
        accounts(store, 1)
        with store.reading() as view:
            before = view.accounts.all()
            accounts(store, 2)
            assert view.accounts.all() == before
        with store.reading() as view:
            assert len(view.accounts.all()) == 2

    def test_what_is_written_is_read_in_its_own_transaction(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.accounts.add(Account("111111111111", "one", NOON))
            assert tx.accounts.get("111111111111") is not None

    def test_whoever_waits_for_work_is_told_when_it_is_due_or_its_lease_ends(self, store: Store) -> None:
        assert store.next_due_at() is None
        submit(store, a_model())
        assert store.next_due_at() == a_model().created_at
        store.claim("one", NOON + MINUTE, 30)
        assert store.next_due_at() == NOON + 1.5 * MINUTE

    def test_a_field_is_summed_over_the_records_that_were_asked_for(self, store: Store) -> None:
        submit(store, *(a_model(number) for number in range(4)))
        with store.transaction() as tx:
            for number, model in enumerate(tx.trained_models.all(membership_id="m", is_latest=True)[:3]):
                tx.trained_models.note(model, actor="a", at=NOON, reason="", output_bytes=10**12 * (number + 1))
        with store.reading() as tx:
            assert tx.trained_models.total("output_bytes", membership_id="m", is_latest=True) == 6 * 10**12
            assert tx.trained_models.total("output_bytes", membership_id="nobody", is_latest=True) == 0

    def test_a_field_is_summed_apart_by_what_the_records_share(self, store: Store) -> None:
        submit(store, *(a_model(number) for number in range(4)))
        with store.transaction() as tx:
            for number, model in enumerate(tx.trained_models.all(membership_id="m", is_latest=True)):
                name = ("one", "two")[number % 2]
                tx.trained_models.note(model, actor="a", at=NOON, output_bytes=10**number, description=name)
        with store.reading() as tx:
            summed = tx.trained_models.totals("output_bytes", ("membership_id", "description"))
            assert summed == {("m", "one"): 101, ("m", "two"): 1010}
            assert tx.trained_models.totals("output_bytes", ("membership_id",), status="ACTIVE") == {}

    def test_the_newest_events_of_all_resources_are_paged_and_have_no_reasons(self, store: Store) -> None:
        submit(store, *(a_model(number) for number in range(3)))
        with store.transaction() as tx:
            model = tx.trained_models.get("model-000001")
            assert model is not None
            tx.trained_models.transition(model, Event.CANCEL, actor="111111111111", at=NOON + MINUTE, reason="secret")
        with store.reading() as tx:
            first = tx.newest_events(2)
            rest = tx.newest_events(100, first[-1].place)
        assert [one.event for one in first] == [Event.CANCEL, Event.CREATED]
        assert (first[0].actor, first[0].from_status, first[0].to_status) == (
            "111111111111", "CREATE_PENDING", "CANCEL_PENDING",
        )  # fmt: skip
        assert first[0].at == NOON + MINUTE
        assert len(rest) == 2
        assert max(one.place for one in rest) < first[-1].place
        assert "secret" not in repr((first, rest))

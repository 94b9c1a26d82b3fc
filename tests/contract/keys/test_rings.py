"""Each key ring, and what is each one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from contract.keys.suite import CONTEXT, KEY, OWN, KeyRingContract
from support.kms import FakeKms
from whiteroom.keys.aws import CONTEXT_KEY, AwsRing
from whiteroom.keys.echo import EchoRing
from whiteroom.keys.local import LocalRing, UnusableMaster, taken_list
from whiteroom.keys.remembering import (
    KEPT_SECONDS,
    REFUSAL_SECONDS,
    KeyNotAtHand,
    RememberingRing,
    without_waiting,
)
from whiteroom.keys.rings import Rings, open_rings
from whiteroom.ports.keys import KeyTakenAway, RingUnreachable, WrongKey


def local(tmp_path: Path) -> LocalRing:
    return LocalRing(tmp_path / "state" / "master.key", lambda: True)


@pytest.fixture
def kms() -> FakeKms:
    return FakeKms(KEY)


class TestLocalRing(KeyRingContract):
    adapters = (LocalRing,)

    @pytest.fixture
    def ring(self, tmp_path: Path) -> LocalRing:
        return local(tmp_path)

    def test_the_master_key_is_made_once_for_its_owner_alone(self, tmp_path: Path) -> None:
        ring, again = local(tmp_path), local(tmp_path)
        made = ring.new(KEY, CONTEXT)
        assert again.open(made.wrapped, CONTEXT) == made.key
        (file,) = (tmp_path / "state").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700

    def test_a_lost_master_key_is_not_made_again(self, tmp_path: Path) -> None:
        ring = LocalRing(tmp_path / "master.key", lambda: False)
        with pytest.raises(UnusableMaster, match="is gone, and the data folder is sealed by it"):
            ring.new(KEY, CONTEXT)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("length", [0, 31, 33])
    def test_a_master_key_of_another_length_is_refused(self, tmp_path: Path, length: int) -> None:
        (tmp_path / "master.key").write_bytes(bytes(length))
        with pytest.raises(UnusableMaster, match=f"has {length}"):
            LocalRing(tmp_path / "master.key", lambda: True).new(KEY, CONTEXT)

    def test_another_master_key_opens_nothing(self, tmp_path: Path) -> None:
        made = local(tmp_path / "one").new(KEY, CONTEXT)
        with pytest.raises(WrongKey, match="another master key"):
            local(tmp_path / "other").open(made.wrapped, CONTEXT)

    def test_a_key_that_was_taken_away_opens_nothing_at_once_until_it_is_given_back(self, tmp_path: Path) -> None:
        ring = local(tmp_path)
        made, other = ring.new(KEY, CONTEXT), ring.new(OWN, CONTEXT)
        taken = taken_list(tmp_path / "state" / "master.key")
        taken.write_text(f"# taken in May\n{KEY}\n")
        for attempt in (lambda: ring.open(made.wrapped, CONTEXT), lambda: ring.new(KEY, CONTEXT)):
            with pytest.raises(KeyTakenAway, match=KEY):
                attempt()
        assert ring.open(other.wrapped, CONTEXT) == other.key
        taken.unlink()
        assert ring.open(made.wrapped, CONTEXT) == made.key

    def test_no_key_is_used_while_nobody_knows_which_were_taken_away(self, tmp_path: Path) -> None:
        ring = local(tmp_path)
        made = ring.new(KEY, CONTEXT)
        taken_list(tmp_path / "state" / "master.key").mkdir()
        with pytest.raises(RingUnreachable, match="which keys were taken away"):
            ring.open(made.wrapped, CONTEXT)


class TestAwsRing(KeyRingContract):
    adapters = (AwsRing,)

    @pytest.fixture
    def ring(self, kms: FakeKms) -> AwsRing:
        return AwsRing(KEY, kms.client)

    def test_the_encryption_context_is_what_is_sealed(self, kms: FakeKms) -> None:
        AwsRing("", kms.client).new(KEY, CONTEXT)
        assert kms.asked[-1][1]["EncryptionContext"] == {CONTEXT_KEY: CONTEXT}

    def test_without_a_key_of_the_operators_nothing_is_sealed_that_no_request_named_a_key_for(
        self, kms: FakeKms
    ) -> None:
        with pytest.raises(KeyTakenAway, match="kms_key_arn"):
            AwsRing("", kms.client).new(OWN, CONTEXT)

    @pytest.mark.parametrize(
        ("code", "refusal"),
        [
            ("DisabledException", KeyTakenAway),
            ("KMSInvalidStateException", KeyTakenAway),
            ("AccessDeniedException", KeyTakenAway),
            ("NotFoundException", KeyTakenAway),
            ("IncorrectKeyException", WrongKey),
            ("ThrottlingException", RingUnreachable),
            ("KMSInternalException", RingUnreachable),
            ("ExpiredTokenException", RingUnreachable),
        ],
    )
    def test_what_kms_refuses_is_told_by_name(self, kms: FakeKms, code: str, refusal: type[Exception]) -> None:
        ring = AwsRing(KEY, kms.client)
        made = ring.new(KEY, CONTEXT)
        kms.refusal = code
        with pytest.raises(refusal, match=code):
            ring.open(made.wrapped, CONTEXT)

    def test_a_disabled_key_opens_nothing_until_it_is_enabled(self, kms: FakeKms) -> None:
        ring = AwsRing(KEY, kms.client)
        made = ring.new(KEY, CONTEXT)
        kms.disabled.add(KEY)
        with pytest.raises(KeyTakenAway, match="kms:Decrypt"):
            ring.open(made.wrapped, CONTEXT)
        kms.disabled.clear()
        assert ring.open(made.wrapped, CONTEXT) == made.key

    @pytest.mark.parametrize("trouble", ["silence", "nobody", "no credentials", "nonsense"])
    def test_a_ring_that_does_not_answer_is_unreachable(self, kms: FakeKms, trouble: str) -> None:
        ring = AwsRing(KEY, kms.client)
        kms.trouble = trouble
        with pytest.raises(RingUnreachable, match="did not answer"):
            ring.new(KEY, CONTEXT)


class TestAwsRingOnMoto(KeyRingContract):
    adapters = (AwsRing,)

    @pytest.fixture
    def region(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        with mock_aws():
            yield "eu-central-1"

    @pytest.fixture
    def key(self, region: str) -> str:
        made: str = boto3.client("kms", region_name=region).create_key()["KeyMetadata"]["Arn"]
        return made

    @pytest.fixture
    def ring(self, key: str) -> AwsRing:
        return AwsRing(key)

    def test_it_asks_in_the_region_of_the_key(self, ring: AwsRing, key: str) -> None:
        assert ":eu-central-1:" in key
        assert ring.new(key, CONTEXT).key

    def test_a_key_that_is_gone_is_taken_away(self, ring: AwsRing, key: str, region: str) -> None:
        with pytest.raises(KeyTakenAway, match="NotFoundException"):
            ring.new(key[:-12] + "0" * 12, CONTEXT)


class TestRememberingRing(KeyRingContract):
    adapters = (RememberingRing,)

    @pytest.fixture
    def ring(self, kms: FakeKms) -> RememberingRing:
        return RememberingRing(AwsRing(KEY, kms.client))

    def test_a_key_is_asked_for_once_and_again_when_it_is_old(self, kms: FakeKms) -> None:
        now = 0.0
        ring = RememberingRing(AwsRing(KEY, kms.client), lambda: now)
        made = ring.new(KEY, CONTEXT)
        assert [ring.open(made.wrapped, CONTEXT) for _ in range(3)] == [made.key] * 3
        assert len(kms.asked) == 1
        kms.disabled.add(KEY)
        assert ring.open(made.wrapped, CONTEXT) == made.key, "until it is old"
        now = KEPT_SECONDS
        with pytest.raises(KeyTakenAway):
            ring.open(made.wrapped, CONTEXT)
        kms.disabled.clear()
        with pytest.raises(KeyTakenAway):
            ring.open(made.wrapped, CONTEXT)
        now += REFUSAL_SECONDS
        assert ring.open(made.wrapped, CONTEXT) == made.key

    def test_what_must_not_wait_is_told_what_to_fetch_and_finds_it_when_it_begins_anew(self, kms: FakeKms) -> None:
        ring = RememberingRing(AwsRing(KEY, kms.client))

        def work() -> Any:
            with without_waiting():
                return ring.new(KEY, CONTEXT)

        with pytest.raises(KeyNotAtHand) as wanted:
            work()
        assert not kms.asked
        wanted.value.fetch()
        assert work() == work()
        assert len(kms.asked) == 1

    def test_what_must_not_wait_finds_a_refusal_too(self, kms: FakeKms) -> None:
        ring = RememberingRing(AwsRing(KEY, kms.client))
        kms.disabled.add(KEY)
        with without_waiting():
            with pytest.raises(KeyNotAtHand) as wanted:
                ring.new(KEY, CONTEXT)
            wanted.value.fetch()
            with pytest.raises(KeyTakenAway):
                ring.new(KEY, CONTEXT)


class TestEchoRing(KeyRingContract):
    adapters = (EchoRing,)

    @pytest.fixture
    def ring(self) -> EchoRing:
        return EchoRing()

    def test_it_seals_nothing_and_says_so(self) -> None:
        assert not EchoRing().seals


class TestRings(KeyRingContract):
    adapters = (Rings,)

    @pytest.fixture
    def ring(self, tmp_path: Path) -> Rings:
        return open_rings("local", tmp_path / "master.key", "", lambda: True)

    def test_what_one_ring_has_wrapped_opens_when_another_is_chosen(self, tmp_path: Path) -> None:
        before = open_rings("local", tmp_path / "master.key", "", lambda: True).new(KEY, CONTEXT)
        now = open_rings("echo", tmp_path / "master.key", "", lambda: False)
        assert now.open(before.wrapped, CONTEXT) == before.key
        assert not now.seals

    def test_a_ring_that_is_not_chosen_makes_no_master_key(self, tmp_path: Path) -> None:
        before = open_rings("local", tmp_path / "one.key", "", lambda: True).new(KEY, CONTEXT)
        with pytest.raises(UnusableMaster):
            open_rings("echo", tmp_path / "other.key", "", lambda: True).open(before.wrapped, CONTEXT)

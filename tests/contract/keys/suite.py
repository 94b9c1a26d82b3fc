"""What every implementation of ports.KeyRing keeps to. Subclass, and give the fixture `ring`."""

from __future__ import annotations

import pytest

from whiteroom.ports.keys import DATA_KEY_BYTES, KeyRefused, KeyRing, WrongKey

CONTEXT = "arn:aws:cleanrooms-ml:us-east-1:111122223333:membership/m/trained-model/t"
OTHER = f"{CONTEXT}2"
KEY = "arn:aws:kms:us-east-1:111122223333:key/0b1c2d3e-0000-4000-8000-000000000001"
OWN = "whiteroom:collaboration/0b1c2d3e-0000-4000-8000-000000000002"


class KeyRingContract:
    ports: tuple[type, ...] = (KeyRing,)

    @pytest.fixture
    def key(self) -> str:
        """A key that the ring can wrap by."""
        return KEY

    @pytest.mark.parametrize("own", [False, True])
    def test_what_was_wrapped_opens_again_for_its_context(self, ring: KeyRing, key: str, own: bool) -> None:
        made = ring.new(OWN if own else key, CONTEXT)
        assert len(made.key) == DATA_KEY_BYTES
        assert ring.open(made.wrapped, CONTEXT) == made.key

    def test_a_wrapped_key_opens_for_no_other_context(self, ring: KeyRing, key: str) -> None:
        made = ring.new(key, CONTEXT)
        with pytest.raises(WrongKey):
            ring.open(made.wrapped, OTHER)

    def test_each_context_has_a_key_of_its_own_where_anything_is_sealed(self, ring: KeyRing, key: str) -> None:
        one, other = ring.new(key, CONTEXT), ring.new(key, OTHER)
        assert (one.key != other.key) == ring.seals
        assert one.wrapped != other.wrapped

    def test_the_key_is_neither_in_what_is_kept_nor_in_what_is_printed(self, ring: KeyRing, key: str) -> None:
        made = ring.new(key, CONTEXT)
        assert made.key not in made.wrapped
        assert repr(made.key) not in repr(made)

    @pytest.mark.parametrize("where", [0, -1])
    def test_a_wrapped_key_that_was_changed_opens_nothing(self, ring: KeyRing, key: str, where: int) -> None:
        wrapped = bytearray(ring.new(key, CONTEXT).wrapped)
        wrapped[where] ^= 1
        with pytest.raises(KeyRefused) as refused:
            ring.open(bytes(wrapped), CONTEXT)
        assert str(refused.value).endswith(".")

    @pytest.mark.parametrize(
        "junk", [b"", b"\n\n", b"local\n", b"\xff\n\xff\n", b"aws\nx\ny", b"local\nx\n", b"echo\nx\ny"]
    )
    def test_what_is_no_wrapped_key_is_refused_in_a_sentence(self, ring: KeyRing, junk: bytes) -> None:
        with pytest.raises(KeyRefused) as refused:
            ring.open(junk, CONTEXT)
        assert str(refused.value).endswith(".")

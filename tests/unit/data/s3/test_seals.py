"""A key of each manifest's own, whatever the ring gives."""

from __future__ import annotations

from pathlib import Path

from support.sealing import sealed_as
from whiteroom.data.s3.manifests import Manifest
from whiteroom.data.s3.seals import Seal
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.keys.local import LocalRing
from whiteroom.keys.remembering import RememberingRing

ONE, OTHER = (DataRef(DataKind.ARTEFACT, name) for name in ("v1", "v2"))


def test_two_ids_have_no_key_in_common_where_a_ring_gives_one_data_key_for_both(tmp_path: Path) -> None:
    ring = RememberingRing(LocalRing(tmp_path / "master.key", lambda: True))
    seal = Seal(ring, lambda _: sealed_as(ONE), takes_plain=False)
    first, second = seal.new_key(ONE), seal.new_key(OTHER)
    assert first.data_key == second.data_key
    assert first.key != second.key
    assert first.key != first.data_key.key


def test_a_manifest_opens_with_its_key_under_its_own_id_alone(tmp_path: Path) -> None:
    seal = Seal(LocalRing(tmp_path / "master.key", lambda: True), sealed_as, takes_plain=False)
    key = seal.new_key(ONE)
    data = seal.dump(ONE, Manifest(), key)
    assert seal.load(ONE, data).key == key
    assert key.key not in data
    assert key.data_key.key not in data


def test_what_was_kept_in_plain_text_in_s3_is_read_as_it_is(tmp_path: Path) -> None:
    ring = LocalRing(tmp_path / "master.key", lambda: True)
    assert Seal(ring, sealed_as, takes_plain=True).load(ONE, Manifest().dump()) == Manifest()

from __future__ import annotations

import pytest

from whiteroom.catalog.snapshots.places import Unreadable
from whiteroom.catalog.snapshots.states import state_among

V9, V10, ODD = "v9.metadata.json", "v10.metadata.json", "odd.metadata.json"
CHOSEN = (
    ((V9, V10, "snap-1.avro", ""), None, V10),
    (("00009-a.metadata.json", "00010-b.gz.metadata.json"), None, "00010-b.gz.metadata.json"),
    ((V9, V10), b"9\n", V9),
    ((V9, V10, ODD), b"odd", ODD),
)


@pytest.mark.parametrize(("names", "hint", "chosen"), CHOSEN)
def test_the_state_is_what_the_hint_names_or_the_highest_number(
    names: tuple[str, ...], hint: bytes | None, chosen: str
) -> None:
    assert state_among(names, hint, "t/metadata") == chosen
    assert state_among(reversed(names), hint, "t/metadata") == chosen


NONE = "^t/metadata holds no state of a table"
REFUSED = (
    ((), None, NONE),
    (("snap-1.avro", "metadata.json", "v1.metadata.json.bak"), None, NONE),
    (("00001-a.metadata.json", "00001-b.metadata.json"), None, "more than one latest state.*Add the right one"),
    ((V9, V10), b"8", NONE),
    ((V9, V10), b"", NONE),
    ((V9, V10), b"\xff", NONE),
    ((V9, V10), b"../v9", NONE),
    ((V9, V10), b"9" * 256, NONE),
)


@pytest.mark.parametrize(("names", "hint", "told"), REFUSED)
def test_where_it_is_not_said_which_the_table_is_refused(names: tuple[str, ...], hint: bytes | None, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        state_among(names, hint, "t/metadata")

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.databases.names import quoted


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_quoted_name_ends_where_the_name_does(name: str) -> None:
    inside = quoted(name)[1:-1]
    assert quoted(name)[0] == quoted(name)[-1] == '"'
    assert inside.replace('""', "").count('"') == 0
    assert inside.replace('""', '"') == name


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_can_be_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="A name has at least one character"):
        quoted(name)

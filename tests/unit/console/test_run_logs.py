from __future__ import annotations

from whiteroom.console.run_logs import plain


def test_a_line_moves_and_hides_nothing_beside_it() -> None:
    for letter in [*map(chr, range(9)), "\r", "\n", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\u200f", "\u2028"]:
        assert letter not in plain(f"a{letter}b")
        assert plain(f"a{letter}b").startswith("a\\")


def test_what_people_write_stays_as_it_is() -> None:
    for text in ("epoch 1\tloss=0.5", "größer 損失 😀", "\u0645\u06cc\u200c\u062e"):
        assert plain(text) == text

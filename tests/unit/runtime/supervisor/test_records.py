"""What a supervisor makes of other programs' words."""

from __future__ import annotations

import pytest

from whiteroom.runtime.supervisor.records import exec_failure


def test_bubblewraps_word_on_a_program_that_it_cannot_start_is_the_kernels() -> None:
    assert exec_failure(b"bwrap: execvp train: No such file or directory\n", "train") == "No such file or directory"
    assert exec_failure(b"bwrap: execvp a: b: Permission denied", "a: b") == "Permission denied"


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"No such file or directory\n",
        b"bwrap: execvp train: card 4111\n",
        b"bwrap: execvp card 4111: No such file or directory\n",
        b"bwrap: execvp train: No such file or directory card 4111\n",
        b"bwrap: execvp train: card 4111: No such file or directory\n",
        b"bwrap: execvp train: \xff\n",
    ],
)
def test_what_a_program_writes_in_its_place_is_nobodys(words: bytes) -> None:
    assert exec_failure(words, "train") is None

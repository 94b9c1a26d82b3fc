"""What a run's folder holds, by name."""

from collections import Counter

from whiteroom.processes.children import LOCK
from whiteroom.runtime import spec

IN_WORK = {"MODEL", "OUTPUT", "DATA", "TMP", "TRANSFORMED", "CODE", "ROOT"}


def test_no_two_things_in_a_runs_folder_have_one_name() -> None:
    names = [
        value for name, value in vars(spec).items() if name.isupper() and isinstance(value, str) and name not in IN_WORK
    ]
    assert len(names) > 15
    taken = Counter([LOCK, *names, *(spec.draft_of(name) for name in spec.ROOM_KEPT)])
    assert [name for name, times in taken.items() if times > 1] == []

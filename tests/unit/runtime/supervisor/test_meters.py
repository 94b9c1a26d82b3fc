import os
import subprocess
import sys
from pathlib import Path

import pytest

from whiteroom.runtime.supervisor import meters


def test_a_look_ends_where_it_is_told_to_whatever_lies_there(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        for name in range(1_500):
            (tmp_path / str(number) / str(name)).touch()
    whole = meters.stock([str(tmp_path)])
    assert (whole.entries, whole.whole) == (3 * 1_500 + 3, True)
    cut = meters.stock([str(tmp_path)], until=lambda found: found.entries > 1_000)
    assert (cut.entries, cut.whole) == (2_000, False)


def test_an_instance_may_have_as_many_entries_as_its_volume_has_inodes_within_bounds() -> None:
    gigabyte = 10**9
    assert [meters.most_entries(size * gigabyte) for size in (1, 5, 1_000)] == [250_000, 305_175, 1_000_000]


def test_hard_links_are_counted_once_and_holes_not_at_all(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.write(b"x" * 100_000)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    alone = meters.disk([str(tmp_path)])
    for number in range(10):
        os.link(tmp_path / "a", tmp_path / f"link-{number}")
    assert meters.disk([str(tmp_path)]) - alone < 100_000
    assert alone < 300_000


LOOKING = """
import os, sys
from whiteroom.runtime.supervisor import meters
if os.geteuid() == 0:
    os.setgroups([]); os.setresgid(*[65534] * 3); os.setresuid(*[65534] * 3)
os.mkdir('shut')
file = open('shut/grows', 'wb')
os.chmod('shut', 0)
os.rename('kept', '../kept')
os.chmod('../kept', 0)
os.symlink('../kept', 'link')
file.write(b'x' * 3_000_000); file.flush()
print(meters.disk(['.']), oct(os.stat('../kept').st_mode))
"""


def test_what_grows_in_a_folder_that_its_owner_has_shut_is_counted_and_nothing_outside_is_opened(
    tmp_path: Path,
) -> None:
    own = tmp_path / "own"
    (own / "kept").mkdir(parents=True)
    if os.geteuid() == 0:
        for path in (tmp_path, own, own / "kept"):
            os.chown(path, 65534, 65534)
    done = subprocess.run([sys.executable, "-c", LOOKING], cwd=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    size_bytes, mode = done.stdout.split()
    assert int(size_bytes) > 3_000_000
    assert mode == "0o40000"


HOLDING = """
import mmap, os, sys, tempfile
folder, kind = sys.argv[1:]
file = tempfile.TemporaryFile(dir=folder)
file.write(b'x' * 1_000_000); file.flush()
held = [os.dup(file.fileno()) for _ in range(200)] if kind == 'open' else []
held += [mmap.mmap(file.fileno(), 4096, prot=1 + 2 * (n % 2)) for n in range(200)] if kind == 'mapped' else []
print('up', flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["open", "mapped"])
def test_files_without_a_name_are_counted_once_and_more_of_them_than_can_be_are_refused(
    tmp_path: Path, kind: str
) -> None:
    """A program that held very many could have each look take minutes, and fill the disk meanwhile."""
    command = [sys.executable, "-c", HOLDING, str(tmp_path), kind]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"up\n"
        devices = frozenset({tmp_path.stat().st_dev})
        assert 1_000_000 <= meters.unlinked([program.pid], devices) < 1_100_000
        assert meters.unlinked([program.pid], devices, most_open=1_000) > 0
        with pytest.raises(meters.TooManyOpen):
            meters.unlinked([program.pid], devices, most_open=200)
        with pytest.raises(meters.TooManyOpen):
            meters.unlinked([program.pid] * 4, devices, most_open=700)
        program.communicate()

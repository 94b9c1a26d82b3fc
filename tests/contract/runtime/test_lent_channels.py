"""Channels that are kept in S3 are read as they come: FastFile and Pipe begin before all of one is here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from contract.runtime.conftest import Runs
from support.faulty import Faulty, Request, faulty
from whiteroom.data.s3.data import S3Data
from whiteroom.data.s3.lenders import Lenders
from whiteroom.data.s3.manifests import BLOCK_BYTES
from whiteroom.data.s3.places import open_place
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import ChannelMount, Distribution, EndReason, InputMode, RunId
from whiteroom.runtime.sandbox.doctor import lending
from whiteroom.runtime.sandbox.runtime import SandboxRuntime

pytestmark = pytest.mark.skipif(not lending(Path("/dev")).ok, reason=lending(Path("/dev")).detail)

REF = DataRef(DataKind.CHANNEL, "rows")
LENGTH = 6 * BLOCK_BYTES + 12_345


@dataclass(frozen=True)
class Choice:
    data: Path
    data_location: str
    cache_bytes: int = 10**9
    region: str = "us-east-1"
    aws_profile: str = ""


@dataclass
class Room:
    """A runtime whose data is in a bucket, behind a front that fails as a test says, and on no machine."""

    runs: Runs
    store: Faulty
    real: Any
    bucket: str
    content: bytes = b""

    def choice(self, **changes: Any) -> Choice:
        return replace(Choice(self.runs.folder / "data", f"s3://{self.bucket}/own"), **changes)

    def open(self, patience_seconds: float = 30.0, **changes: Any) -> S3Data:
        """The data as a server that starts now has it, and the runtime that reads it."""
        choice = self.choice(**changes)
        choice.data.mkdir(exist_ok=True)
        data = open_place(choice, frozenset)
        assert isinstance(data, S3Data)
        lenders = Lenders(
            str(choice.data), choice.data_location, choice.cache_bytes, choice.region, "", patience_seconds
        )
        data = S3Data(choice.data, data.bucket, choice.cache_bytes, frozenset, lenders=lenders)
        self.runs.runtime = SandboxRuntime(choice.data, data)
        return data

    def keep(self, **files: bytes) -> None:
        """Keep a channel, and have nothing of it here."""
        data = self.open()
        folder = Path(data.path(REF))
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        assert data.keep(REF)
        self.empty(data)

    def empty(self, data: S3Data) -> None:
        data.cache.drop_unkept(DataKind.CHANNEL, ())
        assert not Path(data.path(REF)).exists()
        self.store.asked.clear()

    def start(self, program: str, mode: InputMode = InputMode.FAST_FILE, **changes: Any) -> RunId:
        channel = ChannelMount("train", REF, mode)
        return self.runs.start(program, **{"channels": (channel,), **changes})

    def ranges(self) -> list[str]:
        """The ranges of the channel's objects that were asked for."""
        return [one.range for one in self.store.asked if "/objects/" in one.path]


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(7).randbytes(LENGTH)


@pytest.fixture
def room(moto: str, runs: Runs, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    real = boto3.client("s3", endpoint_url=moto, region_name="us-east-1", **keys)
    bucket = f"lent-{uuid.uuid4().hex}"
    real.create_bucket(Bucket=bucket)
    for name, value in keys.items():
        monkeypatch.setenv(name.upper(), value)
    with faulty(moto) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
        yield Room(runs, store, real, bucket, content)


PATH = "/opt/ml/input/data/train"
READ_ALL = f"""
import hashlib
digest = hashlib.sha256()
with open('{PATH}/part-0', 'rb', 0) as file:
    while data := file.read(1 << 20):
        digest.update(data)
print(digest.hexdigest(), flush=True)
"""
READ_A_LITTLE = f"print(open('{PATH}/part-0', 'rb', 0).read(4).hex(), flush=True)\n"
WAIT = "import os, time\nwhile not os.path.exists('/opt/ml/output/data/go'): time.sleep(0.01)\n"
SLEEP = "import time\ntime.sleep(3600)\n"


def go_on(room: Room, run_id: RunId) -> None:
    """Let a program go on that waits."""
    (room.runs.run_folder(run_id) / "work/algo-1/data/go").touch()


def lender_of(room: Room, run_id: RunId) -> psutil.Process:
    """The process that writes to that log of the run's."""
    log = room.runs.run_folder(run_id) / "lender.log"
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{process.pid}/fd/2").readlink() == log:
                return process
    raise AssertionError("there is no lender")


def platform_words(room: Room, run_id: RunId) -> str:
    return room.runs.text(run_id, "platform")


def only_objects(fault: str) -> Callable[[Request], str]:
    return lambda request: fault if request.range and "/objects/" in request.path else ""


def test_the_first_byte_is_read_before_the_object_was_fetched_whole(room: Room) -> None:
    room.keep(**{"part-0": room.content, "part-1": b"ab"})
    room.open(cache_bytes=1)
    run_id = room.start(
        f"import os\nprint(sorted(os.listdir('{PATH}')), os.stat('{PATH}/part-0').st_size)\n" + READ_A_LITTLE
    )
    assert room.runs.finish(run_id, 60).exit_code == 0
    assert room.runs.text(run_id) == f"['part-0', 'part-1'] {LENGTH}\n{room.content[:4].hex()}"
    assert sorted(room.ranges()) == ["bytes=0-4194303", "bytes=4194304-8388607"]


@pytest.mark.parametrize("cache_bytes", [1, 10**9])
def test_random_access_finds_the_bytes_whether_the_channel_fits_the_cache_or_not(room: Room, cache_bytes: int) -> None:
    room.keep(**{"part-0": room.content})
    room.open(cache_bytes=cache_bytes)
    rnd = random.Random(3)
    places = [(rnd.randrange(LENGTH), rnd.choice([1, 4096, 100_000, 5 << 20])) for _ in range(60)]
    places += [(LENGTH - 5, 100), (LENGTH, 10), (BLOCK_BYTES - 1, 2)]
    run_id = room.start(
        f"import hashlib, mmap\nfile = open('{PATH}/part-0', 'rb', 0)\n"
        "view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
        f"for at, length in {places}:\n"
        "  file.seek(at)\n  read = file.read(length)\n  assert view[at : at + len(read)] == read\n"
        "  print(hashlib.sha256(read).hexdigest())\n"
    )
    assert room.runs.finish(run_id, 60).exit_code == 0, room.runs.text(run_id, "stderr")
    expected = [hashlib.sha256(room.content[at : at + length]).hexdigest() for at, length in places]
    assert room.runs.text(run_id).split() == expected


def test_a_channel_that_fits_is_brought_once_while_it_is_read_and_is_read_from_the_cache_then(room: Room) -> None:
    room.keep(**{"part-0": room.content, "part-1": b"ab"})
    data = room.open()
    run_id = room.start(READ_A_LITTLE + WAIT + READ_ALL)
    wanted = data.kept(REF)
    room.runs.until(lambda: data.is_noted(REF, wanted))
    assert sorted(map(hashed, Path(data.path(REF)).iterdir())) == sorted(map(hashed_bytes, (room.content, b"ab")))
    asked = room.ranges()
    assert len(asked) == len(set(asked)) == 8
    room.store.fault = only_objects("503")
    go_on(room, run_id)
    assert room.runs.finish(run_id, 60).exit_code == 0
    assert room.runs.text(run_id).endswith(hashed_bytes(room.content))
    again = room.start(READ_ALL)
    assert room.runs.finish(again, 60).exit_code == 0
    assert room.ranges() == asked
    assert not (room.runs.run_folder(again) / "lent.json").exists()


def test_a_pipe_gives_its_first_bytes_before_all_of_the_channel_is_here(room: Room) -> None:
    room.keep(**{"part-0": room.content, "part-1": b"the end"})
    room.open(cache_bytes=1)
    program = f"import hashlib\npipe = open('{PATH}_0', 'rb')\nprint(pipe.read(4).hex(), flush=True)\n" + WAIT
    program += "print(hashlib.sha256(pipe.read()).hexdigest())"
    run_id = room.start(program, InputMode.PIPE)
    room.runs.until_logged(run_id, room.content[:4].hex())
    assert len(room.ranges()) < 6
    go_on(room, run_id)
    assert room.runs.finish(run_id, 60).exit_code == 0
    assert room.runs.text(run_id).endswith(hashed_bytes(room.content[4:] + b"the end"))


def test_each_instance_is_lent_its_own_files_of_a_sharded_channel(room: Room) -> None:
    room.keep(**{f"part-{number}": bytes([number]) for number in range(4)})
    room.open(cache_bytes=1)
    channel = ChannelMount("train", REF, InputMode.FAST_FILE, Distribution.SHARDED_BY_S3_KEY)
    run_id = room.start(
        f"import os\nprint([(name, open('{PATH}/' + name, 'rb').read()) for name in sorted(os.listdir('{PATH}'))])",
        channels=(channel,),
        instance_count=2,
    )
    assert room.runs.finish(run_id, 60).exit_code == 0
    said = {line.host: line.text for line in room.runs.runtime.logs(run_id) if line.stream == "stdout"}
    assert said == {
        "algo-1": str([("part-0", b"\0"), ("part-1", b"\1")]),
        "algo-2": str([("part-2", b"\2"), ("part-3", b"\3")]),
    }


@pytest.mark.parametrize("fault", ["503", "cut answer", "cut", "slow"])
def test_a_store_that_fails_for_a_moment_is_waited_for(room: Room, fault: str) -> None:
    room.keep(**{"part-0": room.content})
    room.open(cache_bytes=1)
    room.store.times(5, fault, lambda request: "/objects/" in request.path)
    run_id = room.start(READ_ALL)
    assert room.runs.finish(run_id, 90).exit_code == 0
    assert room.runs.text(run_id) == hashed_bytes(room.content)


def test_a_store_that_stays_away_is_eio_with_a_line_in_the_log_and_the_run_has_died_of_the_machine(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.keep(**{"part-0": room.content})
    room.open(patience_seconds=1.0, cache_bytes=1)
    room.store.fault = only_objects("503")
    run_id = room.start(
        f"try: open('{PATH}/part-0', 'rb').read(1)\nexcept OSError as error: print(error.errno, flush=True)\n"
    )
    end = room.runs.finish(run_id, 90)
    # It went on as if nothing were, and ended with success: what it made is made of a part of the rows.
    assert (end.reason, end.exit_code, room.runs.text(run_id)) == (EndReason.MACHINE, 0, "5")
    assert end.message == "part-0 cannot be read: the store gave nothing for 1 s."
    assert end.message in platform_words(room, run_id)
    assert room.bucket not in platform_words(room, run_id)
    with caplog.at_level("WARNING"):
        room.runs.runtime.forget(run_id)
    assert f"s3:GetObject on s3://{room.bucket}/own/objects/" in caplog.text


def test_a_program_that_goes_on_after_eio_is_ended(room: Room) -> None:
    room.keep(**{"part-0": room.content})
    room.open(patience_seconds=1.0, cache_bytes=1)
    room.store.fault = only_objects("503")
    run_id = room.start(f"try: open('{PATH}/part-0', 'rb').read(1)\nexcept OSError: pass\n" + SLEEP)
    assert room.runs.finish(run_id, 90).reason is EndReason.MACHINE


@pytest.mark.parametrize("mode", [InputMode.FAST_FILE, InputMode.PIPE])
def test_an_object_that_was_changed_is_an_error_and_not_other_bytes(room: Room, mode: InputMode) -> None:
    room.keep(**{"part-0": room.content})
    room.open(cache_bytes=1)
    (key,) = (one["Key"] for one in room.real.list_objects_v2(Bucket=room.bucket, Prefix="own/objects/")["Contents"])
    room.real.put_object(Bucket=room.bucket, Key=key, Body=bytes(LENGTH))
    path = f"{PATH}/part-0" if mode is InputMode.FAST_FILE else f"{PATH}_0"
    run_id = room.start(f"print(len(open('{path}', 'rb').read()), flush=True)\n" + SLEEP, mode)
    end = room.runs.finish(run_id, 60)
    assert end.reason is EndReason.PLATFORM
    assert end.message == "part-0 cannot be read: its bytes in the store are not what was kept."
    # A pipe ends where its feeder does; no run that has seen that succeeds.
    assert room.runs.text(run_id) == ("" if mode is InputMode.FAST_FILE else "0")


def test_an_object_that_is_changed_between_two_reads_is_an_error_even_where_blocks_have_no_checksums(
    room: Room,
) -> None:
    room.keep(**{"part-0": room.content})
    data = room.open(cache_bytes=1)
    as_an_earlier_release_kept_it(room, data)
    run_id = room.start(READ_A_LITTLE + WAIT + READ_ALL)
    room.runs.until_logged(run_id, room.content[:4].hex())
    (key,) = (one["Key"] for one in room.real.list_objects_v2(Bucket=room.bucket, Prefix="own/objects/")["Contents"])
    room.real.put_object(Bucket=room.bucket, Key=key, Body=room.content[:-1] + b"?")
    go_on(room, run_id)
    assert room.runs.finish(run_id, 60).reason is EndReason.PLATFORM


def as_an_earlier_release_kept_it(room: Room, data: S3Data) -> None:
    """A manifest without checksums of blocks."""
    key = f"own/manifests/channel/{REF.id}"
    document = json.loads(room.real.get_object(Bucket=room.bucket, Key=key)["Body"].read())
    for file in document["files"]:
        del file["blocks"]
    room.real.put_object(Bucket=room.bucket, Key=key, Body=json.dumps(document).encode())
    assert not data.kept(REF)["part-0"].blocks


def test_a_run_goes_on_where_the_server_is_killed_in_the_middle(room: Room) -> None:
    room.keep(**{"part-0": room.content})
    run = room.runs.run_of(READ_A_LITTLE + WAIT + READ_ALL, channels=(ChannelMount("train", REF, InputMode.FAST_FILE),))
    room.store.fault = lambda request: "slow" if request.range and "bytes=0-" not in request.range else ""
    server = os.fork()
    if server == 0:
        room.open()
        room.runs.runtime.start(run)
        signal.pause()
    room.runs.until((room.runs.run_folder(run.id) / "supervisor.json").exists)
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)
    data = room.open()
    data.sweep()
    room.runs.until_logged(run.id, room.content[:4].hex())
    room.store.fault = lambda _request: ""
    # What it was bringing is not taken for what the killed server had begun.
    wanted = data.kept(REF)
    room.runs.until(lambda: data.is_noted(REF, wanted))
    go_on(room, run.id)
    assert room.runs.finish(run.id, 60).exit_code == 0
    assert room.runs.text(run.id).endswith(hashed_bytes(room.content))


def test_a_lender_that_is_killed_is_a_death_of_the_machine(room: Room) -> None:
    room.keep(**{"part-0": room.content})
    room.open(cache_bytes=1)
    run_id = room.start(READ_A_LITTLE + SLEEP)
    room.runs.until_logged(run_id, room.content[:4].hex())
    lender_of(room, run_id).kill()
    assert room.runs.finish(run_id, 60).reason is EndReason.MACHINE


def test_a_lender_ends_with_its_supervisor(room: Room) -> None:
    room.keep(**{"part-0": room.content})
    room.open(cache_bytes=1)
    run_id = room.start(READ_A_LITTLE + SLEEP)
    room.runs.until_logged(run_id, room.content[:4].hex())
    lender = lender_of(room, run_id)
    os.kill(room.runs.supervisor_of(run_id), signal.SIGKILL)
    assert room.runs.finish(run_id, 30).reason is EndReason.LOST
    room.runs.until(lambda: not lender.is_running())


@pytest.mark.parametrize("mode", [InputMode.FAST_FILE, InputMode.PIPE])
def test_a_run_whose_read_waits_for_the_store_is_stopped_at_once(room: Room, mode: InputMode) -> None:
    room.keep(**{"part-0": room.content})
    room.open(patience_seconds=3600.0, cache_bytes=1)
    room.store.fault = only_objects("503")
    path = f"{PATH}/part-0" if mode is InputMode.FAST_FILE else f"{PATH}_0"
    run_id = room.start(f"print('up', flush=True)\nopen('{path}', 'rb').read()", mode)
    room.runs.until_logged(run_id, "up")
    room.runs.until(lambda: bool(room.ranges()))
    room.runs.runtime.stop(run_id, 0)
    assert room.runs.finish(run_id, 10).reason is EndReason.STOPPED


def test_nothing_of_credentials_is_in_the_sandbox(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "most-secret")
    room.keep(**{"part-0": room.content})
    room.open(cache_bytes=1)
    look = "import glob\nfor path in ('/proc/mounts', *glob.glob('/proc/[0-9]*/[ec][nm][vd]*')):\n"
    look += "  try: print(open(path, errors='replace').read())\n  except OSError: pass\n"
    run_id = room.start(READ_A_LITTLE + look)
    assert room.runs.finish(run_id, 60).exit_code == 0
    seen = room.runs.text(run_id)
    assert "fuse" in seen
    assert not [
        word for word in ("most-secret", "AWS_ACCESS", "AWS_SECRET", room.bucket, room.store.url) if word in seen
    ]
    told = [path for path in room.runs.run_folder(run_id).iterdir() if path.is_file()]
    assert not [path for path in told if b"most-secret" in path.read_bytes()]


def test_where_nothing_can_be_mounted_the_program_starts_when_all_of_the_channel_is_here(
    room: Room, tmp_path: Path
) -> None:
    room.keep(**{"part-0": room.content})
    data = room.open()
    room.runs.runtime = SandboxRuntime(room.runs.folder / "data", data, devices=tmp_path)
    run_id = room.start(READ_ALL)
    assert data.is_noted(REF, data.kept(REF))
    assert room.runs.finish(run_id, 60).exit_code == 0
    assert room.runs.text(run_id) == hashed_bytes(room.content)


def hashed_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def hashed(path: Path) -> str:
    return hashed_bytes(path.read_bytes())

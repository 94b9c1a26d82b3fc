"""A real container engine for the tests, and an image for it out of what this machine has."""

import io
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docker.api.client import APIClient

from whiteroom.runtime.docker.calls import EngineFailed
from whiteroom.runtime.docker.engine import Engine

BASE = "whiteroom-tests-base:latest"
START_SECONDS = 30
USUAL_SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
LEFT_OUT = ("test", "idlelib", "turtledemo", "ensurepip", "lib2to3", "tkinter", "site-packages")


@contextmanager
def engine() -> Iterator[tuple[str, str]]:
    """The socket of an engine that answers, and otherwise why there is none."""
    named = os.environ.get("DOCKER_HOST", "").removeprefix("unix://")
    problem = "no engine answers at " + " or ".join(USUAL_SOCKETS)
    for socket in filter(None, (named, *USUAL_SOCKETS)):
        try:
            Engine(socket).close()
        except EngineFailed:
            continue
        yield socket, ""
        return
    dockerd = shutil.which("dockerd") or shutil.which("dockerd", path="/usr/sbin:/usr/bin")
    if os.geteuid() != 0 or dockerd is None:
        yield "", f"{problem}, and starting one takes root and dockerd (Debian: docker.io)"
        return
    folder = Path(tempfile.mkdtemp(prefix="whiteroom-engine-"))
    try:
        with started(dockerd, folder) as (socket, problem):
            yield socket, problem
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(dockerd: str, folder: Path, *more: str) -> Iterator[tuple[str, str]]:
    """An engine of our own. It changes nothing of the machine's network: runs use none."""
    socket = folder / "socket"
    options = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
    options += [f"--host=unix://{socket}", "--iptables=false", "--ip6tables=false", "--bridge=none", *more]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [dockerd, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                Engine(str(socket)).close()
            except EngineFailed:
                if process.poll() is None and time.monotonic() < until:
                    time.sleep(0.1)
                    continue
                words = (folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
                yield "", f"dockerd does not start here: {' '.join(words)[-300:]}"
                return
            break
        yield str(socket), ""
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def import_base(socket: str) -> None:
    """A root file system of this machine's own Python and shell, and nothing else."""
    api = APIClient(base_url=f"unix://{socket}", version="auto", timeout=120)
    try:
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            _write_root(Path(file.name))
            api.import_image_from_file(
                file.name,
                repository=BASE.partition(":")[0],
                tag=BASE.partition(":")[2],
                changes=["ENV PATH=/opt/ml/code:/opt/venv/bin:/usr/bin:/bin", "WORKDIR /opt/ml/code"],
            )
    finally:
        api.close()


def build(socket: str, name: str, files: dict[str, str], *instructions: str, base: str = BASE) -> str:
    """An image of these programs in /opt/ml/code, as a Dockerfile makes one. Answers its id."""
    api = APIClient(base_url=f"unix://{socket}", version="auto")
    try:
        # By its id: Podman looks for a bare name in a registry.
        parent = str(api.inspect_image(base)["Id"]).partition(":")[2]
    finally:
        api.close()
    recipe = "\n".join([f"FROM {parent}", *(f"COPY {file} /opt/ml/code/{file}" for file in files), *instructions])
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for path, text in {**files, "Dockerfile": recipe}.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(text.encode()), 0o755
            archive.addfile(member, io.BytesIO(text.encode()))
    context.seek(0)
    api = APIClient(base_url=f"unix://{socket}", version="auto")
    try:
        said = list(api.build(fileobj=context, custom_context=True, tag=name, rm=True, forcerm=True, decode=True))
        assert not any("error" in line for line in said), said[-3:]
        return str(api.inspect_image(name)["Id"])
    finally:
        api.close()


def remove(socket: str, name: str) -> None:
    """Delete an image."""
    api = APIClient(base_url=f"unix://{socket}", version="auto")
    try:
        api.remove_image(name, force=True)
    finally:
        api.close()


def _write_root(path: Path) -> None:
    prefix = Path(sys.base_prefix).resolve()
    interpreter = Path(sys.executable).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": str(prefix), "base": str(prefix)}))
    shell, truth = Path("/bin/sh").resolve(), Path("/bin/true").resolve()
    binaries = [interpreter, shell, truth, *(library / "lib-dynload").glob("*.so")]
    with tarfile.open(path, "w") as archive:
        needed = sorted({found for binary in binaries for found in _libraries(binary)})
        folders = {Path(name) for name in ("tmp", "opt/ml/code", "opt/venv/bin", "etc", "proc", "sys", "dev", "bin")}
        folders |= {Path(file.lstrip("/")).parent for file in (str(library), str(interpreter), *needed)}
        # Those above them, too: an engine makes what is not named for root alone.
        for folder in sorted({above for each in folders for above in (each, *each.parents)} - {Path()}):
            member = tarfile.TarInfo(str(folder))
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
        archive.add(library, str(library).lstrip("/"), filter=_kept)
        archive.add(interpreter, str(interpreter).lstrip("/"))
        archive.add(shell, "bin/sh")
        archive.add(truth, "bin/true")
        for library_path in needed:
            archive.add(Path(library_path).resolve(), library_path.lstrip("/"))
        for name in ("python", "python3", version):
            link = tarfile.TarInfo(f"opt/venv/bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, str(interpreter)
            archive.addfile(link)


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(member.name).parts
    if any(part in LEFT_OUT for part in parts) or member.name.endswith(".a"):
        return None
    member.uid = member.gid = 0
    return member


def _libraries(binary: Path) -> list[str]:
    said = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
    words = [line.split("=>")[-1].split("(")[0].strip() for line in said.splitlines()]
    return [word for word in words if word.startswith("/")]

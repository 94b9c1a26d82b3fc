"""Programs that nobody here wrote, in images that are built once per machine.

with real_room(tmp_path) as room:
    association = algorithm(room, "torch", image("distributed_torch"))
    rows = channel(room, "rows", "visits", "patient, age", association)
    model = train(room, "two", association, {"train": rows}, instances=2)

An image is a folder of tests/real/images: `code`, and `requirements.txt` with every version pinned. Built ones are kept
in $XDG_CACHE_HOME/whiteroom-tests/images, under names that say what they were built from.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from support.command import whiteroom
from support.live import LiveRoom, live_room
from support.worlds.requests import ALICE
from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.images import environments
from whiteroom.runtime.images.library import Images
from whiteroom.runtime.trees import digest_tree

IMAGES = Path(__file__).parents[1] / "real" / "images"
INSTANCE = "ml.m5.large"
GENEROUS = {
    "trainedModelExports": {"maxSize": {"unit": "GB", "value": 1.0}, "filesToExport": ["MODEL", "OUTPUT"]},
    "trainedModelInferenceJobs": {"maxOutputSize": {"unit": "GB", "value": 1.0}},
}
_OLD = timedelta(days=7)


@contextmanager
def real_room(folder: Path, **environment: str) -> Iterator[LiveRoom]:
    """A room whose server finds the images that this machine has built."""
    (folder / "data").mkdir()
    (folder / "data" / "images").symlink_to(cache() / "images")
    with live_room(folder / "data", **environment) as room:
        yield room


def image(name: str, *, entrypoint: str = "") -> str:
    """The name of an image, built by `whiteroom images build` if this machine has not got it yet.

    Args:
        name: a folder of tests/real/images.
        entrypoint: the option of that name.
    """
    pins = IMAGES / name / "requirements.txt"
    code = IMAGES / name / "code"
    base = environments.base()
    parts = (digest_tree(code), pins.read_text(), entrypoint, base.identity, str(base.prefix))
    tag = f"whiteroom-tests/{name}:{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"
    kept = cache()
    with (kept / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return Images(kept / "images").show(tag).name
        except ImageNotFound:
            _forget_old(Images(kept / "images"))
        options = ["--requirements", str(pins), "--entrypoint", entrypoint, "--data", str(kept)]
        built = whiteroom("images", "build", tag, str(code), *options)
        if built.code != 0:
            cannot_run(f"an image with {pins} cannot be built here: {built.err}")
    return tag


def cannot_run(reason: str) -> NoReturn:
    """Skip the test where this machine lacks something; CI lacks nothing, and says so."""
    if os.environ.get("REAL_TESTS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def _forget_old(kept: Images) -> None:
    """Remove images of other days; a younger one may be another checkout's."""
    for image in kept.list():
        if image.name.startswith("whiteroom-tests/") and datetime.now(UTC) - image.created_at > _OLD:
            kept.remove(image.name)


def cache() -> Path:
    """Where this machine keeps what tests have built or fetched."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whiteroom-tests"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    return folder


def algorithm(room: LiveRoom, name: str, uri: str, *, inference: str = "", **training: Any) -> str:
    """An association of an algorithm of these images, under policies that let everything out."""
    arn = room.algorithm_of(name, uri, inference, **training)
    return room.association(name=name, algorithm=arn, policies=GENEROUS)


def channel(room: LiveRoom, name: str, table: str, columns: str, association: str) -> str:
    """A finished channel of a whole table."""
    arn = room.channel(name, f"SELECT {columns} FROM {table} ORDER BY {columns}", association)
    room.finished(arn)
    return arn


def train(
    room: LiveRoom,
    name: str,
    association: str,
    channels: Mapping[str, str],
    *,
    instances: int = 1,
    distribution: str = "FullyReplicated",
    environment: Mapping[str, str] | None = None,
    **hyperparameters: str,
) -> str:
    """A training that must succeed; its ARN.

    Args:
        room: where.
        name: the model's.
        association: of the algorithm.
        channels: the channels' names in the container and their ARNs.
        instances: how many.
        distribution: what every instance gets of each channel.
        environment: the container's.
        **hyperparameters: `_` stands for `-`.
    """
    arn = room.model(
        name,
        configuredModelAlgorithmAssociationArn=association,
        hyperparameters={key.replace("_", "-"): value for key, value in hyperparameters.items()},
        environment=dict(environment or {}),
        resourceConfig={"instanceType": INSTANCE, "instanceCount": instances, "volumeSizeInGB": 1},
        stoppingCondition={"maxRuntimeInSeconds": 300},
        dataChannels=[
            {"mlInputChannelArn": each, "channelName": where, "s3DataDistributionType": distribution}
            for where, each in channels.items()
        ],
    )["trainedModelArn"]
    _succeed(room, arn)
    return arn


def infer(room: LiveRoom, name: str, model: str, rows: str, **asked: Any) -> list[str]:
    """An inference job that must succeed; the lines of its one output."""
    output = {"accept": "text/csv", "members": [{"accountId": ALICE}]}
    arn = room.inference_job(name, model, rows, outputConfiguration=output, **asked)
    _succeed(room, arn)
    (path,) = (path for path in room.deliveries() if f"/{name}/" in path)
    assert path.endswith(".out")
    return (room.data / "objects" / "alice" / path).read_text().splitlines()


def artefacts(room: LiveRoom, model: str) -> dict[str, bytes]:
    """Every file of the model's archives, as an export delivers them."""
    name = f"export-{model.rsplit('/', 1)[-1]}"[:63]
    room.export(name, model)
    assert room.exported(name, model)["status"] == "ACTIVE"
    found = {}
    for path in (path for path in room.deliveries() if f"/{name}/" in path):
        with tarfile.open(fileobj=io.BytesIO((room.data / "objects" / "alice" / path).read_bytes())) as archive:
            for member in archive:
                if member.isfile():
                    held = archive.extractfile(member)
                    assert held is not None
                    found[f"{Path(path).name}/{member.name.removeprefix('./')}"] = held.read()
    return found


def printed(room: LiveRoom, model: str) -> dict[str, str]:
    """What the program wrote to stdout on each host."""
    said: dict[str, list[str]] = {}
    for line in map(json.loads, room.command("logs", model, "--json").out.splitlines()):
        if line["stream"] == "stdout":
            said.setdefault(line["host"], []).append(line["text"])
    return {host: "\n".join(lines) for host, lines in sorted(said.items())}


def _succeed(room: LiveRoom, arn: str) -> None:
    try:
        room.finished(arn, seconds=300)
    except AssertionError:
        logged = room.command("logs", arn).out.splitlines()
        raise AssertionError("\n".join([str(room.look(arn).get("statusDetails")), *logged[-60:]])) from None


def require_java() -> None:
    """Java, which multi-model-server runs on."""
    if shutil.which("java") is None:
        cannot_run("multi-model-server needs Java (Debian: default-jre-headless)")

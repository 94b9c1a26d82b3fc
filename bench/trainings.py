"""One training on four instances, beside the same program under torchrun with four processes."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from statistics import median

from bench.lab import LIMITS, Lab, lab
from bench.results import Figure, Section, spread
from whiteroom.ports.runtime import ImageNotFound
from whiteroom.runtime.images.library import Image, Images

INSTANCES, RUNS = 4, 3
TARGET = 1.1
KEPT = Path("bench-data/torch")
"""Holds the image with PyTorch between runs: it takes a minute to make."""
NAME, REQUIREMENTS = "bench/torch:1", "torch==2.13.0\n"
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}  # what torchrun sets

PROGRAM = """
import json, os
if "SM_HOSTS" in os.environ:
    hosts = json.loads(os.environ["SM_HOSTS"])
    os.environ.update(MASTER_ADDR=hosts[0], MASTER_PORT="29500", WORLD_SIZE=str(len(hosts)))
    os.environ.update(RANK=str(hosts.index(os.environ["SM_CURRENT_HOST"])))
    os.environ.update(GLOO_SOCKET_IFNAME=os.environ["SM_NETWORK_INTERFACE_NAME"])
import torch
import torch.distributed as dist
dist.init_process_group("gloo")
torch.manual_seed(7)
layers = [torch.nn.Linear(256, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 512), torch.nn.ReLU()]
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Sequential(*layers, torch.nn.Linear(512, 10)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
generator = torch.Generator().manual_seed(dist.get_rank())
for step in range(150):
    rows = torch.randn(128, 256, generator=generator)
    loss = torch.nn.functional.cross_entropy(model(rows), rows[:, :10].argmax(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
total = loss.detach()
dist.all_reduce(total)
if dist.get_rank() == 0:
    print(f"loss {total.item() / dist.get_world_size():.4f}", flush=True)
dist.destroy_process_group()
"""


def run() -> Section:
    """Both in turn; the two must come to the same loss."""
    with lab(KEPT) as room:
        image = _image(room)
        ours, bare = [], []
        for _ in range(RUNS):
            pair = _ours(room, image), _torchrun(image)
            if pair[0][1] != pair[1][1]:
                raise RuntimeError(f"the losses differ: {pair}")
            ours.append(pair[0][0])
            bare.append(pair[1][0])
    ratio = median(ours) / median(bare)
    figure = Figure(
        f"A training on {INSTANCES} gloo instances",
        spread(ours, "s"),
        spread(bare, "s"),
        f"{ratio:.2f} times its time",
        f"{TARGET:g}",
        ratio <= TARGET,
    )
    about = (
        f"PyTorch's DistributedDataParallel, beside `torchrun --nproc-per-node {INSTANCES}` of the same environment, "
        f"from start to end; both come to the same loss. Median of {RUNS} runs."
    )
    return Section("Several instances", about, (figure,))


def _ours(room: Lab, image: Image) -> tuple[float, str]:
    started = time.perf_counter()
    _, lines = room.words(image.digest, instance_count=INSTANCES, environment=ENVIRONMENT, limits=LIMITS)
    return time.perf_counter() - started, lines[-1]


def _torchrun(image: Image) -> tuple[float, str]:
    command = [str(image.environment / "bin" / "python"), "-m", "torch.distributed.run"]
    command += ["--nproc-per-node", str(INSTANCES), str(image.code / "train.py")]
    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **ENVIRONMENT})
    return time.perf_counter() - started, done.stdout.splitlines()[-1]


def _image(room: Lab) -> Image:
    """The image with PyTorch, made where it is missing or another."""
    images: Images = room.runtime.images
    try:
        image = images.show(NAME)
        if image.requirements == REQUIREMENTS and (image.code / "train.py").read_text() == PROGRAM:
            return image
    except ImageNotFound:
        pass
    print("  Making an image with PyTorch (a minute or so, once)...", flush=True)
    code = room.folder / "code"
    code.mkdir(exist_ok=True)
    (code / "train.py").write_text(PROGRAM)
    requirements = room.folder / "requirements.txt"
    requirements.write_text(REQUIREMENTS)
    return images.build(NAME, code, requirements=requirements)

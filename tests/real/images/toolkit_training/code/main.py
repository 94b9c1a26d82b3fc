# mypy: ignore-errors
"""A script for SageMaker's script mode: the training toolkit calls it with the hyperparameters as arguments."""

import argparse
import csv
import json
import os
import socket
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--learning-rate", type=float, required=True)
parser.add_argument("--loss", required=True)
parser.add_argument("--layers", required=True)
parser.add_argument("-a", required=True)
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--output-data-dir", default=os.environ["SM_OUTPUT_DATA_DIR"])
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
args = parser.parse_args()

host = os.environ["SM_CURRENT_HOST"]
hosts = json.loads(os.environ["SM_HOSTS"])
rows = 0
for file in sorted(Path(args.train).iterdir()):
    with file.open() as lines:
        rows += len(list(csv.DictReader(lines)))

# What the toolkit, which started this script, was itself started with.
started_with = Path(f"/proc/{os.getppid()}/environ").read_text().split("\0")
asked = ("epochs", "learning_rate", "loss", "layers", "a")

seen = {
    "arguments": {name: value for name, value in vars(args).items() if name in asked},
    "toolkit": {name: value for name, value in os.environ.items() if name.startswith("SM_")},
    "platform": dict(pair.split("=", 1) for pair in started_with if pair.startswith("SM_")),
    "resource_config": json.loads(Path("/opt/ml/input/config/resourceconfig.json").read_text()),
    "addresses": {name: socket.gethostbyname(name) for name in hosts},
    "hostname": socket.gethostname(),
    "interfaces": [name for _, name in socket.if_nameindex()],
}
model = Path(args.model_dir)
(model / f"seen-on-{host}.json").write_text(json.dumps(seen))
(model / "weights.json").write_text(json.dumps({"epochs": args.epochs, "hosts": hosts}))
(Path(args.output_data_dir) / f"rows-on-{host}.txt").write_text(f"{rows}\n")
print(f"epochs={args.epochs};", flush=True)

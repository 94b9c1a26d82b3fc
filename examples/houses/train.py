"""A script as it is for SageMaker: channels and hyperparameters by SM_* variables, the model to SM_MODEL_DIR.

Prices of houses by gradient descent on a line through each column. A model in the channel `base` is gone on from.
"""

import csv
import json
import os
import tarfile
from pathlib import Path

LABEL = "price"
UNITS = {"rooms": 8.0, "area": 200.0, "age": 90.0}
HUNDREDS = 100.0

asked = json.loads(os.environ["SM_HPS"])
steps, rate = int(asked.get("steps", "200")), float(asked.get("learning_rate", "0.3"))

rows = []
for file in sorted(Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.csv")):
    with file.open(newline="") as lines:
        rows += list(csv.DictReader(lines))
points = [[1.0, *(float(row[name]) / unit for name, unit in UNITS.items())] for row in rows]
prices = [float(row[LABEL]) / HUNDREDS for row in rows]

weights = [0.0] * len(points[0])
if "SM_CHANNEL_BASE" in os.environ:
    with tarfile.open(Path(os.environ["SM_CHANNEL_BASE"], "model.tar.gz")) as archive:
        weights = json.load(archive.extractfile("model.json"))["weights"]
    print("going on from the base model", flush=True)

for step in range(1, steps + 1):
    errors = [
        sum(weight * value for weight, value in zip(weights, point, strict=True)) - price
        for point, price in zip(points, prices, strict=True)
    ]
    for place in range(len(weights)):
        slope = sum(error * point[place] for error, point in zip(errors, points, strict=True))
        weights[place] -= rate * slope / len(points)
    if step % 10 == 0:
        rmse = HUNDREDS * (sum(error * error for error in errors) / len(errors)) ** 0.5
        print(f"step={step} rmse={rmse:.3f};", flush=True)

Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps({"units": UNITS, "weights": weights}))

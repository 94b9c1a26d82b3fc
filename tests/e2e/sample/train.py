"""Learns how often rows of its channel have converted: the smallest program with the sample's entrypoint."""

import csv
import json
import os
from pathlib import Path

rows = []
for file in sorted(Path(os.environ["SM_CHANNEL_TRAINING"]).glob("*.csv")):
    with file.open(newline="") as lines:
        rows += list(csv.DictReader(lines))
assert "user_id" not in rows[0]
converted = sum(int(row["converted"]) for row in rows)
Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(
    json.dumps({"rate": converted / len(rows), "rows": len(rows)})
)
print(json.dumps({"accuracy": converted / len(rows), "roc_auc": 0.5, "f1": 0.5}), flush=True)

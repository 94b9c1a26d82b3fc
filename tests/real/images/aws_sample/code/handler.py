# mypy: ignore-errors
"""What serve.py answers with: a score for each row, below a header row of its own."""

import functools
import io
import json
import os
from pathlib import Path

import joblib
import pandas as pd

MODEL_DIR = Path(os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
COLUMNS = ["number", "rooms", "age", "large"]


@functools.cache
def load_model():
    return joblib.load(MODEL_DIR / "model.joblib"), json.loads((MODEL_DIR / "feature_columns.json").read_text())


def predict(body):
    model, features = load_model()
    rows = pd.read_csv(io.StringIO(body))
    if rows.columns[0] not in COLUMNS:
        rows = pd.read_csv(io.StringIO(body), header=None, names=COLUMNS)
    return pd.DataFrame({"number": rows["number"], "predicted": model.predict(rows[features])}).to_csv(index=False)

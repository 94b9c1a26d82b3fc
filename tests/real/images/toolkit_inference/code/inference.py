# mypy: ignore-errors
"""The functions that SageMaker's inference toolkit looks for in the user's module."""

import json
from pathlib import Path

import numpy


def model_fn(model_dir):
    return json.loads((Path(model_dir) / "model.json").read_text())


def input_fn(body, content_type):
    if content_type != "text/csv":
        raise ValueError(content_type)
    rows = [line.split(",") for line in body.splitlines()]
    return [row for row in rows if row[0] != "patient"]


def predict_fn(rows, model):
    return numpy.array([[int(patient), float(age) - model["mean"]] for patient, age in rows])

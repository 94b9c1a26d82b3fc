# mypy: ignore-errors
"""Training in the style of AWS's samples for Clean Rooms ML: started by an entrypoint, strict about its arguments."""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

import joblib
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

logging.basicConfig(level=logging.INFO, format="%(asctime)s - %(levelname)s - %(message)s")
logger = logging.getLogger(__name__)

COLUMNS = ["number", "rooms", "age", "large"]
FEATURES = ["rooms", "age"]


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_dir", default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--output_dir", default=os.environ.get("SM_OUTPUT_DIR"))
    parser.add_argument("--train_dir", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--train_file_format", default=os.environ.get("FILE_FORMAT"))
    parser.add_argument("--n_estimators", type=int, default=10)
    return parser.parse_args()


def load(folder, file_format):
    # "A single pre-joined CSV": what a second file holds would never be seen.
    files = sorted(Path(folder).glob(f"*.{file_format}"))
    logger.info("files: %s", files)
    rows = pd.read_csv(files[0])
    if rows.columns[0] not in COLUMNS:
        rows = pd.read_csv(files[0], header=None, names=COLUMNS)
    return rows


def main():
    args = parse_args()
    rows = load(args.train_dir, args.train_file_format)
    features, labels = rows[FEATURES], rows["large"]
    for_training, for_test, its_labels, test_labels = train_test_split(features, labels, random_state=42)
    model = GradientBoostingClassifier(n_estimators=args.n_estimators, random_state=42)
    model.fit(for_training, its_labels)
    accuracy = accuracy_score(test_labels, model.predict(for_test))
    logger.info("accuracy: %.4f", accuracy)
    joblib.dump(model, Path(args.model_dir, "model.joblib"))
    Path(args.model_dir, "feature_columns.json").write_text(json.dumps(FEATURES))
    Path(args.output_dir, "metrics.json").write_text(json.dumps({"accuracy": accuracy, "samples": len(rows)}))


if __name__ == "__main__":
    try:
        main()
    except Exception as problem:
        Path("/opt/ml/output/failure").write_text(str(problem)[:1024])
        logger.exception("Training failed")
        sys.exit(1)

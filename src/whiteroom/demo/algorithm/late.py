"""What training and serving share: the table's columns, and the model that learns from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier

LABEL = "late"
MODEL_FILE = "model.joblib"


def read_channel(folder: Path) -> pd.DataFrame:
    """Every CSV file of a channel, one after the other."""
    return pd.concat([pd.read_csv(file) for file in sorted(folder.glob("*.csv"))], ignore_index=True)


class LateModel:
    """A gradient boosting classifier, with the columns and categories it was trained on."""

    def __init__(self, frame: pd.DataFrame, **parameters: Any) -> None:
        self.columns = list(frame.columns)
        self.features = [name for name in self.columns if name != LABEL]
        text = [name for name in self.features if not pd.api.types.is_numeric_dtype(frame[name])]
        self.categories = {name: sorted(frame[name].dropna().unique()) for name in text}
        self.trees_a_training = int(parameters.pop("n_estimators"))
        self.classifier = GradientBoostingClassifier(n_estimators=0, warm_start=True, random_state=0, **parameters)

    def fit(self, frame: pd.DataFrame) -> None:
        """Add trees that learn from these rows to those that are there."""
        self.classifier.set_params(n_estimators=self.classifier.n_estimators + self.trees_a_training)
        self.classifier.fit(self.matrix(frame), frame[LABEL])

    def probability(self, frame: pd.DataFrame) -> Any:
        """How likely each row's arrival is more than 30 minutes late."""
        return self.classifier.predict_proba(self.matrix(frame))[:, 1]

    def matrix(self, frame: pd.DataFrame) -> Any:
        """The rows as numbers: categories as their places in the list, what is missing far below everything."""
        numbers = {
            name: pd.Categorical(frame[name], self.categories[name]).codes if name in self.categories else frame[name]
            for name in self.features
        }
        return pd.DataFrame(numbers).fillna(-999).to_numpy("float32")

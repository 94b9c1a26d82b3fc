"""Members of requests that operations/cleanrooms_ml/trained_model_versions.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms-ml",
        Seen("test_a_list_of_models_has_one_row_a_model_and_that_of_versions_all"),
        "trainedModelArn",
        of=("ListTrainedModelVersions",),
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_list_of_models_has_one_row_a_model_and_that_of_versions_all"),
        "status",
    ),
)

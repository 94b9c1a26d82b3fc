"""Members of requests that operations/cleanrooms_ml/trained_model_export_jobs.py answers."""

from __future__ import annotations

from contract.api.members.effects import Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms-ml",
        Seen("test_exports_are_listed_by_version"),
        "trainedModelArn",
        "trainedModelVersionIdentifier",
        of=("ListCollaborationTrainedModelExportJobs",),
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_jobs_name_is_unique_on_its_model"),
        "name",
        of=("StartTrainedModelExportJob",),
    ),
)

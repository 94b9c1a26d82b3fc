"""Members of requests that operations/cleanrooms_ml/ml_configurations.py answers."""

from __future__ import annotations

from contract.api.members.effects import Refused, Row, Seen, rows

ROWS: tuple[Row, ...] = (
    *rows(
        "cleanrooms-ml",
        Refused("test_a_role_of_another_account_is_refused"),
        "defaultOutputLocation.roleArn",
    ),
    *rows(
        "cleanrooms-ml",
        Seen("test_a_location_that_nothing_could_be_delivered_to_is_refused_at_once"),
        "defaultOutputLocation.destination.s3Destination.s3Uri",
    ),
)

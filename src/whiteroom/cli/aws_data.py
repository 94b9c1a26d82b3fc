"""`whiteroom aws-data`: what AWS's own clients can be told beside what they know."""

from __future__ import annotations

import typer

from whiteroom.wire.models import OWN_MODELS


def aws_data() -> None:
    """Print the folder with what AWS ships to none of its clients: waiters, and the service that hands out results.

    Name the folder in `AWS_DATA_PATH`, and `boto3.client("cleanroomsml").get_waiter("trained_model_active")` and `aws
    cleanroomsml wait trained-model-active` are there, here and at AWS. A copy of the folder is enough.

    Example: `whiteroom aws-data`
    """
    typer.echo(OWN_MODELS)

"""`whiteroom aws-data`: what AWS's own clients can be told beside what they know."""

from __future__ import annotations

from whiteroom.cli.folder import AsJson
from whiteroom.cli.output import say_done
from whiteroom.wire.models import OWN_MODELS


def aws_data(as_json: AsJson = False) -> None:
    """Print the folder with what AWS ships to none of its clients: waiters, and the service that hands out results.

    Name the folder in `AWS_DATA_PATH`, and `boto3.client("cleanroomsml").get_waiter("trained_model_active")` and `aws
    cleanroomsml wait trained-model-active` are there, here and at AWS. A copy of the folder is enough.

    Example: `whiteroom aws-data`
    """
    say_done(str(OWN_MODELS), {"folder": str(OWN_MODELS)}, as_json=as_json)

"""The versions of one trained model, as a list."""

from __future__ import annotations

from whiteroom.domain.resources.versions import Omitted
from whiteroom.operations.access import own_membership
from whiteroom.operations.answers import paged
from whiteroom.operations.cleanrooms_ml.trained_models import summary
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import own_model_version
from whiteroom.operations.registry import CLEANROOMS_ML, Request, Response, operation


@operation(CLEANROOMS_ML, "ListTrainedModelVersions")
def list_trained_model_versions(request: Request, context: Context) -> Response:
    """Every version, newest first, of one status where the request names it."""
    membership = own_membership(context, request["membershipIdentifier"])
    arn = own_model_version(context, membership, request["trainedModelArn"], None, Omitted.LATEST).arn
    wanted = {"status": request["status"]} if "status" in request else {}
    return paged(request, "trainedModels", context.tx.trained_models, summary, arn=arn, **wanted)

"""Amazon Resource Names: built and read in one place.

Every ARN here is `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; the account is the
owner's. A resource inside a membership is `membership/UUID/KIND/ID`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

CLEANROOMS = "cleanrooms"
CLEANROOMS_ML = "cleanrooms-ml"


def new_id() -> str:
    """A fresh random UUID, as text."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Arn:
    """One parsed ARN. `str()` gives the text back."""

    service: str
    region: str
    account_id: str
    resource: str
    partition: str = "aws"

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account_id}:{self.resource}"

    @property
    def resource_id(self) -> str:
        """What comes after the last slash: the resource's own identifier."""
        return self.resource.rsplit("/", 1)[-1]

    @property
    def membership_id(self) -> str | None:
        """The membership that an ARN of the form `membership/UUID/...` is in; None for any other."""
        kind, _, rest = self.resource.partition("/")
        if kind != "membership":
            return None
        return rest.partition("/")[0]

    @property
    def kind(self) -> str:
        """The resource's kind: `trained-model`, `collaboration`, `role`."""
        parts = self.resource.split("/")
        return parts[-2] if len(parts) > 1 else parts[0]


def parse_arn(text: str) -> Arn:
    """Read an ARN.

    Raises:
        ValueError: `text` has not the six parts of an ARN.
    """
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise ValueError(f"{text!r} is not an ARN: it has not the form arn:partition:service:region:account:resource.")
    _, partition, service, region, account_id, resource = parts
    return Arn(service, region, account_id, resource, partition)


def cleanrooms_arn(region: str, account_id: str, resource: str) -> str:
    """An ARN of the `cleanrooms` service, such as `collaboration/UUID`."""
    return f"arn:aws:{CLEANROOMS}:{region}:{account_id}:{resource}"


def cleanrooms_ml_arn(region: str, account_id: str, resource: str) -> str:
    """An ARN of the `cleanrooms-ml` service, such as `membership/UUID/trained-model/UUID`."""
    return f"arn:aws:{CLEANROOMS_ML}:{region}:{account_id}:{resource}"

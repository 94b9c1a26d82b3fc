"""AWS clients that are made only when somebody needs them, so that boto3 need not be installed where nobody does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import Identity
from whiteroom.aws.refusals import AwsRefused, AwsUnusable


class LateClients:
    """As AwsClients; where these cannot be made, whatever is asked of them is refused with the reason."""

    def __init__(self, make: Callable[[], AwsClients]) -> None:
        """Make them with this, which may raise AwsUnusable."""
        self._make = make
        self._made: AwsClients | None = None
        self._lock = Lock()

    def client(self, service: str, identity: Identity, region: str | None = None) -> Any:
        """As AwsClients.client."""
        return self._clients().client(service, identity, region)

    def credentials(self, identity: Identity) -> Mapping[str, str]:
        """As AwsClients.credentials."""
        return self._clients().credentials(identity)

    def forget(self, identity: Identity) -> None:
        """As AwsClients.forget."""
        self._clients().forget(identity)

    def _clients(self) -> AwsClients:
        with self._lock:
            if self._made is None:
                try:
                    self._made = self._make()
                except AwsUnusable as error:
                    raise AwsRefused(str(error)) from None
            return self._made

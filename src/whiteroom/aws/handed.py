"""boto3 clients in a child process, made from credentials that the server hands over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import botocore.session
from botocore.config import Config

_CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=16,
    user_agent_extra="whiteroom",
)
_ENDPOINT: Final = "AWS_ENDPOINT_URL"


def handed_client(service: str, handed: Mapping[str, str]) -> Any:
    """A client of what `AwsClients.credentials` answered, for threads to share."""
    endpoint = None
    if handed.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        endpoint = handed.get(f"{_ENDPOINT}_{service.upper()}") or handed.get(_ENDPOINT)
    session = botocore.session.Session()
    return session.create_client(
        service,
        region_name=handed["AWS_REGION"],
        aws_access_key_id=handed["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=handed["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=handed.get("AWS_SESSION_TOKEN"),
        endpoint_url=endpoint,
        verify=handed.get("AWS_CA_BUNDLE"),
        config=_CONFIG,
    )

"""botocore speaks the protocol that it likes best of a service's; here it is made to speak another."""

from __future__ import annotations

from typing import Any

import botocore.session

OF_CLOUDWATCH = ("smithy-rpc-v2-cbor", "json", "query")


def speak(session: botocore.session.Session, protocol: str) -> None:
    """Have the clients of a session speak one protocol, as if their services had no other."""
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def load_with_one(service: str, kind: str, api_version: str | None = None) -> Any:
        document = load(service, kind, api_version)
        if kind != "service-2":
            return document
        return {**document, "metadata": {**document["metadata"], "protocols": [protocol]}}

    loader.load_service_model = load_with_one

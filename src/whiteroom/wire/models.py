"""The pinned service models, loaded once: every operation, its shapes and its errors.

Nothing here or above writes a URL, a status or a field list by hand: botocore's JSON has them, and for what AWS has no
operation for, a model of our own in botocore's form (service_models/), which clients may load too.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape, StructureShape

MODEL_NAMES = ("cleanroomsml", "cleanrooms", "logs", "cloudwatch", "sts", "whiteroom")
"""What botocore calls the services. On the wire they go by their signing names."""

OWN_MODELS = str(Path(__file__).with_name("service_models"))
"""Where botocore's loader finds the model of our own service, and waiters for AWS's services, which have none."""

_PARTS: Mapping[str, frozenset[str]] = {
    "logs": frozenset({"DescribeLogGroups", "DescribeLogStreams", "FilterLogEvents", "GetLogEvents"}),
    "cloudwatch": frozenset({"GetMetricData", "GetMetricStatistics", "ListMetrics"}),
    "sts": frozenset({"AssumeRole", "GetCallerIdentity", "GetSessionToken"}),
}
"""Of a service of which only a part is meant for us: that part. The others of its operations are not implemented."""

_CORRECTIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    # TagResource and its siblings take at most 100 characters, though ARNs of the service's own associations
    # and templates, which hold two UUIDs, have 142.
    "cleanrooms": {"CleanroomsArn": {"max": 200}},
}
"""Where a model contradicts the service: traits of its shapes that are replaced, by model and shape."""

_READ_ONLY = frozenset({"cloudwatch", "sts"})
"""Models that do not mark the operations that only read, and of which only such are meant for us."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One AWS operation. There is one object for each, compared by identity."""

    service: str
    """The signing name: `cleanrooms-ml`, `cleanrooms`, `logs`, `monitoring`, `sts` or `whiteroom`."""
    name: str
    snake_name: str
    method: str
    uri: str
    """The path with its labels in braces: `/memberships/{membershipIdentifier}/trained-models`."""
    success_status: int
    read_only: bool
    errors: Mapping[str, int]
    """The errors that it declares, and the HTTP status of each."""
    is_download: bool
    """Whether it answers with a file, or with what there is to say of one: in headers, and not in JSON."""
    input_shape: StructureShape | None = field(repr=False)
    output_shape: StructureShape | None = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One AWS service."""

    signing_name: str
    protocols: tuple[str, ...]
    """Those that its clients speak, by AWS's names, in the model's order: `rest-json`, `json`, `query` and
    `smithy-rpc-v2-cbor`."""
    operations: Mapping[str, Operation]
    others: frozenset[str]
    """Operations that its model has and `operations` has not."""
    target_prefix: str | None
    """What comes before an operation's name in X-Amz-Target (the JSON protocol) and in a path of the CBOR protocol;
    None where the service speaks neither."""
    json_version: str
    """Of the JSON protocol: `1.0` or `1.1`."""
    api_version: str
    """Its date, as the query protocol asks for it: `2010-08-01`."""
    xml_namespace: str
    """Of its answers in the query protocol; empty where it does not speak that."""
    namespace: str
    """Of its shapes in the CBOR protocol: `com.amazonaws.cloudwatch`."""
    is_query_compatible: bool
    """Whether its clients want an error's older name beside the new one (x-amzn-query-error)."""
    error_shapes: Mapping[str, Shape] = field(repr=False)
    internal_error: str
    """Its name for HTTP 500: `InternalServiceException`, `InternalServerException`, or the protocol's own."""


@functools.cache
def services() -> Mapping[str, Service]:
    """Every service, by signing name."""
    loaded = (_load(name) for name in MODEL_NAMES)
    return {service.signing_name: service for service in loaded}


def all_operations() -> tuple[Operation, ...]:
    """Every operation of every service, in the models' order."""
    return tuple(operation for service in services().values() for operation in service.operations.values())


def http_status(error: Shape) -> int:
    """The HTTP status of an error shape; the JSON protocol's, where the model gives none."""
    given = error.metadata.get("error", {}).get("httpStatusCode")
    return int(given or (500 if error.metadata.get("fault") else 400))


def _load(model_name: str) -> Service:
    document: dict[str, Any] = Loader(extra_search_paths=[OWN_MODELS]).load_service_model(model_name, "service-2")
    for shape, traits in _CORRECTIONS.get(model_name, {}).items():
        document["shapes"][shape].update(traits)
    model = ServiceModel(document, model_name)
    error_shapes = {shape.name: shape for shape in model.error_shapes}
    names = [name for name in model.operation_names if name in _PARTS.get(model_name, model.operation_names)]
    return Service(
        signing_name=model.signing_name,
        protocols=tuple(model.metadata["protocols"]),
        operations={
            name: _operation(
                model,
                name,
                read_only=model_name in _READ_ONLY or bool(document["operations"][name].get("readonly", False)),
            )
            for name in names
        },
        others=frozenset(model.operation_names) - frozenset(names),
        target_prefix=model.metadata.get("targetPrefix"),
        json_version=model.metadata.get("jsonVersion", "1.1"),
        api_version=model.metadata["apiVersion"],
        xml_namespace=model.metadata.get("xmlNamespace", ""),
        # As AWS names its Smithy models, by the service's id.
        namespace=f"com.amazonaws.{model.metadata['serviceId'].replace(' ', '').lower()}",
        is_query_compatible="awsQueryCompatible" in model.metadata,
        error_shapes=error_shapes,
        internal_error=next(
            (name for name, shape in error_shapes.items() if http_status(shape) == 500), "InternalFailure"
        ),
    )


def _operation(model: ServiceModel, name: str, *, read_only: bool) -> Operation:
    operation = model.operation_model(name)
    return Operation(
        service=model.signing_name,
        name=name,
        snake_name=xform_name(name),
        method=operation.http["method"],
        uri=operation.http["requestUri"],
        success_status=int(operation.http.get("responseCode", 200)),
        read_only=read_only,
        errors={shape.name: http_status(shape) for shape in operation.error_shapes},
        is_download=operation.output_shape is not None
        and any("location" in member.serialization for member in operation.output_shape.members.values()),
        input_shape=operation.input_shape,
        output_shape=operation.output_shape,
    )

"""Protected queries: SQL that a member runs, or that fills an ML input channel.

Rules: domain/resources/protected_queries.py, domain/resources/query_results.py. What runs them:
controllers/protected_queries.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.base.faults import Conflict, ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.domain.execution.query_compute import compute_is_sound
from whiteroom.domain.execution.result_regions import may_be_stored
from whiteroom.domain.observability.analysis_metrics import CPUS, crpu_hours
from whiteroom.domain.resources.channel_queries import names_one_query, template_gives
from whiteroom.domain.resources.collaborations import Ability, Cost, member_id
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.protected_queries import (
    LIFECYCLE,
    UNDER_WAY,
    ProtectedQuery,
    ProtectedQueryStatus,
    ProtectedQuerySummary,
    error_code_of,
    may_succeed_again,
    query_arn,
)
from whiteroom.domain.resources.query_results import (
    Receiver,
    destination_of,
    is_signed_for,
    location_is_sound,
    one_format,
    place_of,
    receivers_asked_for,
)
from whiteroom.domain.resources.quotas import Quota
from whiteroom.domain.resources.receivers import may_receive
from whiteroom.operations.access import (
    collaboration_of,
    permit,
    require_ability,
    within_quota,
    within_storage,
    working_membership,
)
from whiteroom.operations.access_budgets import named_associations, spend
from whiteroom.operations.analysis_logs import log_query, log_refused_query
from whiteroom.operations.answers import transition, unwrap
from whiteroom.operations.context import Context
from whiteroom.operations.ml_access import paying_account
from whiteroom.operations.plain_resources import IN_MEMBERSHIP, Place, PlainResource, by_id, none_of
from whiteroom.operations.query_templates import template_of
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation
from whiteroom.reads.deliveries import failure_message_for

_KIND = "PROTECTED_QUERY"


@operation(CLEANROOMS, "StartProtectedQuery", on_refusal=log_refused_query)
def start_protected_query(request: Request, context: Context) -> Response:
    """Record a query and reduce the access budgets of the tables that it names. The SQL is parsed where it runs."""
    membership = working_membership(context, request["membershipIdentifier"])
    require_ability(context, membership, Ability.CAN_QUERY)
    parameters = request["sqlParameters"]
    permit(names_one_query(parameters), ValidationFault)
    permit(compute_is_sound(request.get("computeConfiguration")), ValidationFault)
    template = template_of(context, parameters, membership.collaboration_id)
    if template is not None:
        permit(template_gives(template, synthetic=False), ValidationFault)
    output = request.get("resultConfiguration", {}).get("outputConfiguration")
    receivers = _receivers(context, membership, output)
    result_format, single_file = _form(context, membership, receivers)
    named_payer = request.get("queryComputePayerAccountId")
    payer = paying_account(context, membership, Cost.QUERY_COMPUTE, named_payer)
    quota = Quota.CONCURRENT_QUERIES_PER_MEMBERSHIP
    within_quota(context, quota, context.tx.protected_queries, UNDER_WAY, membership_id=membership.id)
    within_storage(context, membership)
    named = named_associations(context, membership.collaboration_id, parameters, template)
    query_id = context.new_id()
    query = ProtectedQuery(
        id=query_id,
        arn=query_arn(membership.arn, query_id),
        membership_id=membership.id,
        membership_arn=membership.arn,
        collaboration_id=membership.collaboration_id,
        account_id=membership.account_id,
        ml_input_channel_arn=None,
        sql_parameters=parameters,
        result_configuration=request.get("resultConfiguration"),
        result_format=result_format.value,
        single_file=single_file,
        receivers=tuple(_receiver_record(receiver) for receiver in receivers),
        compute_configuration=request.get("computeConfiguration"),
        payer_account_id=payer,
        named_associations=named,
        charged_associations=spend(context, named),
        read_associations=(),
        deliveries=(),
        status=LIFECYCLE.initial,
        status_code=None,
        status_message=None,
        revision=0,
        started_at=None,
        created_at=context.now,
        updated_at=context.now,
    )
    context.tx.protected_queries.submit(query, actor=context.caller)
    log_query(context, query, template)
    return {"protectedQuery": _document(context, query)}


@operation(CLEANROOMS, "UpdateProtectedQuery")
def update_protected_query(request: Request, context: Context) -> Response:
    """Record the wish that a query ends (the only targetStatus is CANCELLED); the controller stops it."""
    query = _QUERIES.mine_to_change(request, context)
    if query.ml_input_channel_arn is not None:
        raise Conflict(
            f"The protected query {query.id} fills the ML input channel {query.ml_input_channel_arn} and ends with it. "
            "Wait for the channel, then call DeleteMLInputChannelData.",
            resourceId=query.id,
            resourceType=_KIND,
            reason="INVALID_STATE",
        )
    query = transition(context, context.tx.protected_queries, LIFECYCLE, query, Event.CANCEL)
    return {"protectedQuery": _document(context, query)}


def _receivers(context: Context, membership: Membership, output: Mapping[str, Any] | None) -> tuple[Receiver, ...]:
    """Who gets the rows; each may, now. It is asked again at delivery."""
    members = context.tx.members.all(collaboration_id=membership.collaboration_id)
    receivers = unwrap(receivers_asked_for(output, membership.account_id, members), ValidationFault)
    for receiver in receivers:
        member = context.tx.members.get(member_id(membership.collaboration_id, receiver.account_id))
        permit(may_receive(receiver.account_id, member, Ability.CAN_RECEIVE_RESULTS))
    return receivers


def _form(context: Context, membership: Membership, receivers: tuple[Receiver, ...]) -> tuple[ResultFormat, bool]:
    """The format of the files, and whether there is to be one alone, as every receiver's place has it now."""
    places: dict[str, Mapping[str, Any]] = {}
    default = context.deployment.default_result_location
    for receiver in receivers:
        member = context.tx.members.get(member_id(membership.collaboration_id, receiver.account_id))
        held = None if member is None or member.membership_id is None else member.membership_id
        own = None if held is None else context.tx.memberships.get(held)
        place = unwrap(place_of(receiver, own, default), ValidationFault)
        permit(location_is_sound(place), ValidationFault)
        destination = unwrap(destination_of(receiver, own, default), ValidationFault)
        permit(is_signed_for(destination, context.deployment.signed_for), ValidationFault)
        places[receiver.account_id] = place
    collaboration = collaboration_of(context, membership)
    buckets = [place["bucket"] for place in places.values()]
    permit(
        may_be_stored(buckets, collaboration.allowed_result_regions, context.deployment.bucket_regions), ValidationFault
    )
    single_file = any(place.get("singleFileOutput", False) for place in places.values())
    return unwrap(one_format(places), ValidationFault), single_file


def _receiver_record(receiver: Receiver) -> Mapping[str, Any]:
    return {"accountId": receiver.account_id} | ({} if receiver.s3 is None else {"s3": receiver.s3})


def _document(context: Context, query: ProtectedQuery) -> dict[str, Any]:
    # A channel's query has no resultConfiguration: its rows "are never shared with any member".
    return {
        **_head(query),
        "sqlParameters": query.sql_parameters,
        "resultConfiguration": query.result_configuration,
        "statistics": _statistics(query),
        "result": _result(query),
        "error": _error(context, query),
        "computeConfiguration": query.compute_configuration,
        "differentialPrivacy": _privacy(query),
    }


def _privacy(query: ProtectedQuery) -> dict[str, Any] | None:
    """How much noise there is in what was delivered; the numbers were learned with noise themselves."""
    return {"sensitivityParameters": query.privacy_parameters} if query.privacy_parameters else None


def _error(context: Context, query: ProtectedQuery) -> dict[str, Any] | None:
    if query.status_code is None:
        return None
    message = failure_message_for(context.tx, query.id, query.account_id, query.status_code, query.status_message)
    return {
        "message": message or "",
        "code": error_code_of(query.status_code),
        "retry": {"retryable": may_succeed_again(query.status_code)},
    }


def _statistics(query: ProtectedQuery) -> dict[str, Any] | None:
    """What it took "from creation until query completion"; billed units where it is known what it was granted."""
    if not LIFECYCLE.at_rest(query.status):
        return None
    statistics: dict[str, Any] = {
        "totalDurationInMillis": round((query.updated_at - query.created_at).total_seconds() * 1000)
    }
    cpus = (query.measures or {}).get(CPUS)
    if cpus is not None:
        units = crpu_hours(cpus, query.started_at or query.created_at, query.updated_at)
        statistics["billedResourceUtilization"] = {"units": units}
    return statistics


def _result(query: ProtectedQuery) -> dict[str, Any] | None:
    """The location for the one who named it; of other receivers, that they received."""
    if not query.deliveries:
        return None
    own = [delivery["location"] for delivery in query.deliveries if delivery["accountId"] == query.account_id]
    others = [{"accountId": d["accountId"]} for d in query.deliveries if d["accountId"] != query.account_id]
    asked = (query.result_configuration or {}).get("outputConfiguration") or {}
    if "distribute" in asked:
        s3 = {"location": own[0]} if own else None
        return {"output": {"distribute": {"s3": s3, "memberList": others or None}}}
    if own and "member" not in asked:
        return {"output": {"s3": {"location": own[0]}}}
    return {"output": {"memberList": [{"accountId": delivery["accountId"]} for delivery in query.deliveries]}}


def _summary(_: Context, __: Place, query: ProtectedQuerySummary) -> dict[str, Any]:
    return {**_head(query), "receiverConfigurations": [_receiver_configuration(query)]}


def _receiver_configuration(query: ProtectedQuerySummary) -> dict[str, Any]:
    if query.ml_input_channel_arn is not None:
        return {"analysisType": "ADDITIONAL_ANALYSIS"}
    accounts = [receiver["accountId"] for receiver in query.receivers]
    details = {"directAnalysisConfigurationDetails": {"receiverAccountIds": accounts}}
    return {"analysisType": "DIRECT_ANALYSIS", "configurationDetails": details}


def _head(query: ProtectedQuery | ProtectedQuerySummary) -> dict[str, Any]:
    return {
        "id": query.id,
        "membershipId": query.membership_id,
        "membershipArn": query.membership_arn,
        "createTime": query.created_at,
        "status": query.status.value,
        "queryComputePayerAccountId": query.payer_account_id,
    }


_QUERIES = PlainResource(
    service=CLEANROOMS,
    module=__name__,
    records=lambda tx: tx.protected_queries,
    where=IN_MEMBERSHIP,
    named_by="protectedQueryIdentifier",
    find=by_id,
    missing=none_of(
        "protected query",
        _KIND,
        "Use the identifier that ListProtectedQueries or GetMLInputChannel answers.",
    ),
)
_QUERIES.get(
    "GetProtectedQuery",
    "A query of the caller's membership.",
    lambda context, _, query: _document(context, query),
    key="protectedQuery",
)
_QUERIES.list(
    "ListProtectedQueries",
    "The queries of the caller's membership, newest first; those of one status where one is asked for.",
    _summary,
    key="protectedQueries",
    wanted=lambda request: {"status": ProtectedQueryStatus(request["status"])} if "status" in request else {},
    view=ProtectedQuerySummary,
)

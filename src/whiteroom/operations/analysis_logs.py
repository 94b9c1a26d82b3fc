"""Writes analysis logs when analyses begin: what was requested and refused (domain/observability/analysis_logs.py).

An event is written in the transaction that records the work, so that both are there or neither. Of a refused attempt
nothing else stays; its event is committed before the refusal is answered (operations/registry.py, on_refusal).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from whiteroom.base.faults import Fault
from whiteroom.domain.execution.query_compute import spark_properties
from whiteroom.domain.observability.analysis_logs import (
    REFUSED_TO_ANOTHER,
    Analysis,
    Category,
    LoggedTable,
    Refusal,
    concerned,
    logs_enabled,
    submissions,
)
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.collaborations import member_id
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.operations.access_budgets import named_associations
from whiteroom.operations.context import Context
from whiteroom.operations.registry import Request


def log_query(
    context: Context, query: ProtectedQuery, template: AnalysisTemplate | None, channel: MLInputChannel | None = None
) -> None:
    """Write down that a query was asked for, a member's own or a channel's."""
    about: dict[str, Any] = {} if channel is None else _of_channel(channel.arn, channel.association_arn)
    ignored = spark_properties(query.compute_configuration)
    if ignored:
        about["sparkPropertiesWithoutEffect"] = list(ignored)
    analysis = replace(
        _analysis(context, query.id, Category.SQL, query.collaboration_id),
        tables=_tables(context, query.named_associations or ()),
        receiver_account_ids=tuple(receiver["accountId"] for receiver in query.receivers),
        about=about,
    )
    _write(context, _with_text(analysis, query.sql_parameters, template))


def log_job(context: Context, job: TrainedModel | TrainedModelInferenceJob | TrainedModelExportJob) -> None:
    """Write down that a training, an inference job or an export was asked for."""
    receivers: tuple[str, ...] = ()
    if isinstance(job, TrainedModel):
        category, about = Category.TRAINING, _of_model(job.arn, job.version_identifier)
        sources = _sources_of_model(context, job)
    elif isinstance(job, TrainedModelInferenceJob):
        category, receivers = Category.INFERENCE, (job.receiver_account_id,)
        about = {
            "trainedModelInferenceJobArn": job.arn,
            **_of_model(job.trained_model_arn, job.trained_model_version_identifier),
        }
        sources = [
            *_sources_of_channels(context, [job.ml_input_channel_arn]),
            *_sources_of_model(context, context.tx.trained_models.get(job.trained_model_id)),
        ]
    else:
        category, receivers = Category.EXPORT, (job.receiver_account_id,)
        about = {
            "trainedModelExportJobName": job.name,
            **_of_model(job.trained_model_arn, job.trained_model_version_identifier),
        }
        sources = _sources_of_model(context, context.tx.trained_models.get(job.trained_model_id))
    if not isinstance(job, TrainedModelExportJob):
        about["configuredModelAlgorithmAssociationArn"] = job.association_arn
    analysis = _analysis(context, job.id, category, job.collaboration_id)
    tables = _tables(context, sources)
    _write(context, replace(analysis, tables=tables, receiver_account_ids=receivers, about=about))


def log_refused_query(request: Request, context: Context, fault: Fault) -> None:
    """Write down an attempt to run a query, or to make a channel, that was refused."""
    membership = _own_membership(context, request)
    if membership is None:
        return
    source, about = request, {}
    if "inputChannel" in request:
        source = request["inputChannel"]["dataSource"].get("protectedQueryInputParameters", {})
        (association_arn,) = request["configuredModelAlgorithmAssociations"]
        about = {
            "mlInputChannelName": request["name"],
            "configuredModelAlgorithmAssociationArn": association_arn,
        }
    parameters: Mapping[str, Any] = source.get("sqlParameters", {})
    template = _template(context, parameters.get("analysisTemplateArn"), membership)
    named = named_associations(context, membership.collaboration_id, parameters, template)
    analysis = replace(_attempt(context, Category.SQL, membership), tables=_tables(context, named), about=about)
    _write(context, _with_text(analysis, parameters, template), fault)


def log_refused_job(request: Request, context: Context, fault: Fault) -> None:
    """Write down an attempt to start a training, an inference job or an export that was refused.

    Who asked reads only of the tables behind its own channels and models: naming another's ARN gives no right to more.
    """
    membership = _own_membership(context, request)
    if membership is None:
        return
    asked_channels = [channel["mlInputChannelArn"] for channel in request.get("dataChannels", ())]
    if "dataSource" in request:
        asked_channels.append(request["dataSource"]["mlInputChannelArn"])
    asked_models = [request] if "trainedModelArn" in request else request.get("incrementalTrainingDataChannels", ())
    models = [_model(context, asked, membership.collaboration_id) for asked in asked_models]
    sources = [
        *_sources_of_channels(context, asked_channels, membership.collaboration_id),
        *(source for model in models for source in _sources_of_model(context, model)),
    ]
    own_models = [model for model in models if model is not None and model.membership_id == membership.id]
    own = {
        *_sources_of_channels(context, asked_channels, membership.collaboration_id, membership.id),
        *(source for model in own_models for source in _sources_of_model(context, model)),
    }
    if "dataChannels" in request:
        category = Category.TRAINING
    else:
        category = Category.INFERENCE if "dataSource" in request else Category.EXPORT
    named = ("configuredModelAlgorithmAssociationArn", "trainedModelArn", "trainedModelVersionIdentifier")
    about = {"jobName": request["name"]} | {name: request[name] for name in named if name in request}
    analysis = replace(_attempt(context, category, membership), tables=_tables(context, sources), about=about)
    for_runner = (table for table in analysis.tables if _is_logged_for_runner(table, own, membership))
    _write(context, analysis, fault, tables_for_runner=tuple(for_runner))


def _analysis(context: Context, analysis_id: str, category: Category, collaboration_id: str) -> Analysis:
    """An analysis of the caller's, of which nothing else is known yet."""
    return Analysis(
        id=analysis_id,
        category=category,
        collaboration_id=collaboration_id,
        runner_account_id=context.caller.account_id,
        runner_arn=context.caller.arn,
        runner_user=context.caller.user,
        tables=(),
        receiver_account_ids=(),
        about={},
    )


def _attempt(context: Context, category: Category, membership: Membership) -> Analysis:
    return _analysis(context, context.new_id(), category, membership.collaboration_id)


def _with_text(analysis: Analysis, parameters: Mapping[str, Any], template: AnalysisTemplate | None) -> Analysis:
    """The analysis with its SQL, and what fills it."""
    text = parameters.get("queryString") if template is None else template.source["text"]
    about = analysis.about if template is None else {**analysis.about, "analysisTemplateArn": template.arn}
    return replace(analysis, text=text, parameters=parameters.get("parameters"), about=about)


def _is_logged_for_runner(table: LoggedTable, own: Collection[str], membership: Membership) -> bool:
    """Whether a refused member learns that its attempt named a table: it owns it, or had the rows lawfully."""
    return table.association_id in own or table.owner_account_id == membership.account_id


def _write(
    context: Context,
    analysis: Analysis,
    fault: Fault | None = None,
    *,
    tables_for_runner: tuple[LoggedTable, ...] | None = None,
) -> None:
    collaboration = context.tx.collaborations.get(analysis.collaboration_id)
    if collaboration is None:
        return
    names: dict[str, str] = {}
    accounts: list[str] = []
    for account in concerned(analysis):
        member = context.tx.members.get(member_id(analysis.collaboration_id, account))
        membership = None
        if member is not None:
            names[account] = member.display_name
            membership = None if member.membership_id is None else context.tx.memberships.get(member.membership_id)
        if membership is not None and logs_enabled(collaboration, membership, analysis.category):
            accounts.append(account)
    withhold = context.deployment.withhold_query_text
    for account in accounts:
        seen = analysis
        if tables_for_runner is not None and account == analysis.runner_account_id:
            seen = replace(analysis, tables=tables_for_runner)
        refusal = None if fault is None else _refusal(fault, analysis, account)
        events = submissions(seen, [account], names, context.now, withhold_text=withhold, refusal=refusal)
        context.tx.analysis_logs.add(events)


def _refusal(fault: Fault, analysis: Analysis, account_id: str) -> Refusal:
    """Why an attempt was refused, for a member. Of another's job it may name a channel, and tables of third parties."""
    in_full = analysis.category is Category.SQL or account_id == analysis.runner_account_id
    return Refusal(fault.code, fault.message if in_full else REFUSED_TO_ANOTHER)


def _tables(context: Context, association_ids: Iterable[str]) -> tuple[LoggedTable, ...]:
    """The tables that are still associated, each once, in the order of their names."""
    found = (_table(context, association_id) for association_id in dict.fromkeys(association_ids))
    return tuple(sorted((table for table in found if table is not None), key=lambda table: table.name))


def _table(context: Context, association_id: str) -> LoggedTable | None:
    association = context.tx.configured_table_associations.get(association_id)
    if association is None:
        return None
    rule = context.tx.configured_table_analysis_rules.get(association.configured_table_id)
    return LoggedTable(
        association_id=association.id,
        name=association.name,
        owner_account_id=association.account_id,
        configured_table_id=association.configured_table_id,
        rule_type=None if rule is None else rule.type,
    )


def _sources_of_channels(
    context: Context, arns: Iterable[str], collaboration_id: str | None = None, membership_id: str | None = None
) -> Iterator[str]:
    for arn in arns:
        channel = context.tx.ml_input_channels.find(arn=arn)
        if channel is None or membership_id not in {None, channel.membership_id}:
            continue
        if collaboration_id in {None, channel.collaboration_id}:
            yield from channel.source_associations


def _sources_of_model(context: Context, model: TrainedModel | None) -> list[str]:
    """Of everything that a model learnt from, its ancestors included."""
    found: list[str] = []
    while model is not None:
        found += _sources_of_channels(context, [channel["mlInputChannelArn"] for channel in model.data_channels])
        base: Any = model.incremental_channels[0]["modelId"] if model.incremental_channels else None
        model = None if base is None else context.tx.trained_models.get(base)
    return found


def _of_channel(arn: str, association_arn: str) -> dict[str, Any]:
    return {"mlInputChannelArn": arn, "configuredModelAlgorithmAssociationArn": association_arn}


def _of_model(arn: str, version_identifier: str) -> dict[str, Any]:
    return {"trainedModelArn": arn, "trainedModelVersionIdentifier": version_identifier}


def _own_membership(context: Context, request: Request) -> Membership | None:
    """The membership under which an attempt was made; None where it is not the caller's: it could reach no table."""
    membership = context.tx.memberships.get(request["membershipIdentifier"])
    return membership if membership is not None and membership.account_id == context.caller.account_id else None


def _template(context: Context, arn: str | None, membership: Membership) -> AnalysisTemplate | None:
    if not arn:
        return None
    template = context.tx.analysis_templates.find(arn=arn)
    here = template is not None and template.collaboration_id == membership.collaboration_id
    return template if here else None


def _model(context: Context, asked: Mapping[str, Any], collaboration_id: str) -> TrainedModel | None:
    """The version that a refused request meant, as far as that is known."""
    identifier = asked.get("versionIdentifier") or asked.get("trainedModelVersionIdentifier")
    equals = {"is_latest": True} if identifier is None else {"version_identifier": identifier}
    model = context.tx.trained_models.find(arn=asked["trainedModelArn"], **equals)
    return model if model is not None and model.collaboration_id == collaboration_id else None

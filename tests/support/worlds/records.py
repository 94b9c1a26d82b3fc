"""Records of a driven room (driven.py): jobs as an operation leaves them, or as no operation would.

What is asked for through operations is what they allow; controllers have to cope with whatever a record says.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from support.fakes import NOON
from support.worlds.requests import ALICE, BOB, input_channel
from support.worlds.rooms import SharedTable
from support.worlds.servers import id_of
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.resources import (
    ml_input_channels,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import BASE_VERSION, TrainedModel

REGION = "eu-west-1"
ROOM = id_of(1)
MEMBERSHIPS = {ALICE: id_of(2), BOB: id_of(3)}
PREFIX = f"arn:aws:cleanrooms-ml:{REGION}:{ALICE}:membership/{MEMBERSHIPS[ALICE]}"
MEMBERSHIP_ARN = f"arn:aws:cleanrooms:{REGION}:{ALICE}:membership/{MEMBERSHIPS[ALICE]}"
ALGORITHM = f"arn:aws:cleanrooms-ml:{REGION}:{ALICE}:configured-model-algorithm/{id_of(4)}"
ASSOCIATION = f"{PREFIX}/configured-model-algorithm-association/{id_of(5)}"
FLIGHTS, WEATHER = SharedTable(id_of(6), id_of(7)), SharedTable(id_of(8), id_of(9))
TEMPLATE, SYNTHETIC_TEMPLATE = (f"{MEMBERSHIP_ARN}/analysistemplate/{id_of(number)}" for number in (10, 11))
SYNTHETIC: dict[str, Any] = {
    "mlSyntheticDataParameters": {
        "epsilon": 1.0,
        "maxMembershipInferenceAttackScore": 0.6,
        "columnClassification": {
            "columnMapping": [
                {"columnName": name, "columnType": "NUMERICAL", "isPredictiveValue": name == "e"} for name in "abcde"
            ]
        },
    }
}

_OF_ALICES = {"membership_id": MEMBERSHIPS[ALICE], "collaboration_id": ROOM, "account_id": ALICE}
_NEW = {"status_code": None, "status_message": None, "revision": 0}
_NOT_RUN: dict[str, Any] = {
    "payer_account_id": ALICE,
    "kms_key_arn": None,
    "image_digest": None,
    "logs_status": None,
    "logs_status_details": None,
    "metrics_status": None,
    "metrics_status_details": None,
    "output_bytes": None,
    "retries": 0,
    "retry": None,
    "seconds_spent": 0,
    "run_started_at": None,
    "run_ended_at": None,
}


def _asked_for(kind: str, record_id: str, at: datetime) -> dict[str, Any]:
    """What every job of ALICE's has that waits."""
    arn = {"arn": f"{PREFIX}/{kind}/{record_id}"} if kind else {}
    return {
        "id": record_id,
        **arn,
        **_OF_ALICES,
        "name": record_id,
        "description": None,
        **_NEW,
        "created_at": at,
        "updated_at": at,
    }


def a_query(**changes: Any) -> ProtectedQuery:
    """A query of ALICE's over both of BOB's tables."""
    return ProtectedQuery(
        **{
            "id": "query",
            "arn": f"{MEMBERSHIP_ARN}/protectedquery/{changes.get('id', 'query')}",
            **_OF_ALICES,
            "membership_arn": MEMBERSHIP_ARN,
            "ml_input_channel_arn": None,
            "sql_parameters": {"queryString": "SELECT a FROM Flights"},
            "result_configuration": None,
            "result_format": None,
            "single_file": False,
            "receivers": (),
            "compute_configuration": None,
            "payer_account_id": ALICE,
            "named_associations": (FLIGHTS.association_id,),
            "charged_associations": (),
            "read_associations": (),
            "deliveries": (),
            "status": ProtectedQueryStatus.SUBMITTED,
            **_NEW,
            "started_at": None,
            "created_at": NOON,
            "updated_at": NOON,
            **changes,
        }
    )


def a_channel(record_id: str, at: datetime, **changes: Any) -> MLInputChannel:
    """A channel that was asked for."""
    return MLInputChannel(
        **{
            **_asked_for("ml-input-channel", record_id, at),
            "association_arn": ASSOCIATION,
            "input_channel": input_channel({"queryString": "SELECT a FROM Flights"}),
            "retention_in_days": 3,
            "payer_configuration": {},
            "synthetic_data_parameters": None,
            "synthesis": None,
            "kms_key_arn": None,
            "protected_query_id": f"query-{record_id}",
            "source_associations": (),
            "judgement": None,
            "number_of_records": None,
            "number_of_files": None,
            "size_bytes": None,
            "expires_at": None,
            "status": ml_input_channels.Status.CREATE_PENDING,
            **changes,
        }
    )


def a_query_of(channel: MLInputChannel, at: datetime) -> ProtectedQuery:
    """The query that a channel's rows come from."""
    return a_query(
        id=channel.protected_query_id,
        ml_input_channel_arn=channel.arn,
        membership_id=channel.membership_id,
        sql_parameters=channel.input_channel["dataSource"]["protectedQueryInputParameters"]["sqlParameters"],
        named_associations=(FLIGHTS.association_id, WEATHER.association_id),
        created_at=at,
        updated_at=at,
    )


def a_synthetic_template() -> AnalysisTemplate:
    """A template for synthetic data."""
    return AnalysisTemplate(
        id="synthetic",
        arn=SYNTHETIC_TEMPLATE,
        membership_id=MEMBERSHIPS[ALICE],
        collaboration_id=ROOM,
        account_id=ALICE,
        name="synthetic",
        description=None,
        format="SQL",
        source={"text": "SELECT a, b, c, d, e FROM Flights"},
        analysis_parameters=(),
        schema={"referencedTables": ["Flights"]},
        error_message_configuration=None,
        synthetic_data_parameters=SYNTHETIC,
        created_at=NOON,
        updated_at=NOON,
    )


def a_budget(table: SharedTable, lifetime: int, at: datetime) -> PrivacyBudgetTemplate:
    """A LIFETIME budget of a table of BOB's, of which one use is counted."""
    return PrivacyBudgetTemplate(
        id=f"budget-{table.association_id}",
        arn=f"arn:b-{table.association_id}",
        membership_id=MEMBERSHIPS[BOB],
        membership_arn="arn:m",
        collaboration_id=ROOM,
        account_id=BOB,
        resource_id=table.association_id,
        resource_arn=f"arn:{table.association_id}",
        budget_parameters=({"type": "LIFETIME", "budget": lifetime},),
        period_started_at=at,
        period_used=0,
        lifetime_used=1,
        reset_at=at,
        created_at=at,
        updated_at=at,
    )


def a_model(record_id: str, at: datetime, *channels: MLInputChannel, **changes: Any) -> TrainedModel:
    """A training that was asked for."""
    return TrainedModel(
        **{
            **_asked_for("trained-model", record_id, at),
            "name": f"{record_id} name",
            "version_identifier": BASE_VERSION,
            "is_latest": True,
            "association_arn": ASSOCIATION,
            "resource_config": {"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 3},
            "stopping_condition": {"maxRuntimeInSeconds": 600},
            "hyperparameters": {"depth": "3"},
            "environment": {"A": "b"},
            "data_channels": tuple(
                {"mlInputChannelArn": channel.arn, "channelName": f"train{n}"} for n, channel in enumerate(channels)
            ),
            "incremental_channels": (),
            "training_input_mode": "File",
            "model_bytes": None,
            "partial_bytes": None,
            "partial_pending": False,
            **_NOT_RUN,
            "status": trained_models.Status.CREATE_PENDING,
            **changes,
        }
    )


def _of(model: TrainedModel) -> dict[str, Any]:
    return {
        "trained_model_arn": model.arn,
        "trained_model_version_identifier": model.version_identifier,
        "trained_model_id": model.id,
        "trained_model_name": model.name,
        "receiver_account_id": BOB,
    }


def an_inference_job(
    record_id: str, at: datetime, model: TrainedModel, channel: MLInputChannel, **changes: Any
) -> TrainedModelInferenceJob:
    """An inference job that was asked for; BOB is to receive."""
    return TrainedModelInferenceJob(
        **{
            **_asked_for("trained-model-inference-job", record_id, at),
            **_of(model),
            "association_arn": ASSOCIATION,
            "resource_config": {"instanceType": "ml.c5.xlarge"},
            "accept": None,
            "ml_input_channel_arn": channel.arn,
            "max_payload_in_mb": None,
            "environment": {},
            **_NOT_RUN,
            "status": trained_model_inference_jobs.Status.CREATE_PENDING,
            **changes,
        }
    )


def an_export_job(record_id: str, at: datetime, model: TrainedModel, **changes: Any) -> TrainedModelExportJob:
    """An export job that was asked for; BOB is to receive."""
    return TrainedModelExportJob(
        **{
            **_asked_for("", record_id, at),
            **_of(model),
            "exported_bytes": None,
            "status": trained_model_export_jobs.Status.CREATE_PENDING,
            **changes,
        }
    )

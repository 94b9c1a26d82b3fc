import json
import sys
from dataclasses import replace

from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import (
    ChannelMount,
    Distribution,
    InputMode,
    Limits,
    Run,
    RunId,
    TrainingRun,
    TransformRun,
)
from whiteroom.runtime.contract import Invocation, invocation, role

LIMITS = Limits(cpus=4, memory_bytes=1, volume_bytes=1, processes=1, max_runtime_seconds=1)
ROWS = DataRef(DataKind.CHANNEL, "c")
RUN = TrainingRun(
    id=RunId("r"),
    job_name="churn",
    job_arn="arn:x",
    image_uri="i",
    image_digest="sha256:0",
    entrypoint=(),
    arguments=(),
    hyperparameters={"learning-rate": "0.1", "name": "plain"},
    environment={},
    channels=(
        ChannelMount("train", ROWS, InputMode.FAST_FILE, Distribution.SHARDED_BY_S3_KEY),
        ChannelMount("test", ROWS, content_type="text/csv"),
    ),
    instance_type="ml.m5.large",
    instance_count=1,
    region="us-east-1",
    file_format="csv",
    limits=LIMITS,
    stop_grace_seconds=1,
)
TRANSFORM = TransformRun(
    id=RunId("t"), job_name="scores", job_arn="arn:y", image_uri="i", image_digest="sha256:0",
    environment={"SAGEMAKER_BATCH": "no", "THREADS": "2"}, model_archive=ROWS, input_data=ROWS,
    content_type="text/csv", header=True, accept=None, max_payload_mb=None, instance_type="ml.m5.large",
    instance_count=1, region="eu-west-1", limits=LIMITS, ready_timeout_seconds=1, stop_grace_seconds=1,
)  # fmt: skip


def called(run: Run, entrypoint: tuple[str, ...] = ()) -> Invocation:
    return invocation(run, (*entrypoint, role(run)), host="algo-1", interface="lo")


def test_train_is_appended_to_the_images_own_entrypoint_and_to_nothing_else() -> None:
    assert called(RUN).command == ("train",)
    assert called(RUN, ("python", "main.py")).command == ("python", "main.py", "train")
    assert called(replace(RUN, arguments=("--fast",)), ("go",)).command == ("go", "train", "--fast")
    chosen = replace(RUN, entrypoint=("python", "/opt/ml/code/train.py"), arguments=("--epochs", "3"))
    assert called(chosen, ("go",)).command == ("python", "/opt/ml/code/train.py", "--epochs", "3")


def test_channels_are_described_as_sagemaker_does() -> None:
    assert json.loads(called(RUN).config_files["inputdataconfig.json"]) == {
        "train": {"TrainingInputMode": "File", "S3DistributionType": "ShardedByS3Key", "RecordWrapperType": "None"},
        "test": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            "ContentType": "text/csv",
        },
    }


def test_hyperparameters_stay_strings_in_their_file() -> None:
    assert json.loads(called(RUN).config_files["hyperparameters.json"]) == {"learning-rate": "0.1", "name": "plain"}


def test_the_variables_of_cleanrooms_and_of_the_toolkit_are_set() -> None:
    environment = called(RUN).environment
    expected = {
        "TRAINING_JOB_NAME": "churn",
        "TRAINING_JOB_ARN": "arn:x",
        "AWS_REGION": "us-east-1",
        "FILE_FORMAT": "csv",
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_OUTPUT_DIR": "/opt/ml/output/data",
        "SM_CHANNEL_TRAIN": "/opt/ml/input/data/train",
        "SM_CHANNELS": '["test","train"]',
        "SM_HP_LEARNING_RATE": "0.1",
        "SM_HPS": '{"learning-rate":0.1,"name":"plain"}',
        "SM_NUM_CPUS": "4",
        "SM_USER_ARGS": '["--learning-rate","0.1","--name","plain"]',
    }
    assert {name: environment[name] for name in expected} == expected


def test_hyperparameters_become_variables_and_arguments_as_the_toolkit_makes_them() -> None:
    asked = {
        "layers": '{"second": 4, "first": 8}',
        "flag": "true",
        "x": "null",
        "sizes": "[1, 2]",
        "sagemaker_program": "main.py",
        "_tuning_objective_metric": "loss",
    }
    environment = called(replace(RUN, hyperparameters=asked)).environment
    assert json.loads(environment["SM_USER_ARGS"]) == [
        *("--flag", "True", "--layers", "first=8,second=4", "--sizes", "[1, 2]", "-x", "")
    ]
    assert environment["SM_HP_LAYERS"] == '{"first":8,"second":4}'
    assert (environment["SM_HP_FLAG"], environment["SM_HP_X"], environment["SM_HP_SIZES"]) == ("true", "", "[1,2]")
    assert set(json.loads(environment["SM_HPS"])) == {"layers", "flag", "x", "sizes"}


def test_the_members_variables_win_except_over_the_jobs_identity() -> None:
    environment = called(replace(RUN, environment={"SM_MODEL_DIR": "/x", "TRAINING_JOB_NAME": "other"})).environment
    assert (environment["SM_MODEL_DIR"], environment["TRAINING_JOB_NAME"]) == ("/x", "churn")


def test_a_transform_serves_with_batch_transforms_variables() -> None:
    call = called(TRANSFORM, ("python", "main.py"))
    assert call.command == ("python", "main.py", "serve")
    expected = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "6",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1",
        "THREADS": "2",
    }
    assert {name: call.environment[name] for name in expected} == expected


def test_a_hyperparameter_that_nests_for_ever_is_text() -> None:
    deep = "[" * 100_000
    assert json.loads(called(replace(RUN, hyperparameters={"x": deep})).environment["SM_HPS"]) == {"x": deep}


def test_no_depth_of_nesting_is_too_much() -> None:
    for depth in range(1, sys.getrecursionlimit() + 10):
        nested = "[" * depth + "]" * depth
        assert "SM_HPS" in called(replace(RUN, hyperparameters={"x": nested})).environment

"""SageMaker's container contract: what a program finds when it starts.

Pure. A runtime turns the answer into folders, variables and a command of its own kind.
Sources: SageMaker developer guide, how training images run, and batch transform; Clean Rooms
user guide, custom-model-guidelines (docs/sources.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from whiteroom.domain.execution.runs import (
    MODEL_FOLDER,
    OUTPUT_FOLDER,
    ChannelMount,
    InputMode,
    Run,
    TrainingRun,
    TransformRun,
)

ML = PurePosixPath("/opt/ml")
INPUT = ML / "input"
CONFIG = INPUT / "config"
DATA = INPUT / "data"
MODEL = PurePosixPath(MODEL_FOLDER)
CHECKPOINTS = ML / "checkpoints"
OUTPUT = ML / "output"
OUTPUT_DATA = PurePosixPath(OUTPUT_FOLDER)
CODE = ML / "code"
VENV = PurePosixPath("/opt/venv")

# What SageMaker's toolkits for inference write before they start a model server.
TOOLKIT_FILES = (PurePosixPath("/etc/sagemaker-mms.properties"), PurePosixPath("/etc/sagemaker-ts.properties"))

# The environment's `bin` first, then the image's folder, so that `train`, `serve` and any
# entrypoint that names them are found.
PATH = f"{VENV}/bin:{CODE}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What the platform itself says of a job; SageMaker overwrites these whatever a request sets.
PLATFORM_VARIABLES = frozenset({"TRAINING_JOB_NAME", "TRAINING_JOB_ARN", "SAGEMAKER_BATCH"})

# Hyperparameters that configure the toolkit; its script does not see them.
_TOOLKITS_OWN = re.compile(r"sagemaker_|(_tuning_objective_metric|default_user_module_name)\Z")

DEFAULT_PAYLOAD_MB = 6


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one instance is started with."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    config_files: Mapping[str, str]
    """Name to text, below /opt/ml/input/config."""


ROLES = ("train", "serve")
"""What an image is asked to do: the word that SageMaker appends to its entrypoint."""


def role(run: Run) -> str:
    """Which of `ROLES` a run is."""
    return "train" if isinstance(run, TrainingRun) else "serve"


def invocation(run: Run, program: tuple[str, ...], *, host: str, interface: str) -> Invocation:
    """What the instance `host` of `run` is started with.

    Args:
        run: what is to run.
        program: the image's own command for its role.
        host: the instance's name, such as `algo-1`.
        interface: the network interface by which instances reach each other.
    """
    if isinstance(run, TrainingRun):
        return _training(run, program, host, interface)
    return _transform(run, program)


def hosts(count: int) -> tuple[str, ...]:
    """The names of a run's instances, in the order in which SageMaker writes them (as text)."""
    return tuple(sorted(f"algo-{number}" for number in range(1, count + 1)))


def _training(run: TrainingRun, program: tuple[str, ...], host: str, interface: str) -> Invocation:
    # An entrypoint of the request "takes precedence over the default train processing
    # instructions": nothing is appended to it, since strict parsers exit at a stray `train`.
    command = (*run.entrypoint, *run.arguments) if run.entrypoint else (*program, *run.arguments)
    config = {
        "hyperparameters.json": _json(dict(run.hyperparameters)),
        "inputdataconfig.json": _json({channel.name: _channel(channel) for channel in run.channels}),
        "resourceconfig.json": _json(
            {
                "current_host": host,
                "hosts": list(hosts(run.instance_count)),
                "current_instance_type": run.instance_type,
                "current_group_name": "homogeneousCluster",
                "instance_groups": [
                    {
                        "instance_group_name": "homogeneousCluster",
                        "instance_type": run.instance_type,
                        "hosts": list(hosts(run.instance_count)),
                    }
                ],
                "network_interface_name": interface,
            }
        ),
    }
    environment = {**_common(run.region), **_toolkit_variables(run, config, host, interface)}
    environment |= {"FILE_FORMAT": run.file_format}
    return Invocation(
        command,
        _merge(environment, run.environment, {"TRAINING_JOB_NAME": run.job_name, "TRAINING_JOB_ARN": run.job_arn}),
        config,
    )


def _transform(run: TransformRun, program: tuple[str, ...]) -> Invocation:
    environment = {
        **_common(run.region),
        "SM_MODEL_DIR": str(MODEL),
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(run.max_payload_mb or DEFAULT_PAYLOAD_MB),
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1",
        "SAGEMAKER_BIND_TO_PORT": "8080",
    }
    return Invocation(program, _merge(environment, run.environment, {"SAGEMAKER_BATCH": "true"}), {})


def _channel(channel: ChannelMount) -> dict[str, str]:
    # A container cannot tell FastFile from File, and SageMaker writes "File" for both.
    mode = InputMode.FILE if channel.input_mode is InputMode.FAST_FILE else channel.input_mode
    described = {
        "TrainingInputMode": mode.value,
        "S3DistributionType": channel.distribution.value,
        "RecordWrapperType": "None",
    }
    if channel.content_type is not None:
        described["ContentType"] = channel.content_type
    return described


def _common(region: str) -> dict[str, str]:
    return {
        "PATH": PATH,
        # The only place of its own that a program may write to and that nobody collects.
        "HOME": "/tmp",  # noqa: S108 - the sandbox's own
        "TMPDIR": "/tmp",  # noqa: S108
        "LANG": "C.UTF-8",
        "VIRTUAL_ENV": str(VENV),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # Without it Python keeps the log back until its buffer is full or it ends.
        "PYTHONUNBUFFERED": "1",
        # The environment is read-only and compiled already.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _toolkit_variables(run: TrainingRun, config: Mapping[str, str], host: str, interface: str) -> dict[str, str]:
    """What SageMaker's training toolkit would set inside the image; images without it rely on us.

    SM_OUTPUT_DIR is Clean Rooms ML's (/opt/ml/output/data), not the toolkit's (/opt/ml/output).
    """
    parameters = {
        name: _decoded(value) for name, value in sorted(run.hyperparameters.items()) if not _TOOLKITS_OWN.match(name)
    }
    arguments = [part for name, value in parameters.items() for part in (_option(name), _argument(value))]
    channels = sorted(channel.name for channel in run.channels)
    cpus = run.limits.cpus
    variables = {
        "SM_MODEL_DIR": str(MODEL),
        "SM_INPUT_DIR": str(INPUT),
        "SM_INPUT_CONFIG_DIR": str(CONFIG),
        "SM_OUTPUT_DIR": str(OUTPUT_DATA),
        "SM_OUTPUT_DATA_DIR": str(OUTPUT_DATA),
        "SM_CHANNELS": _json(channels),
        "SM_HPS": _json(parameters),
        "SM_USER_ARGS": _json(arguments),
        "SM_CURRENT_HOST": host,
        "SM_HOSTS": _json(list(hosts(run.instance_count))),
        "SM_CURRENT_INSTANCE_TYPE": run.instance_type,
        "SM_NUM_GPUS": str(run.limits.gpus),
        "SM_NUM_CPUS": str(cpus),
        "SM_NETWORK_INTERFACE_NAME": interface,
        "SM_RESOURCE_CONFIG": config["resourceconfig.json"],
        "SM_INPUT_DATA_CONFIG": config["inputdataconfig.json"],
        "SM_TRAINING_ENV": _json(
            {
                "channel_input_dirs": {name: str(DATA / name) for name in channels},
                "current_host": host,
                "hosts": list(hosts(run.instance_count)),
                "hyperparameters": parameters,
                "input_config_dir": str(CONFIG),
                "input_dir": str(INPUT),
                "job_name": run.job_name,
                "model_dir": str(MODEL),
                "network_interface_name": interface,
                "num_cpus": cpus,
                "num_gpus": run.limits.gpus,
                "output_data_dir": str(OUTPUT_DATA),
                "output_dir": str(OUTPUT),
            }
        ),
    }
    variables |= {f"SM_CHANNEL_{_variable(name)}": str(DATA / name) for name in channels}
    return variables | {f"SM_HP_{_variable(name)}": _text(value) for name, value in parameters.items()}


def _merge(defaults: Mapping[str, str], chosen: Mapping[str, str], platform: Mapping[str, str]) -> dict[str, str]:
    """The member's variables over ours; those that SageMaker keeps for itself over both."""
    kept = {name: value for name, value in chosen.items() if name not in PLATFORM_VARIABLES}
    return {**defaults, **kept, **platform}


def _variable(name: str) -> str:
    """A channel's or hyperparameter's name as a part of a variable's (toolkit: upper case)."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name).upper()


def _decoded(value: str) -> object:
    """A hyperparameter as the toolkit hands it on: JSON where it is JSON, the text itself otherwise."""
    try:
        decoded = json.loads(value)
        # What can only just be read could not be written as a part of something.
        json.dumps([[[[decoded]]]])
    except (ValueError, RecursionError):
        return value
    return decoded


def _option(name: str) -> str:
    return f"--{name}" if len(name) > 1 else f"-{name}"


def _argument(value: object) -> str:
    """A hyperparameter on the command line of the toolkit's script, which gets objects as `name=value,...`."""
    if isinstance(value, dict):
        return ",".join(f"{name}={each}" for name, each in sorted(value.items()))
    return "" if value is None else str(value)


def _text(value: object) -> str:
    """A hyperparameter in a variable of its own."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)

"""SageMaker's own toolkits, as they come: `sagemaker-training`, and `sagemaker-inference` on multi-model-server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support import real
from support.live import LiveRoom

pytestmark = pytest.mark.slow

AGES = [number % 90 for number in range(1, 21)]
"""Of the room's table `visits`."""
HOSTS = ["algo-1", "algo-2"]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with real.real_room(tmp_path_factory.mktemp("toolkits")) as room:
        yield room


@pytest.fixture(scope="module")
def script(room: LiveRoom) -> str:
    """A model that a script trained on two hosts, which the toolkit started."""
    association = real.algorithm(room, "script-mode", real.image("toolkit_training"))
    rows = real.channel(room, "script-rows", "visits", "patient, age", association)
    return real.train(
        room,
        "script",
        association,
        {"train": rows},
        instances=2,
        distribution="ShardedByS3Key",
        environment={"SAGEMAKER_PROGRAM": "main.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/code"},
        epochs="3",
        learning_rate="0.25",
        loss="mean squared",
        layers='{"second": 4, "first": 8}',
        a="short",
    )


@pytest.fixture(scope="module")
def files(room: LiveRoom, script: str) -> dict[str, bytes]:
    return real.artefacts(room, script)


@pytest.fixture(scope="module")
def seen(files: dict[str, bytes]) -> dict[str, Any]:
    """What the script saw on each host."""
    return {host: json.loads(files[f"model.tar.gz/seen-on-{host}.json"]) for host in HOSTS}


def test_a_script_gets_its_hyperparameters_as_arguments_on_each_host(
    room: LiveRoom, script: str, seen: dict[str, Any]
) -> None:
    for host in HOSTS:
        assert seen[host]["arguments"] == {
            "epochs": 3,
            "learning_rate": 0.25,
            "loss": "mean squared",
            # As the toolkit writes what is a JSON object.
            "layers": "first=8,second=4",
            "a": "short",
        }
        assert "epochs=3;" in real.printed(room, script)[host]


def test_each_host_is_told_of_itself_and_finds_the_others(seen: dict[str, Any]) -> None:
    for host in HOSTS:
        config = seen[host]["resource_config"]
        assert config.pop("network_interface_name") in seen[host]["interfaces"]
        assert config == {
            "current_host": host,
            "hosts": HOSTS,
            "current_instance_type": real.INSTANCE,
            "current_group_name": "homogeneousCluster",
            "instance_groups": [
                {"instance_group_name": "homogeneousCluster", "instance_type": real.INSTANCE, "hosts": HOSTS}
            ],
        }
        assert seen[host]["hostname"] == host
        assert json.loads(seen[host]["toolkit"]["SM_HOSTS"]) == HOSTS
        assert seen[host]["toolkit"]["SM_CURRENT_HOST"] == host
        assert len(set(seen[host]["addresses"].values())) == 2
    assert seen["algo-1"]["addresses"] == seen["algo-2"]["addresses"]


def test_the_artefacts_of_both_hosts_are_merged(files: dict[str, bytes], seen: dict[str, Any]) -> None:
    assert set(files) == {
        *(f"model.tar.gz/seen-on-{host}.json" for host in seen),
        "model.tar.gz/weights.json",
        "output.tar.gz/rows-on-algo-1.txt",
        "output.tar.gz/rows-on-algo-2.txt",
    }
    assert json.loads(files["model.tar.gz/weights.json"]) == {"epochs": 3, "hosts": HOSTS}
    assert files["output.tar.gz/rows-on-algo-1.txt"] == files["output.tar.gz/rows-on-algo-2.txt"] == b"10\n"


@pytest.mark.parametrize("host", HOSTS)
def test_an_image_without_the_toolkit_is_told_what_the_toolkit_would_say(seen: dict[str, Any], host: str) -> None:
    toolkit, platform = seen[host]["toolkit"], seen[host]["platform"]
    # The one that Clean Rooms ML documents otherwise.
    assert (toolkit.pop("SM_OUTPUT_DIR"), platform.pop("SM_OUTPUT_DIR")) == ("/opt/ml/output", "/opt/ml/output/data")
    # No shell can name the toolkit's.
    assert toolkit.pop("SM_HP_LEARNING-RATE") == platform.pop("SM_HP_LEARNING_RATE") == "0.25"
    # The toolkit counts the machine's processors, the platform those that the host may use.
    assert int(toolkit.pop("SM_NUM_CPUS")) >= int(platform.pop("SM_NUM_CPUS"))
    whole, ours = json.loads(toolkit.pop("SM_TRAINING_ENV")), json.loads(platform.pop("SM_TRAINING_ENV"))
    assert {name: whole[name] for name in ours} == {
        **ours,
        "output_dir": "/opt/ml/output",
        "num_cpus": whole["num_cpus"],
    }
    assert {name: toolkit[name] for name in platform} == platform


def test_a_batch_transform_of_a_csv_channel_goes_through_multi_model_server(room: LiveRoom) -> None:
    real.require_java()
    association = real.algorithm(room, "model-server", real.image("toolkit_inference"))
    rows = real.channel(room, "server-rows", "visits", "patient, age", association)
    model = real.train(room, "mean", association, {"train": rows})
    lines = real.infer(room, "through-model-server", model, rows)
    mean = sum(AGES) / len(AGES)
    assert [tuple(map(float, line.split(","))) for line in lines] == [
        (patient, age - mean) for patient, age in enumerate(AGES, 1)
    ]

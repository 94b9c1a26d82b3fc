"""What is in deploy/ fits together: manifests are as Kubernetes has them, settings are ours, and rights the same."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from whiteroom.settings import Settings, key_of

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = ("1.33", "1.37")
"""The first in which the pod's fields need no switch, and the last that is known."""
DOCUMENTS: dict[str, Any] = {
    f"{file.stem}-{document['kind']}-{document['metadata']['name']}": document
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
}
OBJECTS: dict[str, Any] = {document["kind"]: document for document in DOCUMENTS.values()}
POD = OBJECTS["StatefulSet"]["spec"]["template"]["spec"]
(SERVER,) = POD["containers"]
COMPOSE: Any = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
CONTAINERFILE = (DEPLOY / "container" / "Containerfile").read_text()
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("manifest", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_manifest_is_valid_and_says_nothing_that_kubernetes_does_not_know(manifest: Any, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_a_member_that_kubernetes_does_not_know_would_be_found() -> None:
    broken = json.loads(json.dumps(OBJECTS["StatefulSet"]))
    broken["spec"]["template"]["spec"]["hostUser"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES[0], strict=True)


def variables() -> Iterator[tuple[str, str]]:
    """Every variable of Whiteroom's that something in deploy/ sets for the server, and where."""
    for name in OBJECTS["ConfigMap"]["data"]:
        yield "kubernetes", name
    for one in SERVER["env"]:
        yield "kubernetes", one["name"]
    for name in COMPOSE["services"]["whiteroom"]["environment"]:
        yield "compose", name
    for name in re.findall(r"\b(WHITEROOM_\w+)=", CONTAINERFILE):
        yield "container", name


@pytest.mark.parametrize(("where", "name"), list(variables()))
def test_a_variable_that_is_set_is_a_setting(where: str, name: str) -> None:
    known = {f"WHITEROOM_{key_of(field.name).upper()}" for field in dataclasses.fields(Settings)}
    assert name in known, where


def test_kubernetes_sets_no_variable_that_would_be_taken_for_a_setting() -> None:
    assert POD["enableServiceLinks"] is False


def test_the_pod_the_compose_file_and_the_image_give_the_server_the_same_user_and_rights() -> None:
    service = COMPOSE["services"]["whiteroom"]
    (user,) = re.findall(r"^ARG USER_ID=(\d+)$", CONTAINERFILE, re.MULTILINE)
    whole, own = POD["securityContext"], SERVER["securityContext"]
    assert {whole["runAsUser"], whole["runAsGroup"], whole["fsGroup"]} == {int(user)}
    assert own["capabilities"]["drop"] == service["cap_drop"] == ["ALL"]
    assert own["readOnlyRootFilesystem"] is service["read_only"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert "no-new-privileges" in service["security_opt"]
    assert own["procMount"] == "Unmasked"
    assert "systempaths=unconfined" in service["security_opt"]
    assert SERVER["args"] == service["command"]
    assert "privileged" not in {*own, *service}


def test_the_image_is_that_of_this_version() -> None:
    assert {SERVER["image"], COMPOSE["services"]["whiteroom"]["image"]} == {f"whiteroom:{VERSION}"}


def test_what_is_mounted_is_there_and_what_is_claimed_is_declared() -> None:
    volumes = {volume["name"] for volume in POD["volumes"]}
    assert {mount["name"] for mount in SERVER["volumeMounts"]} == volumes
    claims = {one["metadata"]["name"] for one in DOCUMENTS.values() if one["kind"] == "PersistentVolumeClaim"}
    kept = [volume["persistentVolumeClaim"] for volume in POD["volumes"] if "persistentVolumeClaim" in volume]
    claimed = {claim["claimName"] for claim in kept}
    assert claimed == claims


def test_members_reach_both_by_the_names_that_the_settings_say() -> None:
    settings = OBJECTS["ConfigMap"]["data"]
    hosts = [rule["host"] for rule in OBJECTS["Ingress"]["spec"]["rules"]]
    named = [settings[name] for name in ("WHITEROOM_PUBLIC_URL", "WHITEROOM_S3_PUBLIC_URL")]
    assert [f"https://{host}" for host in hosts] == named
    assert OBJECTS["Ingress"]["spec"]["tls"][0]["hosts"] == hosts

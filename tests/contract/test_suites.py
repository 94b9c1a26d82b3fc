"""Every port has a suite that knows no adapter, and whatever implements a port is run by its suite."""

from __future__ import annotations

import ast
import inspect
from abc import ABC
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules, walk_packages
from types import ModuleType
from typing import Any

import pytest

import whiteroom
from support.stores import Weak
from whiteroom import ports
from whiteroom.runtime.supervised import SupervisedRuntime
from whiteroom.web.downloads import OpenDownload
from whiteroom.wire.downloads import File

HERE = Path(__file__).parent
SUITES = sorted(HERE.glob("*/suite.py"))
PORT_MODULES = [import_module(f"whiteroom.ports.{module.name}") for module in iter_modules(ports.__path__)]
MAY_KNOW = ("whiteroom.base", "whiteroom.domain", "whiteroom.ports", "support.patience", "contract.")
"""What a suite may import of ours; of `contract.` other suites alone."""
NOT_RUN = {
    File: "it is what the wire asks for of what it sends, and is awaited",
    OpenDownload: "it is awaited, and hands out what implements the port",
    SupervisedRuntime: "it is what the sandbox's and the container engine's runtime share",
    Weak: "it breaks the store's promise on purpose: test_isolation.py finds it out",
}


def _ports() -> list[type]:
    return [
        found
        for module in PORT_MODULES
        for found in vars(module).values()
        if inspect.isclass(found)
        and found.__module__ == module.__name__
        and (getattr(found, "_is_protocol", False) or ABC in found.__bases__)
    ]


PORTS = _ports()


@cache
def _tests() -> tuple[type, ...]:
    """Every class of tests that runs a suite."""
    modules = [import_module(f"contract.{file.parent.name}.{file.stem}") for file in HERE.glob("*/test_*.py")]
    return tuple(
        found
        for module in modules
        for found in vars(module).values()
        if inspect.isclass(found) and found.__module__ == module.__name__ and hasattr(found, "ports")
    )


def _suites() -> Iterator[type]:
    for file in SUITES:
        module = import_module(f"contract.{file.parent.name}.suite")
        yield from (found for found in vars(module).values() if inspect.isclass(found) and "ports" in vars(found))


def _source() -> Iterator[ModuleType]:
    for module in walk_packages(whiteroom.__path__, "whiteroom."):
        if not module.name.endswith(".__main__") and ".migrations." not in module.name:
            yield import_module(module.name)
    for file in (HERE.parent / "support").glob("*.py"):
        yield import_module(f"support.{file.stem}")


def _parameters(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def _implements(found: Any, port: Any) -> bool:
    """Whether a class has all methods of a port, with the same parameters; or whether a function is one."""
    wanted = {name: inspect.getattr_static(port, name) for name in dir(port) if not name.startswith("_")}
    if not wanted:
        return inspect.isfunction(found) and _parameters(found) == _parameters(port.__call__)
    return inspect.isclass(found) and all(
        hasattr(found, name) and (not inspect.isfunction(method) or _same(inspect.getattr_static(found, name), method))
        for name, method in wanted.items()
    )


def _same(found: Any, method: Any) -> bool:
    return inspect.isfunction(found) and _parameters(found) == _parameters(method)


@pytest.mark.parametrize("suite", SUITES, ids=lambda file: file.parent.name)
def test_a_suite_is_named_after_its_port_and_knows_no_adapter(suite: Path) -> None:
    assert f"whiteroom.ports.{suite.parent.name}" in {module.__name__ for module in PORT_MODULES}
    for node in ast.walk(ast.parse(suite.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            of = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            ours = [name for name in of if name.split(".")[0] in ("whiteroom", "support", "contract")]
            assert all(name.startswith(MAY_KNOW) for name in ours), ours
            assert all(name.endswith(".suite") for name in ours if name.startswith("contract.")), ours


@pytest.mark.parametrize("port", PORTS)
def test_a_port_has_a_suite(port: type) -> None:
    assert [suite for suite in _suites() if port in vars(suite)["ports"]]


@pytest.mark.parametrize("port", PORTS)
def test_whatever_implements_a_port_is_run_by_its_suite(port: type) -> None:
    found = {
        candidate
        for module in _source()
        for candidate in vars(module).values()
        if getattr(candidate, "__module__", "") == module.__name__
        and candidate not in PORTS
        and _implements(candidate, port)
    }
    run = {
        adapter
        for test in _tests()
        if any(port in vars(suite).get("ports", ()) for suite in test.__mro__)
        for adapter in test.adapters  # type: ignore[attr-defined]
    }
    assert found, "nothing implements it"
    assert found - set(NOT_RUN) <= run

"""Settings as an operator gives them, in whiteroom.toml, variables and options. A refusal says which of them it was."""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from whiteroom.base.suggestions import meant
from whiteroom.domain.resources.quotas import Quota, Quotas
from whiteroom.settings import FILE_NAME, Settings, SettingsError, key_of

PREFIX = "WHITEROOM_"
QUOTA_PREFIX = "WHITEROOM_QUOTA_"
NOT_SETTINGS = frozenset({"WHITEROOM_DATA", "WHITEROOM_DEBUG"})
"""Variables of the command line's own: where the data folder is, and whether errors show where they come from."""


def load_settings(data: Path, environment: Mapping[str, str], **overrides: Any) -> Settings:
    """Read whiteroom.toml in `data`, then the WHITEROOM_* variables, then `overrides` that are not None; the last wins.

    Raises:
        SettingsError: the file cannot be read, a key is unknown, or a value does not fit.
    """
    data = data.absolute()
    values = _read_file(data / FILE_NAME)
    limits = values.pop("quotas", {})
    variables, variable_limits = _read_environment(environment)
    options = {name: value for name, value in overrides.items() if value is not None}
    places = {name: str(data / FILE_NAME) for name in values}
    places |= {name: PREFIX + name.upper() for name in variables}
    places |= {name: f"--{name}" for name in options}
    try:
        return Settings(data=data, quotas=Quotas(limits | variable_limits), **values | variables | options)
    except SettingsError as error:
        where = dict.fromkeys(places[name] for name in error.names if name in places)
        raise SettingsError(": ".join([" and ".join(where), str(error)] if where else [str(error)])) from None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key == "quotas":
            values[key] = _quotas(value, f"{path}, [quotas]")
            continue
        name = _NAMES_OF_KEYS.get(key)
        if name is None:
            raise SettingsError(
                f"{path} has the unknown setting {key!r}.{meant(key, (*_NAMES_OF_KEYS, 'quotas'))} "
                f"The settings are {', '.join(_NAMES_OF_KEYS)}."
            )
        values[name] = _checked(name, value, str(path))
    return values


def _quotas(table: object, place: str) -> dict[Quota, int]:
    if not isinstance(table, dict):
        raise SettingsError(f"{place} must be a table of quota names and numbers.")
    limits: dict[Quota, int] = {}
    for name, value in table.items():
        if name not in list(Quota):
            raise SettingsError(
                f"{place} has the unknown quota {name!r}.{meant(name, Quota)} The quotas are {', '.join(Quota)}."
            )
        if type(value) is not int or value < 0:
            raise SettingsError(f"{place}: {name} is {value!r}; it must be a whole number that is not negative.")
        limits[Quota(name)] = value
    return limits


def _read_environment(environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[Quota, int]]:
    values: dict[str, Any] = {}
    limits: dict[Quota, int] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        if variable.startswith(QUOTA_PREFIX):
            name = variable.removeprefix(QUOTA_PREFIX).lower().replace("_", "-")
            limits |= _quotas({name: _number(text)}, variable)
            continue
        key = variable.removeprefix(PREFIX).lower()
        if key not in _KINDS or variable != variable.upper():
            variables = [PREFIX + name.upper() for name in _KINDS]
            raise SettingsError(
                f"{variable} is not a setting.{meant(variable, variables)} The settings are {', '.join(variables)}."
            )
        values[key] = _checked(key, _from_text(_KINDS[key], text), variable)
    return values, limits


def _from_text(kind: _Kind, text: str) -> object:
    if kind.type is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if kind.type is int:
        return _number(text)
    return text


def _number(text: str) -> int | str:
    """The whole number that `text` writes, underscores allowed as in TOML; else the text, which the check names."""
    try:
        return int(text)
    except ValueError:
        return text


def _checked(key: str, value: object, place: str) -> object:
    kind = _KINDS[key]
    if type(value) is not kind.type or (kind.choices and value not in kind.choices):
        near = meant(value, kind.choices) if isinstance(value, str) else ""
        raise SettingsError(f"{place}: {key_of(key)} is {value!r}; it must be {kind.words}.{near}")
    return value


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a setting takes."""

    type: type
    choices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        if self.choices:
            return " or ".join(map(repr, self.choices))
        return {bool: "true or false", int: "a whole number", str: "a text"}[self.type]


def _kind(hint: object) -> _Kind:
    if typing.get_origin(hint) is Literal:
        return _Kind(str, typing.get_args(hint))
    if isinstance(hint, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not types.NoneType)
    if not isinstance(hint, type):
        raise TypeError(f"A setting cannot have the type {hint}.")
    return _Kind(hint)


_KINDS: Mapping[str, _Kind] = {
    name: _kind(hint) for name, hint in typing.get_type_hints(Settings).items() if name not in {"data", "quotas"}
}


_NAMES_OF_KEYS: Mapping[str, str] = {key_of(name): name for name in _KINDS}
"""The name of each setting by its key in whiteroom.toml."""

"""Every kind of constraint, refused in AWS's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import Shape, ShapeResolver

from whiteroom.base.faults import ValidationFault
from whiteroom.wire.parsers import parser
from whiteroom.wire.protocol import ProtocolError, ProtocolFault
from whiteroom.wire.violations import VIOLATION_LIMIT, TooManyViolations, Violations

SHAPES: dict[str, Any] = {
    "Root": {
        "type": "structure",
        "required": ["name"],
        "members": {
            "name": {"shape": "Name"},
            "count": {"shape": "Count"},
            "share": {"shape": "Share"},
            "flag": {"shape": "Flag"},
            "mode": {"shape": "Mode"},
            "secret": {"shape": "Secret"},
            "channels": {"shape": "Channels"},
            "tags": {"shape": "Tags"},
            "source": {"shape": "Source"},
            "at": {"shape": "Time"},
            "version": {"shape": "Version"},
        },
    },
    "Name": {"type": "string", "min": 2, "max": 5, "pattern": "[a-z]+"},
    "Version": {"type": "string", "min": 36, "max": 36},
    "Count": {"type": "integer", "min": 1, "max": 9},
    "Share": {"type": "double", "min": 0.01, "max": 50.0},
    "Flag": {"type": "boolean"},
    "Mode": {"type": "string", "enum": ["File", "Pipe"]},
    "Secret": {"type": "string", "max": 3, "sensitive": True},
    "Channel": {
        "type": "structure",
        "required": ["channelName"],
        "members": {"channelName": {"shape": "Name"}, "version": {"shape": "Version"}},
    },
    "Channels": {"type": "list", "member": {"shape": "Channel"}, "min": 1, "max": 2},
    "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Name"}, "max": 2},
    "Source": {"type": "structure", "union": True, "members": {"left": {"shape": "Name"}, "right": {"shape": "Name"}}},
    "Time": {"type": "timestamp"},
}
ROOT: Shape = ShapeResolver(SHAPES).get_shape_by_name("Root")
PARSE = parser(ROOT, {"version": {"NULL"}})


def parse(**members: Any) -> Any:
    with Violations() as violations:
        return PARSE({"name": "abc", **members}, None, violations)  # type: ignore[arg-type]


CONSTRAINTS = {
    "required": ({"name": None}, "Value null at 'name'", "Member must not be null"),
    "minimum length": ({"name": "a"}, "Value 'a' at 'name'", "Member must have length greater than or equal to 2"),
    "maximum length": (
        {"name": "abcdef"},
        "Value 'abcdef' at 'name'",
        "Member must have length less than or equal to 5",
    ),
    "pattern": ({"name": "ab1"}, "Value 'ab1' at 'name'", "Member must satisfy regular expression pattern: [a-z]+"),
    "pattern, to the end": (
        {"name": "ab\n"},
        "Value 'ab\n' at 'name'",
        "Member must satisfy regular expression pattern: [a-z]+",
    ),
    "enumeration": ({"mode": "Fast"}, "Value 'Fast' at 'mode'", "Member must satisfy enum value set: [File, Pipe]"),
    "minimum": ({"count": 0}, "Value '0' at 'count'", "Member must have value greater than or equal to 1"),
    "maximum": ({"count": 10}, "Value '10' at 'count'", "Member must have value less than or equal to 9"),
    "minimum of a double": (
        {"share": 0},
        "Value '0' at 'share'",
        "Member must have value greater than or equal to 0.01",
    ),
    "maximum of a double": (
        {"share": 50.5},
        "Value '50.5' at 'share'",
        "Member must have value less than or equal to 50.0",
    ),
    "short list": ({"channels": []}, "Value '[]' at 'channels'", "Member must have length greater than or equal to 1"),
    "long list": (
        {"channels": [{}, {"channelName": "ab"}, {}]},
        "Value '[{...}, {...}, {...}]' at 'channels'",
        "Member must have length less than or equal to 2",
    ),
    "large map": (
        {"tags": {"aa": "x", "bb": True, "cc": None}},
        "Value '{aa=x, bb=true, cc=null}' at 'tags'",
        "Member must have length less than or equal to 2",
    ),
    "null in a list": ({"channels": [None]}, "Value null at 'channels.1.member'", "Member must not be null"),
    "null in a map": ({"tags": {"aa": None}}, "Value null at 'tags.aa.member'", "Member must not be null"),
    "nested": (
        {"channels": [{"channelName": "ab"}, {"channelName": "A"}]},
        "Value 'A' at 'channels.2.member.channelName'",
        "Member must have length greater than or equal to 2",
    ),
    "required inside a list": (
        {"channels": [{}]},
        "Value null at 'channels.1.member.channelName'",
        "Member must not be null",
    ),
    "a map's key": (
        {"tags": {"A1": "ab"}},
        "Value 'A1' at 'tags.A1.key'",
        "Member must satisfy regular expression pattern: [a-z]+",
    ),
    "a map's value": (
        {"tags": {"aa": "b"}},
        "Value 'b' at 'tags.aa.member'",
        "Member must have length greater than or equal to 2",
    ),
    "empty union": ({"source": {}}, "Value at 'source'", "Member must have exactly one of: left, right"),
    "union of unknown": ({"source": {"up": "x"}}, "Value at 'source'", "Member must have exactly one of: left, right"),
    "full union": (
        {"source": {"left": "ab", "right": "ab"}},
        "Value at 'source'",
        "Member must have exactly one of: left, right",
    ),
    "sensitive": ({"secret": "swordfish"}, "Value at 'secret'", "Member must have length less than or equal to 3"),
    "a literal elsewhere": (
        {"name": "NULL"},
        "Value 'NULL' at 'name'",
        "Member must satisfy regular expression pattern: [a-z]+",
    ),
}


@pytest.mark.parametrize(("members", "where", "why"), CONSTRAINTS.values(), ids=CONSTRAINTS)
def test_each_constraint_is_refused_in_its_words(members: dict[str, Any], where: str, why: str) -> None:
    with pytest.raises(ValidationFault) as caught:
        parse(**members)
    assert caught.value.message == f"1 validation error detected: {where} failed to satisfy constraint: {why}"


def test_several_are_counted_and_joined() -> None:
    with pytest.raises(ValidationFault) as caught:
        parse(name=None, count=0)
    assert caught.value.message == (
        "2 validation errors detected: "
        "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1; "
        "Value null at 'name' failed to satisfy constraint: Member must not be null"
    )
    assert caught.value.members["fieldList"] == [
        {"name": "count", "message": "Member must have value greater than or equal to 1"},
        {"name": "name", "message": "Member must not be null"},
    ]


WRONG_TYPES = {
    "a number for a string": ({"name": 1}, "NUMBER_VALUE at 'name' can not be converted to String"),
    "a string for a number": ({"count": "1"}, "STRING_VALUE at 'count' can not be converted to Integer"),
    "a boolean for a number": ({"count": True}, "BOOLEAN_VALUE at 'count' can not be converted to Integer"),
    "a fraction for an integer": ({"count": 1.5}, "DECIMAL_VALUE at 'count' can not be converted to Integer"),
    "a string for a double": ({"share": "NaN"}, "STRING_VALUE at 'share' can not be converted to Double"),
    "a number for a boolean": ({"flag": 1}, "NUMBER_VALUE at 'flag' can not be converted to Boolean"),
    "a number for an enumeration": ({"mode": 1}, "NUMBER_VALUE at 'mode' can not be converted to String"),
    "a string for a structure": ({"source": "x"}, "STRING_VALUE at 'source' can not be converted to Structure"),
    "a map for a list": ({"channels": {}}, "OBJECT_VALUE at 'channels' can not be converted to List"),
    "a list for a map": ({"tags": []}, "ARRAY_VALUE at 'tags' can not be converted to Map"),
    "a list for a time": ({"at": []}, "ARRAY_VALUE at 'at' can not be converted to Timestamp"),
    "no time": ({"at": "noon"}, "The value at 'at' is not a time."),
    "no year": ({"at": 1e300}, "The value at 'at' is not a time."),
    "more than 32 bits": ({"count": 2**31}, "The number at 'count' is not between -2147483648 and 2147483647."),
    "more than a double": ({"share": 10**400}, "The number at 'share' is too large for a double."),
    "no number": ({"share": float("nan")}, "The value at 'share' is not a number."),
    "infinity": ({"share": float("inf")}, "The value at 'share' is not a number."),
    "bytes for a key": ({"tags": {b"a": "b"}}, "BINARY_VALUE at 'tags' can not be converted to String"),
    "bytes for a string": ({"name": b"a"}, "BINARY_VALUE at 'name' can not be converted to String"),
    "a time for a string": (
        {"name": datetime(2026, 1, 1, tzinfo=UTC)},
        "TIMESTAMP_VALUE at 'name' can not be converted to String",
    ),
    "what no protocol has": ({"name": object()}, "OTHER_VALUE at 'name' can not be converted to String"),
    "inside a list": ({"channels": ["x"]}, "STRING_VALUE at 'channels.1.member' can not be converted to Structure"),
}


@pytest.mark.parametrize(("members", "message"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_wrong_type_is_a_serialization_error_that_names_its_place(members: dict[str, Any], message: str) -> None:
    with pytest.raises(ProtocolFault) as caught:
        parse(**members)
    assert (caught.value.error, caught.value.message) == (ProtocolError.SERIALIZATION, message)


def test_good_values_come_through_as_operations_take_them() -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    parsed = parse(count=3.0, share=7, flag=False, mode="Pipe", at="2026-11-21T13:00:00+01:00", source={"left": "ab"})
    assert parsed == {
        "name": "abc",
        "count": 3,
        "share": 7.0,
        "flag": False,
        "mode": "Pipe",
        "at": noon,
        "source": {"left": "ab"},
    }
    assert type(parsed["count"]) is int


@pytest.mark.parametrize("moment", ["2026-11-21T12:00:00Z", "2026-11-21T12:00:00", 1795262400, 1795262400.0])
def test_times_come_as_text_or_as_seconds(moment: object) -> None:
    assert parse(at=moment)["at"] == datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_unknown_and_null_members_are_dropped() -> None:
    parsed = parse(unknown={"deep": [1]}, count=None, channels=[{"channelName": "ab", "new": 1}])
    assert parsed == {"name": "abc", "channels": [{"channelName": "ab"}]}


def test_a_literal_is_let_through_where_its_member_allows_it_at_any_depth() -> None:
    assert parse(version="NULL")["version"] == "NULL"
    assert parse(channels=[{"channelName": "ab", "version": "NULL"}])["channels"][0]["version"] == "NULL"
    with pytest.raises(ValidationFault, match="Value 'null' at 'version'"):
        parse(version="null")


def test_a_long_value_and_a_long_name_are_cut_in_the_message() -> None:
    with pytest.raises(ValidationFault) as caught:
        parse(tags={"x" * 10_000: "y" * 10_000})
    assert len(caught.value.message) < 2_000


def test_the_list_of_violations_ends() -> None:
    violations = Violations()
    for _ in range(VIOLATION_LIMIT - 1):
        violations.add((None, "x"), None, "Member must not be null")
    with pytest.raises(TooManyViolations):
        violations.add((None, "x"), None, "Member must not be null")
    assert violations.fault().message.startswith(f"{VIOLATION_LIMIT} validation errors detected: ")
    with pytest.raises(ValidationFault, match=f"{VIOLATION_LIMIT} validation errors"), violations:
        raise TooManyViolations

"""How functions of arrays and maps are written, by the types that they take and give (vocabulary.py)."""

from __future__ import annotations

from collections.abc import Mapping

Templates = tuple[tuple[str, str], ...]

ARRAYS: Mapping[str, Templates] = {
    "ARRAY": (("I", "array({I}, {I}, {n})[1]"), ("B", "array({T}, {t}) = array({T}, {T})")),
    "MAP": (("T", "map({t}, {T}, 'q', {T})['q']"),),
    "GET": (("T", "get(split({T}, '-'), {I})"),),
    "ELEMENT_AT": (("T", "element_at(split({T}, '-'), -1)"), ("I", "element_at(map('a', {I}), {T})")),
    "TRY_ELEMENT_AT": (("I", "try_element_at(array({I}, {n}), 2)"),),
    "SPLIT": (("T", "split({T}, '-')[0]"),),
    "SIZE": (("I", "size(split({T}, 'a'))"), ("I", "size(map('a', {I}))")),
    "CARDINALITY": (("I", "cardinality(split({T}, '1'))"),),
    "ARRAY_SIZE": (("I", "array_size(split({T}, '-'))"),),
    "ARRAY_CONTAINS": (("B", "array_contains(array({I}, {n}), {I})"), ("B", "array_contains(split({T}, '-'), {T})")),
    "ARRAY_JOIN": (("T", "array_join(split({T}, 'a'), '-', '?')"),),
    "SORT_ARRAY": (("T", "array_join(sort_array(array({T}, {T}), false), '-')"),),
    "ARRAY_SORT": (("I", "array_sort(array({I}, {n}, NULL))[0]"),),
    "ARRAY_MAX": (("R", "array_max(array({R}, {R}))"), ("I", "array_max(array({I}, {n}))")),
    "ARRAY_MIN": (("T", "array_min(array({T}, {t}))"),),
    "MAP_KEYS": (("T", "array_join(map_keys(map({t}, {I})), '-')"),),
    "MAP_VALUES": (("I", "map_values(map({t}, {I}))[0]"),),
    "MAP_FROM_ARRAYS": (("I", "map_from_arrays(array('a', 'b'), array({I}, {I}))['b']"),),
    "MAP_CONCAT": (("I", "map_concat(map('a', {I}), map('b', {I}))['b']"),),
    "MAP_CONTAINS_KEY": (("B", "map_contains_key(map('a', {I}), {T})"),),
    "STR_TO_MAP": (("T", "str_to_map({T}, '-', '0')['p']"),),
    "ARRAY_DISTINCT": (("I", "size(array_distinct(array({I}, {I}, {n})))"),),
    "ARRAY_UNION": (("T", "array_join(array_union(split({T}, '-'), array({T})), ',')"),),
    "ARRAY_INTERSECT": (("I", "size(array_intersect(array({I}, {n}), array({I}, {I})))"),),
    "ARRAY_EXCEPT": (("T", "array_join(array_except(split({T}, ''), split({T}, '')), '')"),),
    "ARRAYS_OVERLAP": (("B", "arrays_overlap(array({T}, {t}), array({T}))"),),
    "ARRAY_POSITION": (("I", "CAST(array_position(array({I}, {n}), {I}) AS INT)"),),
    "ARRAY_REMOVE": (("I", "size(array_remove(array({I}, {n}), {I}))"),),
    "ARRAY_APPEND": (("I", "array_max(array_append(array({I}), {I}))"),),
    "ARRAY_PREPEND": (("T", "array_prepend(split({T}, '-'), {T})[1]"),),
    "ARRAY_INSERT": (("I", "array_insert(array({I}, {n}), 2, {I})[1]"),),
    "ARRAY_COMPACT": (("I", "size(array_compact(array({I}, NULL, {I})))"),),
    "ARRAY_REPEAT": (("T", "array_join(array_repeat({T}, 2), '-')"), ("I", "size(array_repeat({T}, abs({I}) % 5))")),
    "SLICE": (("T", "array_join(slice(split({T}, ''), 2, 2), '')"),),
    "FLATTEN": (("I", "flatten(array(array({I}), array({I}, {n})))[1]"),),
    "SEQUENCE": (
        ("I", "array_max(sequence(1, abs({I}) % 7))"),
        ("A", "sequence({A}, date_add({A}, 2))[0]"),
        ("A", "array_max(sequence(DATE '2024-01-31', DATE '2024-06-30', INTERVAL 1 MONTH))"),
    ),
    "TRANSFORM": (
        ("T", "array_join(transform(split({T}, '-'), x -> concat(x, {T})), ',')"),
        ("I", "transform(array({I}, {n}), (x, n) -> x + n + {I})[1]"),
        ("T", "transform(array(array({T})), x -> transform(x, y -> upper(y))[0])[0]"),
    ),
    "FILTER": (
        ("I", "size(filter(array({I}, {n}, {I}), x -> x > {I}))"),
        ("T", "array_join(filter(split({T}, ''), (x, n) -> n % 2 = 0), '')"),
    ),
    "EXISTS": (("B", "exists(split({T}, '-'), x -> x = {T})"), ("B", "exists(array({I}, {n}), x -> x = {n})")),
    "FORALL": (("B", "forall(array({R}, {R}), x -> x > 0.5D)"),),
    "AGGREGATE": (
        ("I", "aggregate(array({I}, {n}), 0, (a, x) -> a + x)"),
        ("T", "aggregate(split({T}, '-'), '', (a, x) -> concat(a, x), a -> upper(a))"),
    ),
    "REDUCE": (("R", "reduce(array({R}, 0.5D), 0.0D, (a, x) -> a + x * {R})"),),
    "ZIP_WITH": (("T", "zip_with(split({T}, '-'), array({T}, {t}), (x, y) -> concat_ws('-', x, y))[0]"),),
    "MAP_FILTER": (("I", "size(map_filter(map('a', {I}, 'b', {n}), (k, v) -> v > {n}))"),),
    "TRANSFORM_VALUES": (("I", "transform_values(map('a', {I}), (k, v) -> v + {I})['a']"),),
    "TRANSFORM_KEYS": (("T", "map_keys(transform_keys(map({t}, {I}), (k, v) -> concat(k, v)))[0]"),),
    "Lambda": (("I", "transform(array({I}), x -> x)[0]"),),
    "Lambda.this": (("I", "transform(array({I}), x -> x)[0]"),),
    "Lambda.expressions": (("I", "transform(array({I}), x -> x)[0]"),),
    "type ARRAY": (("I", "CAST(array({T}) AS ARRAY<INT>)[0]"),),
    "type MAP": (("I", "map_values(CAST(map('a', {I}) AS MAP<STRING, BIGINT>))[0]"),),
    "DataType.nested": (("I", "CAST(NULL AS ARRAY<INT>)[0]"),),
    "DataType.expressions": (("I", "CAST(NULL AS ARRAY<INT>)[0]"),),
}
"""Their names are those of engines/spark/, and of what a cast may name."""

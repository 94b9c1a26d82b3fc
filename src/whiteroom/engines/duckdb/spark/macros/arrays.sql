-- Arrays and maps.

-- NULL where the value is not found and a NULL may be it.
CREATE MACRO spark_array_contains(a, v) AS
  CASE
    WHEN list_contains(a, v) THEN true
    WHEN v IS NULL OR a IS NULL THEN NULL
    WHEN list_aggregate(a, 'count') < len(a) THEN NULL
    ELSE false END;

-- A field of each struct of an array.
CREATE MACRO spark_fields(l, place) AS
  list_transform(l, lambda s: struct_extract_at(s, place));

-- What stands twice is bound by a lambda of one value. Parameters stand outside of lambdas alone, so that nothing
-- in them is taken for a lambda's value.

CREATE MACRO spark_array_distinct(a) AS
  list_extract(list_transform([a], lambda given: list_filter(given, lambda one, place: list_position(given, one) = place)), 1);

CREATE MACRO spark_array_union(a, b) AS
  spark_array_distinct(a || b);

CREATE MACRO spark_array_intersect(a, b) AS
  list_extract(list_transform([row(spark_array_distinct(a), b)], lambda pair:
    CASE WHEN struct_extract_at(pair, 2) IS NOT NULL THEN
      list_filter(struct_extract_at(pair, 1), lambda item: list_position(struct_extract_at(pair, 2), item) IS NOT NULL) END), 1);

CREATE MACRO spark_array_except(a, b) AS
  list_extract(list_transform([row(spark_array_distinct(a), b)], lambda pair:
    CASE WHEN struct_extract_at(pair, 2) IS NOT NULL THEN
      list_filter(struct_extract_at(pair, 1), lambda item: list_position(struct_extract_at(pair, 2), item) IS NULL) END), 1);

CREATE MACRO spark_arrays_overlap(a, b) AS
  list_extract(list_transform([row(a, b)], lambda pair:
    CASE
      WHEN struct_extract_at(pair, 1) IS NULL OR struct_extract_at(pair, 2) IS NULL THEN NULL
      WHEN list_has_any(struct_extract_at(pair, 1), struct_extract_at(pair, 2)) THEN true
      WHEN len(struct_extract_at(pair, 1)) = 0 OR len(struct_extract_at(pair, 2)) = 0 THEN false
      WHEN list_aggregate(struct_extract_at(pair, 1), 'count') < len(struct_extract_at(pair, 1)) THEN NULL
      WHEN list_aggregate(struct_extract_at(pair, 2), 'count') < len(struct_extract_at(pair, 2)) THEN NULL
      ELSE false END), 1);

CREATE MACRO spark_array_position(a, v) AS
  list_extract(list_transform([row(a, v)], lambda pair:
    CASE WHEN struct_extract_at(pair, 1) IS NOT NULL AND struct_extract_at(pair, 2) IS NOT NULL THEN
      CAST(coalesce(list_position(struct_extract_at(pair, 1), struct_extract_at(pair, 2)), 0) AS BIGINT) END), 1);

CREATE MACRO spark_array_remove(a, v) AS
  list_extract(list_transform([row(a, v)], lambda pair:
    CASE WHEN struct_extract_at(pair, 2) IS NOT NULL THEN
      list_filter(struct_extract_at(pair, 1), lambda item: item IS DISTINCT FROM struct_extract_at(pair, 2)) END), 1);

CREATE MACRO spark_array_compact(a) AS
  list_filter(a, lambda item: item IS NOT NULL);

-- NULL where one of the arrays is.
CREATE MACRO spark_flatten(a) AS
  list_extract(list_transform([a], lambda given:
    CASE WHEN list_aggregate(given, 'count') = len(given) THEN flatten(given) END), 1);

CREATE MACRO spark_bounded_length(n) AS
  list_extract(list_transform([n], lambda length:
    CASE WHEN length > 10000000 THEN error('An array has more than 10,000,000 values.') ELSE length END), 1);

CREATE MACRO spark_array_repeat(v, n) AS
  list_extract(list_transform([row(v, spark_bounded_length(n))], lambda pair:
    list_transform(range(CAST(struct_extract_at(pair, 2) AS BIGINT)), lambda place: struct_extract_at(pair, 1))), 1);

-- Counted from 1, or from -1 at the end; what is between is NULL.
CREATE MACRO spark_array_insert(a, p, v) AS
  list_extract(list_transform([row(a, p, v)], lambda parts:
    CASE
      WHEN struct_extract_at(parts, 1) IS NULL OR struct_extract_at(parts, 2) IS NULL THEN NULL
      WHEN struct_extract_at(parts, 2) = 0 THEN error('The place in array_insert counts from 1.')
      WHEN struct_extract_at(parts, 2) < -len(struct_extract_at(parts, 1)) THEN
        [struct_extract_at(parts, 3)]
        || list_resize(list_slice(struct_extract_at(parts, 1), 1, 0),
             spark_bounded_length(-struct_extract_at(parts, 2) - len(struct_extract_at(parts, 1)) - 1))
        || struct_extract_at(parts, 1)
      WHEN struct_extract_at(parts, 2) < 0 THEN
        list_slice(struct_extract_at(parts, 1), 1, len(struct_extract_at(parts, 1)) + struct_extract_at(parts, 2) + 1)
        || [struct_extract_at(parts, 3)]
        || list_slice(struct_extract_at(parts, 1), len(struct_extract_at(parts, 1)) + struct_extract_at(parts, 2) + 2,
             len(struct_extract_at(parts, 1)))
      ELSE
        list_resize(struct_extract_at(parts, 1), spark_bounded_length(struct_extract_at(parts, 2) - 1))
        || [struct_extract_at(parts, 3)]
        || list_slice(struct_extract_at(parts, 1), struct_extract_at(parts, 2), len(struct_extract_at(parts, 1))) END), 1);

CREATE MACRO spark_slice(a, s, n) AS
  list_extract(list_transform([row(a, s, n)], lambda parts:
    CASE
      WHEN struct_extract_at(parts, 1) IS NULL OR struct_extract_at(parts, 2) IS NULL
        OR struct_extract_at(parts, 3) IS NULL THEN NULL
      WHEN struct_extract_at(parts, 2) = 0 THEN error('slice counts from 1, or from -1 at the end.')
      WHEN struct_extract_at(parts, 3) < 0 THEN error('slice takes no negative length.')
      WHEN struct_extract_at(parts, 2) > 0 THEN
        list_slice(struct_extract_at(parts, 1), struct_extract_at(parts, 2),
          CAST(struct_extract_at(parts, 2) AS BIGINT) + struct_extract_at(parts, 3) - 1)
      WHEN -CAST(struct_extract_at(parts, 2) AS BIGINT) > len(struct_extract_at(parts, 1)) THEN
        list_slice(struct_extract_at(parts, 1), 1, 0)
      ELSE
        list_slice(struct_extract_at(parts, 1), len(struct_extract_at(parts, 1)) + struct_extract_at(parts, 2) + 1,
          len(struct_extract_at(parts, 1)) + struct_extract_at(parts, 2) + struct_extract_at(parts, 3)) END), 1);

CREATE MACRO spark_sequence_by(a, b, s) AS
  list_extract(list_transform([row(a, b, s)], lambda parts:
    CASE
      WHEN struct_extract_at(parts, 1) IS NULL OR struct_extract_at(parts, 2) IS NULL
        OR struct_extract_at(parts, 3) IS NULL THEN NULL
      WHEN struct_extract_at(parts, 1) = struct_extract_at(parts, 2) THEN [struct_extract_at(parts, 1)]
      WHEN sign(struct_extract_at(parts, 3)) <>
        CASE WHEN struct_extract_at(parts, 1) < struct_extract_at(parts, 2) THEN 1 ELSE -1 END
        THEN error('The step of a sequence leads away from its end.')
      WHEN (struct_extract_at(parts, 2)::HUGEINT - struct_extract_at(parts, 1)) // struct_extract_at(parts, 3) >= 10000000
        THEN error('An array has more than 10,000,000 values.')
      ELSE generate_series(struct_extract_at(parts, 1), struct_extract_at(parts, 2), struct_extract_at(parts, 3)) END), 1);

CREATE MACRO spark_sequence(a, b) AS
  list_extract(list_transform([row(a, b)], lambda pair:
    CASE
      WHEN struct_extract_at(pair, 1) IS NULL OR struct_extract_at(pair, 2) IS NULL THEN NULL
      WHEN abs(struct_extract_at(pair, 2)::HUGEINT - struct_extract_at(pair, 1)) >= 10000000
        THEN error('An array has more than 10,000,000 values.')
      WHEN struct_extract_at(pair, 1) <= struct_extract_at(pair, 2)
        THEN generate_series(struct_extract_at(pair, 1), struct_extract_at(pair, 2), CAST(1 AS BIGINT))
      ELSE generate_series(struct_extract_at(pair, 1), struct_extract_at(pair, 2), CAST(-1 AS BIGINT)) END), 1);

CREATE MACRO spark_map_concat(a, b) AS
  list_extract(list_transform([row(a, b)], lambda pair:
    map(map_keys(struct_extract_at(pair, 1)) || map_keys(struct_extract_at(pair, 2)),
        map_values(struct_extract_at(pair, 1)) || map_values(struct_extract_at(pair, 2)))), 1);

CREATE MACRO spark_any_of(a) AS
  list_extract(list_transform([a], lambda given:
    CASE
      WHEN list_contains(given, true) THEN true
      WHEN list_aggregate(given, 'count') = len(given) THEN false END), 1);

CREATE MACRO spark_all_of(a) AS
  list_extract(list_transform([a], lambda given:
    CASE
      WHEN list_contains(given, false) THEN false
      WHEN list_aggregate(given, 'count') = len(given) THEN true END), 1);

CREATE MACRO spark_zip(a, b) AS
  list_extract(list_transform([row(a, b)], lambda pair:
    CASE WHEN struct_extract_at(pair, 1) IS NOT NULL AND struct_extract_at(pair, 2) IS NOT NULL THEN
      list_zip(struct_extract_at(pair, 1), struct_extract_at(pair, 2)) END), 1);

-- NULL where an entry is.
CREATE MACRO spark_map_from_entries(a) AS
  list_extract(list_transform([a], lambda given:
    CASE WHEN list_position(given, NULL) IS NULL THEN map_from_entries(given) END), 1);

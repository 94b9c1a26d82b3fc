-- Regular expressions.

CREATE MACRO spark_ends_in_a_line_end(v) AS
  regexp_matches(v, '[\n\r\x{85}\x{2028}\x{2029}]\z');

-- A group that took no part in a match is an empty text.
CREATE MACRO spark_none_missing(several) AS
  list_transform(several, lambda each: coalesce(each, ''));

-- What stands before the first match is the first part; without a match it is all, and the place is 0.
CREATE MACRO spark_place_in_ascii(v, pattern) AS
  CAST((length(string_split_regex(v, pattern)[1]) + 1) % (length(v) + 1) AS INTEGER);

CREATE MACRO spark_split_into(v, separator, most) AS
  CASE
    WHEN len(string_split(v, separator)) > most THEN list_concat(string_split(v, separator)[1:most - 1], [array_to_string(string_split(v, separator)[most:], separator)])
    ELSE string_split(v, separator) END;

-- At a pattern: what stands after a number of matches is what is left once they are taken off, with what stands before each.
CREATE MACRO spark_split_at_pattern(v, pattern, most, before) AS
  CASE
    WHEN len(string_split_regex(v, pattern)) > most THEN list_concat(string_split_regex(v, pattern)[1:most - 1], [regexp_replace(v, before, '')])
    ELSE string_split_regex(v, pattern) END;

CREATE MACRO spark_split_in_two(v, pattern, after, before) AS
  CASE
    WHEN regexp_matches(v, pattern) THEN [regexp_replace(v, after, ''), regexp_replace(v, before, '')]
    WHEN v IS NOT NULL THEN [v] END;

-- What `x*` is replaced by: instead of letters in a row, before each other character, and at the end.
CREATE MACRO spark_put_between(v, several, letter, put) AS
  put || replace(array_to_string(string_split(CASE WHEN contains(v, letter || letter) THEN regexp_replace(v, several, letter, 'g') ELSE v END, ''), put), letter, '') || CASE WHEN v = '' THEN '' ELSE put END;

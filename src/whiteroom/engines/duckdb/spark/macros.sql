-- Macros that a translated query may call. DuckDB writes a macro out where it is called, so that it stays vectorised
-- and its plan names DuckDB's functions alone. A parameter that stands twice is computed twice: what may be nested
-- deeply names each once. `[\x00-\x20\x7f]*` is what Spark trims off text before it reads it as another type.

-- Integers: only the lowest bits of what has more.

CREATE MACRO spark_wrap_tinyint(v) AS
  CAST(xor(v & 255, 128) - 128 AS TINYINT);

CREATE MACRO spark_wrap_smallint(v) AS
  CAST(xor(v & 65535, 32768) - 32768 AS SMALLINT);

CREATE MACRO spark_wrap_int(v) AS
  CAST(xor(v & 4294967295, 2147483648) - 2147483648 AS INTEGER);

CREATE MACRO spark_wrap_bigint(v) AS
  CAST(xor(v & 18446744073709551615::HUGEINT, 9223372036854775808::HUGEINT) - 9223372036854775808::HUGEINT AS BIGINT);

-- Operands that are far from the edge, as nearly all are, need no wider type.

CREATE MACRO spark_add_bigint(a, b) AS
  CASE
    WHEN a BETWEEN -4611686018427387904 AND 4611686018427387903 AND b BETWEEN -4611686018427387904 AND 4611686018427387903 THEN a + b
    ELSE spark_wrap_bigint(a::HUGEINT + b::HUGEINT) END;

CREATE MACRO spark_subtract_bigint(a, b) AS
  CASE
    WHEN a BETWEEN -4611686018427387904 AND 4611686018427387903 AND b BETWEEN -4611686018427387904 AND 4611686018427387903 THEN a - b
    ELSE spark_wrap_bigint(a::HUGEINT - b::HUGEINT) END;

CREATE MACRO spark_multiply_bigint(a, b) AS
  CASE
    WHEN a BETWEEN -2147483648 AND 2147483647 AND b BETWEEN -2147483648 AND 2147483647 THEN a * b
    ELSE spark_wrap_bigint(a::HUGEINT * b::HUGEINT) END;

CREATE MACRO spark_divide(a, b) AS
  a / nullif(b, 0);

CREATE MACRO spark_modulo(a, b) AS
  a % nullif(b, 0);

-- The least integer has no opposite, and DuckDB fails on its remainder by -1.
CREATE MACRO spark_integer_modulo(a, b) AS
  a % nullif(CASE WHEN b = -1 THEN 1 ELSE b END, 0);

CREATE MACRO spark_positive_modulo(a, b) AS
  CASE WHEN a % b < 0 THEN (a % b + b) % b ELSE a % b END;

-- Casts.

CREATE MACRO spark_double_to_bigint(v) AS
  CASE
    WHEN isnan(v) THEN 0
    WHEN v >= 9223372036854775807 THEN 9223372036854775807
    WHEN v <= -9223372036854775808 THEN -9223372036854775808
    ELSE CAST(trunc(v) AS BIGINT) END;

CREATE MACRO spark_double_to_int(v) AS
  CASE
    WHEN isnan(v) THEN 0
    WHEN v >= 2147483647 THEN 2147483647
    WHEN v <= -2147483648 THEN -2147483648
    ELSE CAST(trunc(v) AS INTEGER) END;

CREATE MACRO spark_double_to_float(v) AS
  CASE
    WHEN abs(v) >= 3.4028235677973366e38 AND NOT isnan(v) THEN CAST(sign(v) * 'inf'::DOUBLE AS FLOAT)
    ELSE CAST(v AS FLOAT) END;

CREATE MACRO spark_decimal_cut(v) AS
  trunc(v);

CREATE MACRO spark_integer_text(v) AS
  regexp_extract(regexp_replace(v, '^[\x00-\x20\x7f]*([+-]?)\.([0-9]*[\x00-\x20\x7f]*)$', '\10.\2'), '^[\x00-\x20\x7f]*([+-]?[0-9]+)(?:\.[0-9]*)?[\x00-\x20\x7f]*$', 1);

-- What is written as the engine itself writes it, as nearly all is, needs no pattern.

CREATE MACRO spark_text_to_tinyint(v) AS
  CASE
    WHEN CAST(TRY_CAST(v AS TINYINT) AS VARCHAR) = v THEN TRY_CAST(v AS TINYINT)
    ELSE TRY_CAST(spark_integer_text(v) AS TINYINT) END;

CREATE MACRO spark_text_to_smallint(v) AS
  CASE
    WHEN CAST(TRY_CAST(v AS SMALLINT) AS VARCHAR) = v THEN TRY_CAST(v AS SMALLINT)
    ELSE TRY_CAST(spark_integer_text(v) AS SMALLINT) END;

CREATE MACRO spark_text_to_int(v) AS
  CASE
    WHEN CAST(TRY_CAST(v AS INTEGER) AS VARCHAR) = v THEN TRY_CAST(v AS INTEGER)
    ELSE TRY_CAST(spark_integer_text(v) AS INTEGER) END;

CREATE MACRO spark_text_to_bigint(v) AS
  CASE
    WHEN CAST(TRY_CAST(v AS BIGINT) AS VARCHAR) = v THEN TRY_CAST(v AS BIGINT)
    ELSE TRY_CAST(spark_integer_text(v) AS BIGINT) END;

CREATE MACRO spark_text_to_real(v) AS
  CASE
    WHEN regexp_full_match(v, '[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?') THEN v
    ELSE spark_real_text(v) END;

CREATE MACRO spark_text_to_decimal(v) AS
  CASE
    WHEN regexp_full_match(v, '[+-]?[0-9]+(?:\.[0-9]*)?') THEN v
    ELSE spark_decimal_text(v) END;

CREATE MACRO spark_text_to_date(v) AS
  CASE
    WHEN CAST(TRY_CAST(v AS DATE) AS VARCHAR) = v AND length(v) = 10 THEN TRY_CAST(v AS DATE)
    ELSE spark_date_text(v) END;

CREATE MACRO spark_strict_integer_text(v) AS
  regexp_extract(v, '^[\x00-\x20\x7f]*([+-]?[0-9]+)[\x00-\x20\x7f]*$', 1);

CREATE MACRO spark_strict_whole(v) AS
  CASE WHEN isfinite(v) THEN trunc(v) END;

CREATE MACRO spark_real_text(v) AS
  regexp_extract(v, '^[\x00-\x20\x7f]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[+-]?[nN][aA][nN])[fFdD]?[\x00-\x20\x7f]*$', 1);

CREATE MACRO spark_decimal_text(v) AS
  regexp_extract(v, '^[\x00-\x20\x7f]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[\x00-\x20\x7f]*$', 1);

CREATE MACRO spark_boolean_text(v) AS
  CASE
    WHEN regexp_full_match(v, '[\x00-\x20\x7f]*(?:t|true|y|yes|1)[\x00-\x20\x7f]*', 'i') THEN true
    WHEN regexp_full_match(v, '[\x00-\x20\x7f]*(?:f|false|n|no|0)[\x00-\x20\x7f]*', 'i') THEN false END;

CREATE MACRO spark_date_text(v) AS
  TRY_CAST(regexp_extract(regexp_extract(v, '^[\x00-\x20\x7f]*([+-]?[0-9]{4,7}(?:-[0-9]{1,2}(?:-[0-9]{1,2}(?:[ T].*)?)?)?)[\x00-\x20\x7f]*$', 1, 's')
    || '-01-01', '^\+?0*([0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2})', 1) AS DATE);

CREATE MACRO spark_seconds(v) AS
  epoch_us(v) // 1000000 - CASE WHEN epoch_us(v) % 1000000 < 0 THEN 1 ELSE 0 END;

CREATE MACRO spark_real_seconds(v) AS
  epoch_us(v) / 1000000.0::DOUBLE;

CREATE MACRO spark_timestamp_text(v) AS
  CASE
    WHEN regexp_full_match(v, '[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?)?') THEN TRY_CAST(v AS TIMESTAMP)
    ELSE make_timestamp(spark_text_micros(v)) END;

CREATE MACRO spark_is_not_epoch(v) AS
  (epoch_us(v) <> 0);

CREATE MACRO spark_time_of_micros(v) AS
  make_timestamp(v);

CREATE MACRO spark_time_of_seconds(v) AS
  make_timestamp(CASE
    WHEN v > 9223372036854 THEN 9223372036854775806
    WHEN v < -9223372036854 THEN -9223372036854775806
    ELSE v END * CASE
    WHEN v BETWEEN -9223372036854 AND 9223372036854 THEN 1000000
    ELSE 1 END);

CREATE MACRO spark_time_of_real(v) AS
  CASE
    WHEN isfinite(v) THEN make_timestamp(spark_double_to_bigint(CAST(v AS DOUBLE) * 1000000)) END;

CREATE MACRO spark_time_of_boolean(v) AS
  make_timestamp(CAST(v AS BIGINT));

CREATE MACRO spark_decimal_micros(v) AS
  spark_wrap_bigint(CAST(trunc(CAST(v AS DECIMAL(38,6)) * 1000000) AS HUGEINT));

CREATE MACRO spark_text_of_bytes(v) AS
  TRY(decode(v));

CREATE MACRO spark_integer_bytes(v, width) AS
  from_hex(right(lpad(hex(v), 16, '0'), width));

-- A key that is grouped by: one zero, one NaN.
CREATE MACRO spark_key(v) AS
  CASE WHEN isnan(v) THEN 'nan' ELSE v + 0.0 END;

-- From how DuckDB writes a number to how Java does.
CREATE MACRO spark_real_text_of(v) AS
  CASE
    WHEN v = 'nan' OR v = '-nan' THEN 'NaN'
    WHEN v = 'inf' THEN 'Infinity'
    WHEN v = '-inf' THEN '-Infinity'
    WHEN contains(v, 'e') THEN regexp_replace(regexp_replace(v, '^(-?[0-9])e', '\1.0e'), 'e\+?(-?)0*([0-9])', 'E\1\2')
    WHEN regexp_full_match(v, '-?0\.000[0-9]*[1-9][0-9]*') THEN regexp_replace(regexp_replace(v, '^(-?)0\.000([1-9])([0-9]*)$', '\1\2.\3E-4'), '\.E', '.0E')
    WHEN regexp_full_match(v, '-?[0-9]{8,}\.[0-9]+') THEN regexp_replace(regexp_replace(v, '^(-?[0-9])([0-9]+)\.([0-9]+)$', '\1.\2\3'), '(\.[0-9]+?)0*$', '\1')
    || 'E'
    || (length(regexp_extract(v, '([0-9]+)\.', 1)) - 1)::VARCHAR
    ELSE v END;

-- Java writes a decimal with an exponent where its first digit stands behind six zeros.
CREATE MACRO spark_decimal_text_of(v, scale) AS
  CASE
    WHEN v = 0 THEN '0E-'
    || scale::VARCHAR
    WHEN regexp_full_match(v::VARCHAR, '-?0\.000000[0-9]+') THEN regexp_replace(regexp_replace(v::VARCHAR, '^(-?)0\.0*([1-9])([0-9]*)$', '\1\2.\3'), '\.$', '')
    || 'E-'
    || (length(regexp_extract(v::VARCHAR, '\.(0*)', 1)) + 1)::VARCHAR
    ELSE v::VARCHAR END;

-- Decimals, as whole numbers of their least step.

CREATE MACRO spark_unscaled(v, power) AS
  CAST(v * CAST(power AS DECIMAL(38,0)) AS HUGEINT);

CREATE MACRO spark_whole_divide(a, b) AS
  a // nullif(b, 0);

CREATE MACRO spark_scaled(v, unit) AS
  CAST(v AS DECIMAL(38,0)) * unit;

-- Half up: the remainder decides, in whole numbers.
CREATE MACRO spark_rounded_quotient(a, b, power) AS
  CASE
    WHEN 2 * abs((a * power) % nullif(b, 0)) >= abs(b) THEN (a * power) // nullif(b, 0) + CASE
    WHEN (a < 0) = (b < 0) THEN 1
    ELSE -1 END
    ELSE (a * power) // nullif(b, 0) END;

-- Bits, as Java shifts them.

CREATE MACRO spark_opposite(v) AS
  (-v);

CREATE MACRO spark_shift_left_int(v, n) AS
  spark_wrap_int(((v & 4294967295)::HUGEINT * (1::HUGEINT << (n & 31)::HUGEINT)) & 4294967295::HUGEINT);

CREATE MACRO spark_shift_left_bigint(v, n) AS
  spark_wrap_bigint(((v & 18446744073709551615::HUGEINT) * (1::HUGEINT << (n & 63)::HUGEINT)) & 18446744073709551615::HUGEINT);

CREATE MACRO spark_shift_right_int(v, n) AS
  CAST(v >> (n & 31) AS INTEGER);

CREATE MACRO spark_shift_right_bigint(v, n) AS
  CAST(CAST(v AS BIGINT) >> (n & 63) AS BIGINT);

CREATE MACRO spark_shift_right_unsigned_int(v, n) AS
  spark_wrap_int((v & 4294967295) >> (n & 31));

CREATE MACRO spark_shift_right_unsigned_bigint(v, n) AS
  spark_wrap_bigint((v & 18446744073709551615::HUGEINT) >> (n & 63)::HUGEINT);

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

-- Numbers.

CREATE MACRO spark_ln(v) AS
  CASE WHEN v <= 0 THEN NULL ELSE ln(v) END;

CREATE MACRO spark_log2(v) AS
  CASE WHEN v <= 0 THEN NULL ELSE log2(v) END;

CREATE MACRO spark_log10(v) AS
  CASE WHEN v <= 0 THEN NULL ELSE log10(v) END;

CREATE MACRO spark_log(b, v) AS
  CASE WHEN v <= 0 OR b <= 0 THEN NULL ELSE ln(v) / ln(b) END;

CREATE MACRO spark_sign(v) AS
  CASE WHEN v > 0 AND NOT isnan(v) THEN 1.0::DOUBLE WHEN v < 0 THEN -1.0::DOUBLE ELSE v END;

CREATE MACRO spark_rint(v) AS
  CASE WHEN abs(v) < 4503599627370496 THEN round_even(v, 0) ELSE v END;

CREATE MACRO spark_factorial(v) AS
  CASE WHEN v BETWEEN 0 AND 20 THEN CAST(factorial(v) AS BIGINT) END;

-- Of a number that lies half way, or next to it, what it is written as decides: 0.285 becomes 0.29.
CREATE MACRO spark_rounded(v, places, power) AS
  CASE
    WHEN NOT isfinite(v) OR abs(v) >= 4503599627370496 THEN v
    WHEN abs(v) * power >= 1e15
    THEN CASE
    WHEN places < 16 THEN v
    ELSE spark_rounded_text(v, places) END
    WHEN abs(abs(v * power) - floor(abs(v * power)) - 0.5) < 0.0001 THEN spark_rounded_text(v, places)
    ELSE round(v * power) / power + 0.0 END;

CREATE MACRO spark_rounded_text(v, places) AS
  CASE
    WHEN places <= 0 THEN round(v, places) + 0.0
    ELSE CAST(CAST(round(CAST(CAST(v AS VARCHAR) AS DECIMAL(38,19)), places) AS VARCHAR) AS DOUBLE) END;

CREATE MACRO spark_rounded_even(v, places, power) AS
  CASE
    WHEN NOT isfinite(v) OR abs(v) >= 4503599627370496 THEN v
    ELSE CAST(CAST(round_even(CAST(CAST(v AS VARCHAR) AS DECIMAL(38,19)), places) AS VARCHAR) AS DOUBLE) END;

CREATE MACRO spark_width_bucket(v, low, high, n) AS
  CASE
    WHEN n <= 0 OR low = high OR NOT isfinite(low) OR NOT isfinite(high) OR isnan(v) THEN NULL
    WHEN low < high
    THEN CASE
    WHEN v < low THEN 0
    WHEN v >= high THEN n + 1
    ELSE CAST(trunc(n * (v - low) / (high - low)) AS BIGINT) + 1 END
    ELSE CASE
    WHEN v > low THEN 0
    WHEN v <= high THEN n + 1
    ELSE CAST(trunc(n * (low - v) / (low - high)) AS BIGINT) + 1 END END;

-- Aggregates.

CREATE MACRO spark_correlation(v, total) AS
  CASE WHEN isnan(v) AND NOT isnan(total) THEN NULL ELSE v END;

-- From the sample's, which has no value for two rows.
CREATE MACRO spark_skewness(v, n, spread) AS
  CASE
    WHEN isnan(spread) THEN spread
    WHEN spread = 0 THEN NULL
    WHEN n = 2 THEN 0.0::DOUBLE
    ELSE v * (n - 2) / sqrt(n * (n - 1)) END;

-- Dates.

-- How many days from a date to the next of a weekday (0 is a Monday).
CREATE MACRO spark_days_to(v, weekday) AS
  (weekday + 7 - isodow(v)) % 7 + 1;

CREATE MACRO spark_months_between(a, b) AS
  CASE
    WHEN day(a) = day(b) OR (CAST(a AS DATE) = last_day(a) AND CAST(b AS DATE) = last_day(b)) THEN CAST(date_diff('month', b, a) AS DOUBLE)
    ELSE date_diff('month', b, a) + ((day(a) - day(b)) * 86400 + spark_second_of_day(a) - spark_second_of_day(b)) / 2678400.0::DOUBLE END;

CREATE MACRO spark_second_of_day(v) AS
  hour(v) * 3600 + minute(v) * 60 + second(v);

CREATE MACRO spark_to_eight_places(v) AS
  floor(v * 1e8 + 0.5) / 1e8;

CREATE MACRO spark_months_later(v, n) AS
  CASE
    WHEN v BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' AND n BETWEEN -120000 AND 120000 THEN CAST(v + to_months(n) AS DATE)
    ELSE DATE '1970-01-01' + spark_add_months(CAST(date_diff('day', DATE '1970-01-01', v) AS INTEGER), n) END;

-- Times of years of four digits by the engine's own strftime, the others natively.
CREATE MACRO spark_written_time(v, words, pattern) AS
  CASE
    WHEN v BETWEEN TIMESTAMP '1000-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN strftime(v, words)
    ELSE spark_date_format(epoch_us(v), pattern) END;

CREATE MACRO spark_written_seconds(v, words, pattern) AS
  CASE
    WHEN v BETWEEN -30610224000 AND 253402300799 THEN strftime(make_timestamp(v * 1000000), words)
    ELSE spark_from_unixtime(v, pattern) END;

-- What is of another form, or no time, is read natively: it may end the query.
CREATE MACRO spark_read_time(v, form, words, pattern) AS
  coalesce(CASE WHEN regexp_full_match(v, form) THEN epoch_us(try_strptime(v, words)) END, spark_parse_time(v, pattern));

-- Arrays.

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

-- Arrays. What stands twice is bound by a lambda of one value. Parameters stand outside of lambdas alone, so that nothing
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

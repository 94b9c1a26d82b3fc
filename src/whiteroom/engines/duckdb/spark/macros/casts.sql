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
    ELSE spark_time_of_micros(spark_text_micros(v)) END;

CREATE MACRO spark_is_not_epoch(v) AS
  (epoch_us(v) <> 0);

-- DuckDB has no times before -290308-12-22, and makes such as end the query when they are shown.
CREATE MACRO spark_time_of_micros(v) AS
  list_extract(list_transform([v], lambda m: make_timestamp(CASE WHEN m BETWEEN -9223372022400000000 AND 9223372036854775806 THEN m END)), 1);

-- Whichever branch is computed, for whichever rows, none fails.
CREATE MACRO spark_time_of_seconds(v) AS
  list_extract(list_transform([v], lambda s: make_timestamp(CASE
    WHEN s IS NOT NULL THEN CAST(least(greatest(CAST(s AS HUGEINT) * 1000000, -9223372022400000000), 9223372036854775806) AS BIGINT) END)), 1);

CREATE MACRO spark_time_of_real(v) AS
  CASE
    WHEN isfinite(v) THEN spark_time_of_micros(spark_double_to_bigint(CAST(v AS DOUBLE) * 1000000)) END;

CREATE MACRO spark_text_of_time(v) AS
  CAST(v AS VARCHAR);

CREATE MACRO private_spark_text_of_time(v) AS
  list_extract(list_transform([v], lambda t: CASE WHEN t >= make_timestamp(-9223372022400000000) THEN CAST(t AS VARCHAR) END), 1);

CREATE MACRO spark_time_of_boolean(v) AS
  make_timestamp(CAST(v AS BIGINT));

CREATE MACRO spark_decimal_micros(v) AS
  spark_wrap_bigint(CAST(trunc(TRY_CAST(v AS DECIMAL(38,6)) * 1000000) AS HUGEINT));

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

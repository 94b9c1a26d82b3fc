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
CREATE MACRO spark_written_time(v, written, pattern) AS
  CASE
    WHEN v BETWEEN TIMESTAMP '1000-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN written
    ELSE spark_date_format(epoch_us(v), pattern) END;

CREATE MACRO spark_written_seconds(v, written, pattern) AS
  CASE
    WHEN v BETWEEN -30610224000 AND 253402300799 THEN written
    ELSE spark_from_unixtime(v, pattern) END;

-- What is of another form, or no time, is read natively: it may end the query.
CREATE MACRO spark_read_time(v, form, words, pattern) AS
  coalesce(CASE WHEN regexp_full_match(v, form) THEN epoch_us(try_strptime(v, words)) END, spark_parse_time(v, pattern));

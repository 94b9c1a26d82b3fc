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

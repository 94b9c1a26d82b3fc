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

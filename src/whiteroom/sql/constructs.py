"""The part of Spark SQL that a protected query may use, as data.

An allow-list: a construct that is not named here is refused. What is left out on purpose:
whatever reads anything but the associated tables; whatever answers differently on the same
data (`rand`, `uuid`, `current_date`, `now`); whatever tells about the server (`version`,
`current_user`, `typeof`); and functions that DuckDB computes otherwise than Spark.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp


def _nodes(names: str) -> frozenset[type[exp.Expr]]:
    return frozenset(getattr(exp, name) for name in names.split())


def _types(names: str) -> frozenset[exp.DType]:
    return frozenset(getattr(exp.DType, name) for name in names.split())


SCALARS: frozenset[type[exp.Expr]] = _nodes(
    # values and operators
    "Alias Literal Boolean Null Paren Tuple Var DataTypeParam Exists Escape Any Case If And Or Xor Not EQ NEQ"
    " NullSafeEQ NullSafeNEQ LT LTE GT GTE Is Like ILike Neg Add Sub Mul Div IntDiv Mod DPipe"
    " BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitwiseLeftShift BitwiseRightShift"
    # numbers
    " Abs Ceil Floor Round Sqrt Exp Ln Log Pow Sign Sin Cos Tan Asin Acos Atan Atan2 Degrees Radians Pi"
    " Greatest Least BitwiseCount Factorial IsNan"
    " Cbrt Sinh Cosh Tanh Rint Nanvl EqualNull WidthBucket"
    # strings
    " Upper Lower Length Trim Substring Left Right Concat ConcatWs Replace StrPosition Pad Initcap Reverse Repeat"
    " SplitPart RegexpExtract RegexpLike Translate Ascii Chr MD5 SHA SHA2 Hex Contains StartsWith EndsWith"
    " Levenshtein Space SubstringIndex Soundex Overlay ToBase64 FromBase64 Unhex Encode Decode Elt Format BitLength"
    " ToBinary RegexpExtractAll RegexpCount RegexpInstr RegexpSubstr HexString Bracket"
    # absence
    " Coalesce Nvl2 Nullif"
    # dates and times
    " TsOrDsAdd TsOrDsToDate DateDiff DateAdd DateSub AddMonths LastDay Year Month Day DayOfMonth DayOfWeek "
    " DayOfYear WeekOfYear Quarter Hour Minute Second Extract TimeStrToTime TimestampAdd TimestampDiff"
    " NextDay MonthsBetween UnixSeconds UnixMillis UnixMicros UnixDate DateFromUnixDate TimestampFromParts"
    " AtTimeZone FromTimeZone"
    # aggregates
    " Count CountIf Sum Avg Min Max Stddev StddevPop StddevSamp Variance VariancePop Corr CovarPop CovarSamp"
    " Median Quantile PercentileCont ApproxQuantile ApproxDistinct First Last AnyValue LogicalAnd LogicalOr"
    " ArgMax ArgMin Skewness BitwiseAndAgg BitwiseOrAgg BitwiseXorAgg Grouping"
    " Kurtosis GroupingId IgnoreNulls PercentileDisc ArrayAgg ArrayUniqueAgg"
    " RegrCount RegrAvgx RegrAvgy RegrSlope RegrIntercept RegrR2 RegrSxx RegrSyy RegrSxy"
    # windows
    " RowNumber Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue NthValue"
)
"""Functions and operators. Their arguments are expressions, where grammar.py does not say otherwise."""

NAMED_FUNCTIONS: Mapping[str, int] = {"PMOD": 2, "ISNULL": 1, "ISNOTNULL": 1}
"""Functions that sqlglot has no class for, and how many arguments they take; engines/duckdb/spark/ says what each
becomes."""

NAMED_AGGREGATES: Mapping[str, type[exp.AggFunc]] = {
    "MEAN": exp.Avg,
    "STD": exp.Stddev,
    "EVERY": exp.LogicalAnd,
    "SOME": exp.LogicalOr,
}
"""Aggregates of one argument that Spark has under two names, and sqlglot knows under the other."""

DATA_TYPES = _types(
    "BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL TEXT VARCHAR CHAR BINARY VARBINARY DATE"
    " TIMESTAMP TIMESTAMPTZ TIMESTAMPLTZ TIMESTAMPNTZ ARRAY MAP"
)
"""Types that a cast may name."""

JOIN_KINDS = frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"})
JOIN_METHODS = frozenset({"", "NATURAL"})
JOIN_SIDES = frozenset({"", "LEFT", "RIGHT", "FULL"})

ORDER_FREE_AGGREGATES = (
    exp.Count,
    exp.CountIf,
    exp.Min,
    exp.Max,
    exp.Median,
    exp.Quantile,
    exp.PercentileCont,
    exp.ApproxDistinct,
    exp.LogicalAnd,
    exp.LogicalOr,
    exp.BitwiseAndAgg,
    exp.BitwiseOrAgg,
    exp.BitwiseXorAgg,
    exp.Grouping,
)
"""Aggregates whose value does not depend on the order in which rows arrive, whatever their type."""

EXACT_TYPES = _types("TINYINT SMALLINT INT BIGINT DECIMAL INT128 BOOLEAN")
"""Types whose sums do not depend on the order of the addends; those of FLOAT and DOUBLE do in their last bits."""

INTEGER_TYPES = _types("TINYINT SMALLINT INT BIGINT")
REAL_TYPES = _types("FLOAT DOUBLE")
FRACTION_TYPES = REAL_TYPES | {exp.DType.DECIMAL}

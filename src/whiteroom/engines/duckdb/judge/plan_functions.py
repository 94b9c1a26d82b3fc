"""The functions of DuckDB's that a query may become, by the names that its plans have.

Left out on purpose: whatever reads something but its arguments (settings, files, sequences, variables, the catalog),
answers differently on the same arguments (`random`, `uuid`, `now`), or tells about the server (`version`, `current_*`).
"""

from __future__ import annotations

_OPERATORS = (
    "!= !~~ !~~* % & + - * / // ** ^ < << <= <> <=> = > >= >> | || ~ ~~ ~~* ~~~ @ ^@ ->> !__postfix __between"
    " __cast add subtract multiply divide mod xor bar like_escape ilike_escape not_like_escape not_ilike_escape"
    " decimal_division constant_or_null"
)
_NUMBERS = (
    "abs acos acosh asin asinh atan atan2 atanh bin binom bit_count bit_position cbrt ceil ceiling cos cosh cot"
    " degrees even exp factorial floor gamma gcd greatest greatest_common_divisor isfinite isinf isnan lcm least"
    " least_common_multiple lgamma ln log log10 log2 nextafter pi pow power radians round round_even roundbankers"
    " sign signbit sin sinh sqrt tan tanh trunc set_bit get_bit hash"
)
_TEXT = (
    "ascii base64 bit_length char_length character_length chr concat concat_ws contains damerau_levenshtein"
    " decode encode editdist3 ends_with format formatreadabledecimalsize from_base64 from_binary from_hex hamming"
    " hex instr jaccard jaro_similarity jaro_winkler_similarity lcase left left_grapheme len length"
    " length_grapheme levenshtein lower lpad ltrim md5 md5_number mismatches nfc_normalize octet_length ord"
    " overlay position prefix printf regexp_escape regexp_extract regexp_extract_all regexp_full_match"
    " regexp_matches regexp_replace regexp_split_to_array repeat replace reverse right right_grapheme rpad rtrim"
    " sha1 sha256 split starts_with str_split str_split_regex string_split string_split_regex string_to_array"
    " strip_accents strlen strpos substr substring substring_grapheme suffix to_base to_base64 to_binary to_hex"
    " translate trim ucase unbin unhex unicode upper url_decode url_encode"
)
_TIMES = (
    "age century date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname"
    " dayofmonth dayofweek dayofyear decade epoch epoch_ms epoch_ns epoch_us era hour isodow isoyear julian"
    " last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz microsecond"
    " millennium millisecond minute month monthname nanosecond normalized_interval quarter second strftime"
    " strptime time_bucket timezone timezone_hour timezone_minute to_centuries to_days to_decades to_hours"
    " to_microseconds to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp"
    " to_weeks to_years try_strptime week weekday weekofyear year yearweek"
)
_NESTED = (
    "aggregate apply array_aggr array_aggregate array_apply array_cat array_concat array_contains array_distinct"
    " array_extract array_filter array_has array_has_all array_has_any array_indexof array_intersect array_length"
    " array_position array_reduce array_resize array_reverse_sort array_select array_slice array_sort"
    " array_transform array_unique array_value array_where array_zip cardinality element_at filter flatten"
    " generate_series list_aggr list_aggregate list_apply list_cat list_concat list_contains list_distinct"
    " list_element list_extract list_filter list_has list_has_all list_has_any list_indexof list_intersect"
    " list_pack list_position list_reduce list_resize list_reverse_sort list_select list_slice list_sort"
    " list_transform list_unique list_value list_where list_zip map map_concat map_contains map_entries"
    " map_extract map_extract_value map_from_entries map_keys map_values range reduce row struct_concat"
    " struct_contains struct_extract struct_extract_at struct_has struct_indexof struct_insert struct_keys"
    " struct_pack struct_position struct_update struct_values"
)
_AGGREGATES = (
    "any_value approx_count_distinct approx_quantile arbitrary arg_max arg_max_null arg_max_nulls_last arg_min"
    " arg_min_null arg_min_nulls_last argmax argmin array_agg avg bit_and bit_or bit_xor bool_and bool_or corr"
    " count count_if count_star countif covar_pop covar_samp decimal_average entropy favg first fsum histogram"
    " kahan_sum kurtosis kurtosis_pop last list mad max max_by mean median min min_by mode product quantile"
    " quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx"
    " regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan var_pop"
    " var_samp variance"
)
_CHECKS = "error"
"""A sub-query that is one value fails where it has two rows."""
OURS = "spark_"
"""Begins the names of those that engines/duckdb/spark/session.py registers; no member can register any."""

FUNCTIONS = frozenset(f"{_OPERATORS} {_NUMBERS} {_TEXT} {_TIMES} {_NESTED} {_AGGREGATES} {_CHECKS}".split()) | {
    "is distinct from",
    "is not distinct from",
}
"""In lower case."""

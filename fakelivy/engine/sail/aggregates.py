"""Which functions make one value of a group of rows."""

AGGREGATES = frozenset(
    {
        *("ANY", "ANY_VALUE", "APPROX_COUNT_DISTINCT", "APPROX_PERCENTILE", "ARRAY_AGG", "AVG", "BIT_AND", "BIT_OR"),
        *("BIT_XOR", "BOOL_AND", "BOOL_OR", "COLLECT_LIST", "COLLECT_SET", "CORR", "COUNT", "COUNT_IF", "COVAR_POP"),
        *("COVAR_SAMP", "EVERY", "FIRST", "FIRST_VALUE", "GROUPING", "GROUPING_ID", "KURTOSIS", "LAST", "LAST_VALUE"),
        *("LISTAGG", "MAX", "MAX_BY", "MEAN", "MEDIAN", "MIN", "MIN_BY", "MODE", "PERCENTILE", "PERCENTILE_APPROX"),
        *("PERCENTILE_CONT", "PERCENTILE_DISC", "REGR_AVGX", "REGR_AVGY", "REGR_COUNT", "REGR_R2", "SKEWNESS", "SOME"),
        *("STD", "STDDEV", "STDDEV_POP", "STDDEV_SAMP", "STRING_AGG", "SUM", "TRY_AVG", "TRY_SUM", "VAR_POP"),
        *("VAR_SAMP", "VARIANCE"),
    }
)
"""Spark's names for them, in capitals."""

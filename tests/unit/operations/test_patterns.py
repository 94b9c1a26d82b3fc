import pytest

from whiteroom.operations.patterns import fault_of, metric_fault_of


@pytest.mark.parametrize("pattern", ["", "a", "loss=([0-9.]+)", "(?i)error", r"\d{3}-\d{2}", "ü+", "(a+)+$"])
def test_what_re2_reads_has_no_fault(pattern: str) -> None:
    assert fault_of(pattern) is None
    assert metric_fault_of(f"({pattern})") is None


@pytest.mark.parametrize("pattern", ["(?=a)(b)", "(?<!x)(y)", r"(a)\1", "(?P<n>a)(?P=n)", r"(?=l)l (\d{1,9}\.\d{4})"])
def test_what_only_python_reads_is_for_metrics_alone(pattern: str) -> None:
    assert fault_of(pattern) is not None
    assert metric_fault_of(pattern) is None


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{2,1}", "\\", "(?:" * 5_000, "\ud800("])
def test_what_nobody_reads_has_a_fault_in_both(pattern: str) -> None:
    assert fault_of(pattern)
    assert metric_fault_of(pattern)


@pytest.mark.parametrize("pattern", ["loss", "", "(?:a)", "(?=a)b", r"\(1\)"])
def test_a_metric_needs_a_group(pattern: str) -> None:
    assert "no group" in str(metric_fault_of(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:(?:a{9999}){9999}){9999}(?!b)(1)",
        "(?:a{9999999999999})(?!b)(1)",
        "(?:a{9999999,}){1,2}(?!b)(1)",
        "(?x)(?:(?:a{ 99 99 }){99 #\n99})(?!b)(1)",
        "(?i-s:(?x:(?:a{99 99}){9999}))(?!b)(1)",
        r"(" + r".{0,999}" * 40 + r"\d)y",
        r"(?i)" + r"\pL{0,200}" * 45 + r"(1)",
    ],
)
def test_what_would_take_all_memory_or_half_a_minute_for_a_line_is_refused_at_once(pattern: str) -> None:
    assert metric_fault_of(pattern)

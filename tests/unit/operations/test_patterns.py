import pytest

from whiteroom.operations.patterns import fault_of, metric_fault_of


@pytest.mark.parametrize("pattern", ["", "a", "loss=([0-9.]+)", "(?i)error", r"\d{3}-\d{2}", "ü+", "(a+)+$"])
def test_what_re2_reads_has_no_fault(pattern: str) -> None:
    assert fault_of(pattern) is None
    assert metric_fault_of(pattern) is None


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!x)y", r"(a)\1", "(?P<n>a)(?P=n)"])
def test_what_only_python_reads_is_for_metrics_alone(pattern: str) -> None:
    assert fault_of(pattern) is not None
    assert metric_fault_of(pattern) is None


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{2,1}", "\\", "(?:" * 5_000, "\ud800("])
def test_what_nobody_reads_has_a_fault_in_both(pattern: str) -> None:
    assert fault_of(pattern)
    assert metric_fault_of(pattern)

from loadproof.report.rules import metric_of, plain_limits_of, rule_of


def test_a_rule_is_read_again_from_its_text():
    assert metric_of("p95(response_time) < 500ms") == "response_time"
    assert plain_limits_of("error_rate: warn >= 1%, fail >= 5%") == [0.01, 0.05]


def test_a_limit_that_comes_from_a_baseline_is_no_plain_one():
    assert plain_limits_of("p99(response_time) < baseline * 1.1 + 5ms") == []


def test_what_cannot_be_read_has_neither_a_metric_nor_limits():
    assert (rule_of("what?"), metric_of("what?"), plain_limits_of("what?")) == (None, "", [])

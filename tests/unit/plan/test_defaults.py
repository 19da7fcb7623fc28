from loadproof.plan.defaults import default_level_thresholds, default_thresholds, layered, with_defaults
from loadproof.plan.thresholds import parse_threshold


def rule(text, source="loadproof.toml: thresholds[0]"):
    return parse_threshold(text, source=source)


def texts(rules):
    return [rule.text for rule in rules]


def test_a_service_gets_the_whole_table():
    rules = default_thresholds("service", rps_limited=False)
    assert [(rule.metric, rule.aggregation, rule.quantile) for rule in rules] == [
        ("exceptions", None, None),
        ("coverage", None, None),
        ("error_rate", None, None),
        ("response_time", "avg", None),
        ("response_time", "quantile", 0.95),
        ("throughput", None, None),
    ]
    limits = [
        (rule.warn and (rule.warn.operator, rule.warn.limit), (rule.fail.operator, rule.fail.limit)) for rule in rules
    ]
    assert limits == [
        (None, ("!=", 0)),
        (None, ("!=", 1)),
        ((">=", 0.01), (">=", 0.05)),
        ((">=", 1), (">=", 3)),
        ((">=", 2), (">=", 5)),
        (("<=", 10), ("<=", 1)),
    ]
    assert {rule.source for rule in rules} == {"default"}


def test_a_limited_rate_leaves_the_throughput_unjudged():
    assert "throughput" not in {rule.metric for rule in default_thresholds("service", rps_limited=True)}


def test_for_a_locustfile_times_only_warn_and_throughput_is_its_own_affair():
    rules = default_thresholds("locustfile", rps_limited=False)
    assert [(rule.metric, rule.warn is not None, rule.fail is not None) for rule in rules] == [
        ("exceptions", False, True),
        ("coverage", False, True),
        ("error_rate", True, True),
        ("response_time", True, False),
        ("response_time", True, False),
    ]


def test_a_users_rule_replaces_the_default_on_the_same_quantity():
    mine = rule("p95(response_time) < 500ms")
    rules = with_defaults([mine], "locustfile", rps_limited=False)
    assert texts(rules) == [
        "exceptions = 0",
        "coverage = 100%",
        "error_rate: warn >= 1%, fail >= 5%",
        "avg(response_time): warn >= 1s",
        "p95(response_time) < 500ms",
    ]
    assert rules[-1] is mine


def test_another_quantile_or_a_selector_stands_beside_the_default():
    mine = [rule("p99(response_time) < 1s"), rule("error_rate{name=/a} < 9%"), rule("p95(service_time) < 1s")]
    assert len(with_defaults(mine, "locustfile", rps_limited=False)) == 5 + 3


def test_a_higher_layer_replaces_the_same_quantity_and_keeps_the_rest():
    low = [rule("med(response_time) < 1s"), rule("error_rate < 1%"), rule("error_rate{method=get} < 1%")]
    high = [rule("p50(response_time) < 2s"), rule("error_rate{method=GET} < 2%")]
    assert texts(layered(low, high)) == ["error_rate < 1%", "p50(response_time) < 2s", "error_rate{method=GET} < 2%"]


def test_windows_parts_of_the_run_and_baselines_say_something_else():
    low = [rule("error_rate < 1%"), rule("error_rate < 1% for 5s"), rule("error_rate < 1% after 9s")]
    high = [rule("error_rate < 2% for 5s"), rule("error_rate < 3% over 5s"), rule("error_rate < baseline")]
    assert texts(layered(low, high)) == [
        "error_rate < 1%",
        "error_rate < 1% after 9s",
        "error_rate < 2% for 5s",
        "error_rate < 3% over 5s",
        "error_rate < baseline",
    ]


def test_rules_of_one_layer_stand_side_by_side():
    both = [rule("error_rate < 5%"), rule("error_rate: warn > 1%")]
    assert layered(both) == tuple(both)


def test_no_layers_are_no_rules():
    assert layered() == ()
    assert with_defaults([], "service", rps_limited=False) == default_thresholds("service", rps_limited=False)


def test_where_the_rate_is_given_what_was_dropped_is_judged_and_throughput_is_not():
    for kind in ("service", "locustfile"):
        rules = texts(default_thresholds(kind, rps_limited=False, is_open=True))
        assert rules[-1] == "dropped_rate < 0.1%"
        assert not any(text.startswith("throughput") for text in rules)


def test_levels_are_judged_by_rules_that_can_fail_whatever_is_run():
    assert texts(default_level_thresholds(is_open=False)) == [
        "exceptions = 0",
        "error_rate: warn >= 1%, fail >= 5%",
        "avg(response_time): warn >= 1s, fail >= 3s",
        "p95(response_time): warn >= 2s, fail >= 5s",
    ]
    assert texts(default_level_thresholds(is_open=True))[-1] == "dropped_rate < 1%"

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.errors import UsageError
from loadproof.plan.metrics import subjects, unit_of
from loadproof.plan.model import Condition, Selector, Span
from loadproof.plan.thresholds import parse_threshold


def parse(text):
    return parse_threshold(text, source="--threshold")


def problem(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("text", "metric", "aggregation", "quantile", "fail"),
    [
        ("p95(response_time) < 500ms", "response_time", "quantile", 0.95, (">=", 0.5)),
        ("p99.9(service_time) <= 1.5s", "service_time", "quantile", 0.999, (">", 1.5)),
        ("avg(response_time) < 1s", "response_time", "avg", None, (">=", 1)),
        ("med(response_time) < 2 ms", "response_time", "med", None, (">=", 0.002)),
        ("max(response_time)<1h20m", "response_time", "max", None, (">=", 4800)),
        ("min ( service_time ) > 1us", "service_time", "min", None, ("<=", 1e-6)),
        ("error_rate < 1%", "error_rate", None, None, (">=", 0.01)),
        ("error_rate < 0.01", "error_rate", None, None, (">=", 0.01)),
        ("error_rate < 100%", "error_rate", None, None, (">=", 1)),
        ("throughput > 10/s", "throughput", None, None, ("<=", 10)),
        ("throughput >= 600 / m", "throughput", None, None, ("<", 10)),
        ("requests > 100", "requests", None, None, ("<=", 100)),
        ("failures < 5", "failures", None, None, (">=", 5)),
        ("exceptions = 0", "exceptions", None, None, ("!=", 0)),
        ("unfinished == 0", "unfinished", None, None, ("!=", 0)),
        ("requests != 7", "requests", None, None, ("==", 7)),
        ("p99(iteration_time) < 2s", "iteration_time", "quantile", 0.99, (">=", 2)),
        ("dropped = 0", "dropped", None, None, ("!=", 0)),
        ("dropped_rate < 0.1%", "dropped_rate", None, None, (">=", 0.001)),
        ("capacity >= 200/s", "capacity", None, None, ("<", 200)),
        ("capacity >= 600/m", "capacity", None, None, ("<", 10)),
        ("breaking_level > 80", "breaking_level", None, None, ("<=", 80)),
        ("breaking_level > 12.5/s", "breaking_level", None, None, ("<=", 12.5)),
    ],
)
def test_what_must_hold_is_kept_as_its_breach(text, metric, aggregation, quantile, fail):
    rule = parse(text)
    assert (rule.metric, rule.aggregation, rule.quantile) == (metric, aggregation, quantile)
    assert rule.fail == Condition(operator=fail[0], limit=fail[1])
    assert rule.warn is None
    assert rule.min_samples is None
    assert rule.selector == Selector()
    assert (rule.text, rule.source) == (text, "--threshold")


def test_levels_state_the_breach_itself():
    rule = parse("avg(response_time): warn >= 1s, fail >= 3s")
    assert rule.warn == Condition(operator=">=", limit=1)
    assert rule.fail == Condition(operator=">=", limit=3)


def test_one_level_alone_is_a_rule():
    rule = parse('error_rate{name="/a"}: warn > 1%')
    assert rule.warn == Condition(operator=">", limit=0.01)
    assert rule.fail is None


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ('p99(service_time){name="/checkout", method=GET} < 250ms', {"name": "/checkout", "method": "GET"}),
        ('error_rate{name="/api/*"} < 5%', {"name": "/api/*"}),
        ("error_rate{name='a \"b\", {c}'} < 5%", {"name": 'a "b", {c}'}),
        ("avg(response_time){outcome=failure} < 5s", {"outcome": "failure"}),
        ("med(iteration_time){name=Shopper.buy} < 5s", {"name": "Shopper.buy"}),
        ("requests { method = post , name = /x/[id] } > 1", {"method": "post", "name": "/x/[id]"}),
        ("p95(response_time){class=Shopper} < 1s", {"user_class": "Shopper"}),
        ("throughput{scenario=browse} > 1/s", {"scenario": "browse"}),
        ("p95(flow_time){flow=checkout} < 5s", {"name": "checkout"}),
        ("failures{kind=timeout} = 0", {"kind": "timeout"}),
        ("requests{status=5xx} < 5", {"status": "5xx"}),
        ("error_rate{level=50} < 1%", {"level": 50.0}),
        ("dropped{level=200/s} = 0", {"level": 200.0}),
    ],
)
def test_a_selector_takes_quoted_and_bare_values(text, selector):
    assert parse(text).selector == Selector(**selector)


@pytest.mark.parametrize(
    ("text", "slug", "column", "says"),
    [
        ("", "threshold-syntax", 1, "expected a metric"),
        ("< 5", "threshold-syntax", 1, "expected a metric"),
        ("rps > 10", "unknown-metric", 1, "did you mean throughput?"),
        ("eror_rate < 1%", "unknown-metric", 1, "did you mean error_rate?"),
        ("p95(respons_time) < 1s", "unknown-metric", 5, "did you mean response_time?"),
        ("p95(step_time) < 1s", "unknown-metric", 5, "measure.NAME"),
        ("avg(measure.) < 1", "unknown-metric", 5, "measure.NAME"),
        ("p95(loop_lag) < 1s", "threshold-aggregation", 1, "loop_lag has no p95; allowed are p99 and max"),
        ("rate(error_rate) < 1/s", "threshold-aggregation", 1, "takes no rate()"),
        ("flow_time < 1s", "threshold-aggregation", 1, "avg(flow_time), max(flow_time) or p95(flow_time)"),
        ("dropped_iterations < 1", "unknown-metric", 1, "did you mean dropped?"),
        ("breaking_point > 80", "unknown-metric", 1, "did you mean breaking_level?"),
        ("iteration_time < 1s", "threshold-aggregation", 1, "write avg(iteration_time)"),
        ("p95(dropped) < 1", "threshold-aggregation", 1, "allowed are rate and count"),
        ("dropped < 1%", "threshold-unit", 11, "not a whole number"),
        ("dropped_rate < 1", "threshold-unit", 16, "1% or 100%"),
        ("dropped_rate < 200%", "threshold-unit", 16, "dropped_rate is a share"),
        ("capacity >= 20s", "threshold-unit", 13, "is not a rate"),
        ("breaking_level > 80%", "threshold-unit", 18, "is not a rate"),
        ("dropped_rate{name=a} < 1%", "threshold-syntax", 14, "name selects nothing of dropped_rate; allowed is level"),
        ("dropped{name=a} < 1", "threshold-syntax", 9, "allowed is level"),
        ("coverage{name=a} = 100%", "threshold-syntax", 9, "takes no selector"),
        ("capacity{method=GET} > 1/s", "threshold-syntax", 9, "takes no selector"),
        ("breaking_level{name=a} > 1", "threshold-syntax", 15, "takes no selector"),
        ("avg(iteration_time){method=GET} < 1s", "threshold-syntax", 21, "allowed are name, class, scenario"),
        ("failures{kind=timeout, status=503} = 0", "threshold-syntax", 35, "kind and status do not go together"),
        ("requests{class=A, scenario=b} > 1", "threshold-syntax", 30, "class and scenario do not go together"),
        ("requests{status=600} > 1", "threshold-syntax", 17, "600 is no HTTP status"),
        ("requests{level=x} > 1", "threshold-syntax", 16, "x is no level"),
        ("flow_time{flow=a, name=b}", "threshold-aggregation", 1, "needs an aggregation"),
        ("avg(flow_time){flow=a, name=b} < 1s", "threshold-syntax", 24, "name is given twice"),
        ("response_time < 1s", "threshold-aggregation", 1, "write avg(response_time)"),
        ("p95(error_rate) < 1%", "threshold-aggregation", 1, "write error_rate"),
        ("mean(response_time) < 1s", "threshold-aggregation", 1, "did you mean avg?"),
        ("p(95)(response_time) < 1s", "threshold-aggregation", 1, "write p95(response_time)"),
        ("p100(response_time) < 1s", "threshold-aggregation", 1, "write max"),
        ("p0(response_time) < 1s", "threshold-aggregation", 1, "write min"),
        ("p95 < 1s", "threshold-syntax", 5, "write p95(response_time)"),
        ("p95(response_time < 1s", "threshold-syntax", 19, "expected ')'"),
        ("p95(response_time) 1s", "threshold-syntax", 20, "expected a comparison"),
        ("p95(response_time) =< 1s", "threshold-syntax", 20, "expected a comparison"),
        ("p95(response_time) <", "threshold-syntax", 21, "expected a limit"),
        ("p95(response_time) < 500", "threshold-unit", 22, "500ms or 500s?"),
        ("p95(response_time) < 5%", "threshold-unit", 22, "is not a duration"),
        ("p95(response_time) < 5/s", "threshold-unit", 22, "is not a duration"),
        ("error_rate < 1", "threshold-unit", 14, "1% or 100%"),
        ("error_rate < 101%", "threshold-unit", 14, "more than all"),
        ("error_rate < 5ms", "threshold-unit", 14, "is not a share"),
        ("throughput > 5s", "threshold-unit", 14, "is not a rate"),
        ("requests > 1.5", "threshold-unit", 12, "not a whole number"),
        ("requests > 5%", "threshold-unit", 12, "not a whole number"),
        ("requests > -5", "threshold-syntax", 12, "expected a limit"),
        ("exceptions{name=a} = 0", "threshold-syntax", 12, "allowed is level"),
        ("requests{} > 5", "threshold-syntax", 10, "expected name, method, class, scenario, level or status"),
        ("requests{nam=a} > 5", "threshold-syntax", 10, "did you mean name?"),
        ("requests{name=a, name=b} > 5", "threshold-syntax", 18, "given twice"),
        ("requests{name='a} > 5", "threshold-syntax", 15, "never closed"),
        ("requests{name=} > 5", "threshold-syntax", 15, "expected what to select"),
        ("requests{outcome=failure} > 5", "threshold-syntax", 10, "outcome selects nothing of requests"),
        ("avg(response_time){outcome=failed} < 1s", "threshold-syntax", 28, "did you mean failure?"),
        ("avg(response_time): wrn >= 1s", "threshold-syntax", 21, "did you mean warn?"),
        ("avg(response_time): warn >= 1s, warn >= 2s", "threshold-syntax", 33, "given twice"),
        ("avg(response_time): warn >= 3s, fail >= 1s", "threshold-syntax", 33, "fail before it warns"),
        ("throughput: warn <= 1/s, fail <= 10/s", "threshold-syntax", 26, "fail before it warns"),
        ("error_rate < 1% error_rate < 2%", "threshold-syntax", 17, "error_rate says nothing here"),
        ("error_rate < 1% , 2%", "threshold-syntax", 17, "complete before this"),
        ("error_rate < 1% stop", "threshold-syntax", 17, "did you mean abort?"),
        ("error_rate < 1% for", "threshold-syntax", 20, "expected whole seconds"),
        ("error_rate < 1% for 500ms", "threshold-syntax", 21, "expected whole seconds"),
        ("error_rate < 1% for 1.5s", "threshold-syntax", 21, "expected whole seconds"),
        ("error_rate < 1% for 1s within 2s", "threshold-syntax", 24, "within is one too many"),
        ("error_rate < 1% abort abort", "threshold-syntax", 23, "abort is one too many"),
        ("error_rate = 0% for 5s", "threshold-syntax", 17, "limits to one side"),
        ("error_rate: warn < 1%, fail > 5% over 5s", "threshold-syntax", 34, "limits to one side"),
        ("error_rate < 1% min_samples 0", "threshold-syntax", 29, "expected a number of samples"),
        ("error_rate < 1% min_samples few", "threshold-syntax", 29, "expected a number of samples"),
        ("exceptions = 0 for 10s", "threshold-syntax", 16, "not counted second by second"),
        ("exceptions = 0 after 10s", "threshold-syntax", 16, "not counted second by second"),
        ("failures{level=50} < 5 for 10s", "threshold-syntax", 24, "a level is judged"),
        ("unfinished = 0 abort", "threshold-syntax", 16, "known only at the end"),
        ("coverage = 100% abort", "threshold-syntax", 17, "known only at the end"),
        ("error_rate: warn > 1% abort", "threshold-syntax", 23, "a warning aborts nothing"),
        ("p95(response_time) < baseline * x", "threshold-syntax", 33, "expected a factor"),
        ("p95(response_time) < baseline * 0", "threshold-syntax", 33, "expected a factor"),
        ("p95(response_time) < baseline + 5", "threshold-unit", 33, "5ms or 5s?"),
        ("capacity > baseline", "threshold-syntax", 1, "not compared with a baseline"),
        ("rate(bytes) < 10MB", "threshold-unit", 15, "write 10MB/s"),
        ("bytes < 10/s", "threshold-unit", 9, "is not a size"),
        ("avg(measure.depth) < 5ms", "threshold-unit", 22, "a number without a unit"),
    ],
)
def test_a_wrong_rule_is_pointed_at_and_told_what_is_allowed(text, slug, column, says):
    found = problem(text)
    assert found.slug == slug
    assert found.where == "--threshold"
    assert says in str(found)
    first, shown, pointer = found.what.split("\n")
    assert f"(column {column})" in first
    assert shown == f"    {text}"
    assert pointer.index("^") - 4 == column - 1


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("error_rate < 1% for 10s", {"span": Span(kind="for", seconds=10)}),
        ("error_rate < 1% within 1m 30s", {"span": Span(kind="within", seconds=90)}),
        ("p95(response_time) < 1s over 2m abort", {"span": Span(kind="over", seconds=120), "abort": True}),
        ("throughput > 10/s after 30s", {"after": 30.0}),
        ("error_rate < 1% after 30s for 10s", {"after": 30.0, "span": Span(kind="for", seconds=10)}),
        ("p99(response_time) < 1s min_samples 100", {"min_samples": 100}),
        ("error_rate: warn >= 1%, fail >= 5% abort", {"abort": True}),
        ("exceptions = 0 abort", {"abort": True}),
    ],
)
def test_words_behind_the_limit_say_when_and_with_what_end(text, fields):
    rule = parse(text)
    plain = {"span": None, "after": 0.0, "min_samples": None, "abort": False}
    assert {key: getattr(rule, key) for key in plain} == plain | fields
    assert rule.is_partial == bool(rule.span or rule.after)


@pytest.mark.parametrize(
    ("text", "factor", "added"),
    [
        ("p99(response_time) < baseline", 1.0, 0.0),
        ("p99(response_time) < baseline * 1.1", 1.1, 0.0),
        ("p99(response_time) < baseline*1.1+5ms", 1.1, 0.005),
        ("throughput > baseline - 5/s", 1.0, -5.0),
        ("error_rate <= baseline + 0.5%", 1.0, 0.005),
    ],
)
def test_a_limit_may_depend_on_the_baseline(text, factor, added):
    rule = parse(text)
    assert rule.needs_baseline
    assert (rule.fail.baseline, rule.fail.limit) == (factor, added)


@pytest.mark.parametrize(
    ("text", "limit", "unit"),
    [
        ("bytes < 1.5MB", 1_500_000, "bytes"),
        ("rate(bytes) < 64kB/s", 64_000, "bytes/s"),
        ("rate(failures) < 6/m", 0.1, "/s"),
        ("count(response_time) > 100", 100, "count"),
        ("rate(iteration_time) > 5/s", 5, "/s"),
        ("p95(measure.queue_depth) < 12.5", 12.5, "value"),
        ("rate(measure.jobs) > 2/s", 2, "/s"),
        ("max(generator_cpu) < 90%", 0.9, "ratio"),
        ("p99(start_lag) < 5ms", 0.005, "s"),
        ("max(gc_pause) < 100ms", 0.1, "s"),
        ("coverage >= 90%", 0.9, "ratio"),
        ("p95(first_byte_time) < 1m30s", 90, "s"),
        ("p95(first_byte_time) < 1m 30s", 90, "s"),
    ],
)
def test_each_metric_has_its_unit(text, limit, unit):
    rule = parse(text)
    assert rule.fail.limit == pytest.approx(limit)
    assert unit_of(rule.metric, rule.aggregation) == unit


def test_every_metric_can_be_written_as_the_message_lists_it():
    examples = {"s": "1s", "ratio": "1%", "/s": "1/s", "count": "1", "bytes": "1kB", "value": "1"}
    for subject in subjects():
        name = re.sub(r".*\(|\)", "", subject)
        aggregation = subject.partition("(")[0] if "(" in subject else None
        unit = unit_of(name, aggregation)
        assert parse(f"{subject} < {examples[unit]}").metric == name


def test_a_long_rule_is_shown_around_the_mistake():
    found = problem("requests{name=" + "x" * 5000 + "} ! 5")
    assert len(found.what) < 400
    _first, shown, pointer = found.what.split("\n")
    assert shown[pointer.index("^")] == "!"


def test_control_characters_do_not_reach_the_terminal():
    found = problem("requests\t>\x1b[31m 5")
    assert "\x1b" not in found.what
    assert "\t" not in found.what


PIECES = [
    *("p95", "avg", "med", "(", ")", "response_time", "service_time", "error_rate", "throughput", "requests", "{", "}"),
    *("name=", "method=GET", "outcome=all", '"', "'", "/x*", ",", ":", "warn", "fail", "<", ">=", "=", "!", "5", "5ms"),
    *(
        "1%",
        "10/s",
        " ",
        "for",
        "10s",
        "after",
        "abort",
        "min_samples",
        "status=5xx",
        "baseline",
        "*",
        "+",
        "\n",
        "é",
        "٣",
        "1e999",
        "p",
        "p0",
        "p99.9999999999999999999",
        ".",
    ),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=40))
def test_any_text_is_a_rule_or_one_usage_error(text):
    try:
        rule, problems = parse(text), []
    except UsageError as error:
        rule, problems = None, error.problems
    if rule is None:
        assert len(problems) == 1
        assert problems[0].what.endswith("^")
    else:
        assert rule.warn or rule.fail
        assert parse(rule.text) == rule

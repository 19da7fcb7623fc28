from loadproof.report.figures import (
    NO_KIND,
    arrivals_of,
    endpoints_of,
    error_kinds_of,
    group_of,
    levels_of,
    measures_of,
    status_counts_of,
    totals_of,
    user_peak_of,
    users_mean_of,
)
from results_factory import (
    arrivals_health,
    capacity_result,
    empty_result,
    failed_sample,
    measured,
    open_result,
    result_of,
    sample,
    small_result,
    stress_result,
)


def test_totals_count_every_outcome_and_leave_spans_out():
    totals = totals_of(small_result())
    assert (totals.requests, totals.successes, totals.expected, totals.failures) == (100, 95, 2, 3)
    assert totals.rate == 10.0
    assert totals.error_rate == 0.03
    assert (totals.good.count, totals.every.count) == (95, 100)
    assert totals.good.maximum == 0.5
    assert totals.every.maximum == 2.0


def test_a_run_without_requests_has_no_rate_of_errors_and_one_without_time_none_of_requests():
    totals = totals_of(empty_result())
    assert (totals.requests, totals.rate, totals.error_rate) == (0, None, None)
    assert totals.good.quantile(0.5) is None


def test_endpoints_that_fail_come_first_then_the_slowest():
    endpoints = endpoints_of(small_result())
    assert [(e.method, e.name, e.group) for e in endpoints] == [
        ("POST", "/buy", "request"),
        ("FLOW", "checkout", "span"),
        ("GET", "/read", "request"),
    ]
    assert endpoints[0].figures.failures == 3


def test_kinds_are_counted_most_frequent_first_with_their_samples():
    timeout, unavailable = error_kinds_of(small_result())
    assert (timeout.kind, timeout.count, timeout.share) == ("timeout", 2, 0.02)
    assert (unavailable.kind, unavailable.count) == ("http_503", 1)
    assert [s.body for s in unavailable.samples] == ['{"error": "no database"}']


def test_failures_without_a_kind_are_counted_too():
    (kind,) = error_kinds_of(result_of([sample(outcome="failure")]))
    assert (kind.kind, kind.count, kind.samples) == (NO_KIND, 1, ())


def test_failures_of_spans_stand_apart_and_have_no_share_of_requests():
    result = result_of(
        [sample(kind="timeout"), sample("order", "FLOW", kind="timeout")],
        failures=(failed_sample(name="order", method="FLOW"), failed_sample()),
    )
    first, second = error_kinds_of(result)
    assert (first.count, first.group, first.share) == (1, "request", 1.0)
    assert (second.count, second.group, second.share) == (1, "span", None)
    assert [s.name for s in first.samples] == ["/read"]
    assert [s.name for s in second.samples] == ["order"]


def test_the_samples_of_a_kind_are_of_different_entries_where_there_are_several():
    kept = [failed_sample(name="/a", at=float(i)) for i in range(5)] + [failed_sample(name="/b", at=9.0)]
    (kind,) = error_kinds_of(result_of([sample(kind="timeout")], failures=tuple(kept)))
    assert [(s.name, s.at) for s in kind.samples] == [("/a", 0.0), ("/a", 1.0), ("/a", 2.0), ("/a", 3.0), ("/b", 9.0)]
    assert kind.samples_left == 1


def test_statuses_are_counted_by_outcome():
    assert status_counts_of(small_result()) == [(200, {"success": 5}), (409, {"expected": 2}), (503, {"failure": 1})]


def test_the_mean_number_of_users_is_one_over_time():
    assert users_mean_of(small_result()) == 4.4
    assert users_mean_of(result_of([sample()])) is None


def test_users_that_were_never_reported_are_not_none_at_all():
    assert user_peak_of(small_result()) == 5
    assert user_peak_of(result_of([sample()])) is None


def test_arrivals_are_those_of_the_measured_part():
    arrivals = arrivals_of(open_result())
    assert (arrivals.offered, arrivals.started, arrivals.dropped, arrivals.late) == (900, 860, 40, 17)
    assert arrivals.finished == 861  # one that was due before it, too
    assert arrivals.rate(arrivals.offered) == 50.0
    assert arrivals.dropped_rate == 40 / 900
    assert arrivals.late_rate == 17 / 860
    assert 0.0119 < arrivals.lag.quantile(0.99) < 0.0121


def test_a_closed_run_has_no_arrivals_and_an_open_one_without_any_has_no_rates_of_them():
    assert arrivals_of(small_result()) is None
    nothing = empty_result()
    arrivals = arrivals_of(empty_result(health=arrivals_health(nothing.record.arrivals)))
    assert (arrivals.offered, arrivals.rate(0), arrivals.dropped_rate, arrivals.late_rate) == (0, None, None, None)


def test_response_times_start_when_arrivals_are_due_and_service_times_when_they_are_sent():
    lag = 0.012
    sent = [sample(end=1.0, took=0.02)._replace(intended_at=0.98 - lag)]
    totals = totals_of(result_of(sent))
    assert abs(totals.good.maximum - 0.032) < 1e-6
    assert abs(totals.service.maximum - 0.02) < 1e-6


def test_iterations_and_requests_of_the_set_up_stand_apart():
    endpoints = {e.name: (e.method, e.group, e.figures.requests) for e in endpoints_of(open_result())}
    assert endpoints["browse"] == ("ITERATION", "iteration", 861)
    assert endpoints["/items"] == ("GET", "request", 861)
    record = result_of([sample("/login", "POST setup", kind="timeout"), sample()])
    assert [(e.method, e.group) for e in endpoints_of(record)] == [("POST setup", "setup"), ("GET", "request")]
    (kind,) = error_kinds_of(record)
    assert (kind.kind, kind.group, kind.share) == ("timeout", "setup", None)


def test_levels_of_users_achieve_requests_and_levels_of_rates_iterations():
    first, *_, last = levels_of(stress_result())
    assert (first.level.target, first.arrivals) == (5.0, None)
    assert first.achieved == first.figures.rate == 49.5
    assert last.figures.error_rate == 248 / 1980
    second = levels_of(capacity_result())[1]
    assert second.arrivals.offered == 800
    assert second.achieved == second.arrivals.finished / 20 < 40


def test_a_plain_run_has_no_levels():
    assert levels_of(small_result()) == []


def test_values_of_the_script_are_neither_endpoints_nor_failures_nor_totals_and_keep_their_unit():
    result = result_of([sample(), *(measured("queue_depth", value) for value in range(1, 101)), measured("size", 0)])
    assert [(e.name, e.method) for e in endpoints_of(result)] == [("/read", "GET")]
    assert totals_of(result).requests == 1
    depth, size = measures_of(result)
    assert (depth.name, depth.count, depth.mean, depth.minimum, depth.maximum) == ("queue_depth", 100, 50.5, 1, 100)
    assert abs(depth.quantile(0.95) - 95) < 0.1
    assert (size.count, size.mean, size.maximum, size.quantile(0.5)) == (1, 0, 0, 0)
    assert group_of("MEASURE") == "measure"


def test_a_script_that_measured_nothing_has_no_values():
    assert measures_of(small_result()) == []
    assert measures_of(empty_result()) == []

import re
from dataclasses import replace
from pathlib import Path

import pytest

from loadproof.record import Recorder, RunRecord
from loadproof.report.advice import ROWS, Evidence, Row, Seen, advise, what_to_look_at
from loadproof.result import Change, Coverage, Doubt, GeneratorHealth, Observation, ScriptError
from results_factory import (
    NASTY,
    PLAN,
    SERVICE_PLAN,
    arrive,
    capacity_result,
    checked_result,
    compared,
    declared_coverage,
    difference,
    empty_result,
    open_result,
    record_of,
    result_of,
    sample,
    small_result,
    stress_result,
)


def advice(samples=(), **fields):
    return what_to_look_at(result_of(samples, **fields))


def failing(kind, times=1, **rest):
    return [sample(kind=kind, **rest)] * times


def test_a_good_run_needs_no_advice():
    assert advice([sample(end=i / 20, took=0.01) for i in range(100)]) == []


def test_an_empty_run_says_to_check_the_host():
    (sentence,) = what_to_look_at(empty_result())
    assert sentence == (
        "Not one request was sent and finished: users found nothing to do, or nowhere to send it; check the host, and "
        "that the users of the suite have tasks."
    )


def test_a_run_in_which_nothing_was_answered_says_so():
    (sentence,) = what_to_look_at(empty_result(unfinished=5))
    assert sentence.startswith("Not one request was finished, and 5 were still waiting for an answer")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("timeout", ("slow queries", "database connections", "raise the timeout")),
        ("connect_timeout", ("firewalls", "accept backlog")),
        ("connection_refused", ("nothing listened", "port")),
        ("connection_reset", ("logs", "crashes")),
        ("connection_closed", ("keep-alive",)),
        ("dns", ("resolver",)),
        ("tls", ("certificate",)),
        ("out_of_ports", ("load generator",)),
        ("check_failed", ("the check",)),
        ("http_401", ("API keys", "tokens")),
        ("http_403", ("API keys",)),
        ("http_404", ("prefix",)),
        ("http_429", ("limited the rate",)),
        ("http_500", ("logs", "database connections")),
        ("http_503", ("logs", "database connections", "pools")),
        ("http_504", ("slow queries",)),
        ("http_418", ("API keys, authentication",)),
        ("SomeError", ("first samples",)),
    ],
)
def test_each_kind_of_error_has_a_likely_cause_and_what_to_check(kind, words):
    (sentence,) = advice(failing(kind), rules=())
    assert sentence.startswith(f"1 request failed with {kind} (100% of all requests): ")
    for word in words:
        assert word in sentence


def test_a_timeout_names_the_services_own_setting():
    (sentence,) = advice(failing("timeout"), rules=(), plan=SERVICE_PLAN)
    assert "timeout in the service's configuration (services.pkd.timeout, now 30 s)" in sentence


def test_a_refused_connection_says_how_to_start_the_service():
    (sentence,) = advice(failing("connection_refused"), rules=(), plan=SERVICE_PLAN)
    assert "start it with: docker compose up pkd" in sentence


def test_only_the_most_frequent_kinds_are_explained():
    said = advice([each for i in range(8) for each in failing(f"kind{i}", 10 - i)], rules=())
    assert len(said) == 6
    assert said[-1] == "3 other kinds of errors made 12 more failures."


def test_users_that_mostly_waited_mean_that_more_load_was_possible():
    record = record_of(sample(end=i + 0.5, took=0.1) for i in range(10))
    for second in range(10):
        record.set_users(second + 0.5, {"User": 1})
    (sentence,) = advice(record=record, rules=["throughput > 10/s"])
    assert "waited for answers only 10% of their time" in sentence
    assert "more users" in sentence


def test_busy_users_mean_that_the_service_is_the_limit():
    record = record_of(sample(end=i + 0.99, took=0.9) for i in range(10))
    for second in range(10):
        record.set_users(second + 0.5, {"User": 1})
    (sentence,) = advice(record=record, rules=["throughput > 10/s"])
    assert "CPU and memory of the service, the network between, and the configuration" in sentence


def test_low_throughput_without_known_users_names_the_usual_causes():
    (sentence,) = advice([sample()], rules=["throughput > 10/s"])
    assert sentence.startswith(
        "Throughput (0.1/s) breaks its rule: the service, or something before it, is at its limit"
    )
    assert "check CPU and memory" in sentence


def test_slow_answers_name_the_slowest_endpoints():
    samples = [sample("/slow", end=5.0, took=2.0)] * 60 + [sample("/fast", took=0.1)] * 60
    (sentence,) = advice(samples, rules=["p95(response_time) < 1s"])
    assert "slowest GET /slow (p95 2 s), GET /fast (p95 100 ms): " in sentence
    assert "indexes" in sentence


def test_rules_without_enough_samples_are_named_with_their_reason():
    (sentence,) = advice([sample()], rules=["p95(response_time) < 1s"])
    assert "p95(response_time) < 1s (1 sample, 59 needed for p95)" in sentence


def test_errors_of_the_script_come_first_and_say_nothing_of_the_service():
    errors = (ScriptError("Buyer", "buy", "KeyError", "'id'", "", 3), ScriptError("", "setup", "OSError", "", "", 1))
    said = advice(failing("timeout"), rules=(), exceptions=errors)
    assert said[0].startswith("The script itself failed 4 times, most often with KeyError in Buyer.buy")


def test_the_cautions_of_the_generator_are_passed_on():
    assert advice([sample()], rules=(), health=GeneratorHealth(notes=("Too slow.",))) == ["Too slow."]


def test_what_no_figure_holds_is_said():
    said = what_to_look_at(small_result())
    assert any(sentence.startswith("3 requests had no answer when the run ended") for sentence in said)
    assert any(sentence.startswith("1 answer went uncounted") for sentence in said)
    assert any(sentence.startswith("results.csv lacks 12 rows") for sentence in said)


def test_control_codes_from_outside_are_gone():
    (sentence,) = advice(failing("\x1b[31mBoom"), rules=())
    assert "\x1b" not in sentence


def test_a_plan_that_is_not_known_does_no_harm():
    assert len(what_to_look_at(replace(result_of(failing("timeout"), rules=()), plan={}))) == 1
    assert len(advice(failing("timeout"), rules=(), plan=PLAN)) == 1


def record_at(rate):
    """Arrivals at a rate from 2 s to 20 s, all of which are finished."""
    recorder, record = Recorder("1"), RunRecord()
    for i in range(rate * 18):
        arrive(recorder, 2 + i / rate, 0.0001)
        recorder.record(sample(end=2.02 + i / rate, took=0.02))
        recorder.record(sample("U.buy", "ITERATION", end=2.02 + i / rate, took=0.02))
    record.merge(recorder.interval({}))
    return record


def advice_of(result, search, rule):
    """What is said of a rule on the answer of a search that could not be judged."""
    judged = result_of(record=result.record, levels=result.levels, search=search, kind=result.kind, rules=[rule])
    (sentence,) = [said for said in what_to_look_at(judged) if said.startswith("Could not be judged")]
    return sentence


def test_low_throughput_of_an_open_run_is_what_was_not_finished_or_not_offered():
    health = GeneratorHealth()
    (short,) = what_to_look_at(open_result(rules=["throughput > 100/s"], health=health))
    assert short.startswith(
        "Throughput (47.8/s) breaks its rule, and iterations were offered at 50/s and finished at 47.8/s: "
    )
    assert "wait" not in short
    (easy,) = what_to_look_at(open_result(rules=["throughput > 100/s"], health=health, record=record_at(10)))
    assert easy == (
        "Throughput (10/s) breaks its rule, and iterations were offered at 10/s and nearly all were finished: more "
        "load was possible; raise the rate, or lower what the rule wants."
    )


def test_rules_of_an_open_run_without_enough_samples_want_a_higher_rate_not_more_users():
    said = what_to_look_at(open_result(rules=["p99.9(response_time) < 1s"], health=GeneratorHealth()))
    (sentence,) = [sentence for sentence in said if sentence.startswith("Could not be judged")]
    assert sentence.endswith("; run longer or at a higher rate, or correct what the rule selects.")


def test_rules_that_the_generator_spoiled_lead_to_the_generator():
    doubt = Doubt("response_time", "iterations started 80 ms late")
    said = what_to_look_at(open_result(rules=["p95(response_time) < 9s"], health=GeneratorHealth(doubts=(doubt,))))
    assert said[-1].startswith("Could not be judged: p95(response_time) < 9s (iterations started 80 ms late): ")
    assert said[-1].endswith("; see what is said of the load generator.")


@pytest.mark.parametrize(
    ("outcome", "advised"),
    [
        ("interrupted", "let it run to its end."),
        ("generator_limited", "make load in more processes (--processes)."),
        ("unsettled", "make levels longer, with --hold or --trial, so that each has more samples."),
        ("did_not_break", "search higher, with --max-rate."),
    ],
)
def test_a_rule_on_an_answer_that_was_not_found_says_how_to_find_it(outcome, advised):
    result = capacity_result()
    search = replace(result.search, outcome=outcome, low=None, high=None)
    said = advice_of(result, search, "capacity >= 200/s")
    assert said == f"Could not be judged: capacity >= 200/s, as the search found no answer to it: {advised}"


def test_a_service_that_did_not_break_may_be_asked_by_more_users():
    result = stress_result()
    search = replace(result.search, outcome="did_not_break", breaking_level=None)
    assert advice_of(result, search, "breaking_level > 80").endswith("search higher, with --max-users.")


def test_failures_of_iterations_and_of_the_set_up_are_named_so():
    assert advice([sample("U.buy", "ITERATION", kind="exception")], rules=())[-1] == (
        "1 iteration failed with exception: the script raised an exception in them; read its traceback."
    )
    said = advice([sample("/login", "POST setup", kind="timeout")] * 2, rules=())
    assert said[-1].startswith("2 requests of the set-up failed with timeout: answers took too long")


def test_requests_that_a_schedule_left_behind_do_not_want_an_option_of_locust():
    said = what_to_look_at(stress_result(unfinished=3))
    assert any("3 requests had no answer when the run ended, and no figure holds them: look at why" in s for s in said)
    assert not any("--stop-timeout" in sentence for sentence in said)


DOCUMENT = Path(__file__).parents[3] / "docs/advice.md"


def slugs(result, rows=ROWS):
    return [each.slug for each in advise(result, rows)]


def test_the_document_explains_every_row_in_the_order_of_the_table_and_nothing_else():
    headings = re.findall(r"^## ([a-z-]+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [row.slug for row in ROWS]


def test_every_entry_of_the_document_says_what_is_seen_and_what_to_try():
    for entry in DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]:
        slug = entry.splitlines()[0]
        assert [word for word in ("Seen: ", "Try: ") if word not in entry] == [], slug


def test_the_example_of_the_document_works(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    exec(example, {"result": result_of(failing("http_401", 3, status=401), rules=())})
    assert capsys.readouterr().out == (
        "unauthorized-everywhere 3 requests failed with 401: the test data is not seeded; "
        "run: python src/manage.py bootstrap_perf_tests.\n"
    )


def test_every_row_has_a_name_of_its_own():
    assert len({row.slug for row in ROWS}) == len(ROWS)


def test_every_row_finds_nothing_in_a_good_run_and_only_that_nothing_was_sent_in_an_empty_one():
    good = Evidence(result_of([sample(end=i / 20, took=0.01) for i in range(100)]))
    assert [row.slug for row in ROWS if list(row.find(good))] == []
    assert [row.slug for row in ROWS if list(row.find(Evidence(empty_result())))] == ["nothing-sent"]


def test_advice_is_clauses_that_make_one_sentence():
    for result in (small_result(), open_result(), stress_result(), capacity_result(), checked_result(), empty_result()):
        for each in advise(result):
            assert each.seen
            assert not each.cause.endswith(".")
            assert not each.attempt.endswith(".")
            assert each.sentence.startswith(each.seen)
            assert each.sentence.endswith(".")
            assert ".." not in each.sentence


def own(slug, seen, weight=0.0, about="errors"):
    return Row(slug, about, lambda _: [Seen(seen, weight)], "a cause", lambda evidence: evidence.result.test_name)


def test_a_suite_may_add_rows_of_its_own():
    rows = (*ROWS, own("wet-server", "Water in the server"))
    (found,) = advise(result_of([sample(end=i / 20) for i in range(100)]), rows)
    assert (found.slug, found.cause, found.attempt) == ("wet-server", "a cause", "checkout")
    assert found.sentence == "Water in the server: a cause; checkout."


def test_a_row_of_a_suite_replaces_the_one_of_the_same_name():
    result = result_of(failing("timeout"), rules=())
    assert [each.seen for each in advise(result, (*ROWS, own("timeouts", "Too slow")))] == ["Too slow"]


def test_what_makes_the_rest_doubtful_comes_first_then_what_there_is_most_of():
    rows = [
        own("b", "b", 3),
        own("a", "a", 5),
        own("c", "c", 3),
        own("l", "l", 9, "losses"),
        own("s", "s", 1, "script"),
    ]
    assert slugs(empty_result(), rows) == ["s", "a", "b", "c", "l"]


def test_the_most_frequent_kind_of_error_comes_first():
    result = result_of(failing("timeout", 2) + failing("http_503", 5, status=503), rules=())
    assert slugs(result) == ["unavailable", "timeouts"]


def test_failures_of_the_set_up_are_not_hidden_by_those_of_requests():
    samples = [each for i in range(8) for each in failing(f"kind{i}", 10 - i)]
    result = result_of([*samples, sample("/login", "POST setup", kind="timeout")], rules=())
    assert slugs(result) == [*["other-errors"] * 5, "timeouts", "more-errors"]


def test_a_flow_that_failed_is_explained_as_one_and_not_as_a_request():
    result = result_of([sample("order", "FLOW", kind="timeout"), sample("order", "FLOW"), sample()], rules=())
    assert [(each.slug, each.seen) for each in advise(result)] == [
        ("flows", "FLOW order failed 1 of 2 times with timeout")
    ]


def test_flows_that_failed_without_a_kind_are_counted_too():
    (found,) = advise(result_of([sample("order", "FLOW", outcome="failure"), sample()], rules=()))
    assert found.seen == "FLOW order failed 1 of 1 time with (no kind)"


def test_an_error_rate_is_the_one_that_was_judged_and_shown_beside_its_limit():
    failed = failing("http_418", 1_001, status=418) + [sample()] * 98_999
    result = result_of(failed, rules=["error_rate < 1%"])
    assert advise(result)[0].seen == "An error rate of 1.001% breaks its rule"


def test_the_error_rate_of_the_whole_run_is_named_before_the_one_of_a_window():
    window = Observation("error_rate < 1% within 3s", 0.9, 30, None, 4.0)
    rules = [window.rule, "error_rate < 1%"]
    result = result_of([*failing("http_418", 10), *[sample()] * 90], rules=rules, observations=(window,))
    assert [verdict.outcome for verdict in result.verdicts] == ["FAIL", "FAIL"]
    assert advise(result)[0].seen == "An error rate of 10% breaks its rule"
    alone = result_of([sample()], rules=rules[:1], observations=(window,))
    assert advise(alone)[0].seen == "An error rate of 90% breaks its rule"


def test_rules_on_the_generator_are_no_slow_answers():
    health = GeneratorHealth(loop_lag_p99=0.5)
    result = result_of([sample()], rules=["p99(loop_lag) < 10ms"], health=health)
    assert result.verdicts[0].outcome == "FAIL"
    assert slugs(result) == []


def test_a_capacity_below_its_rule_is_no_low_throughput():
    result = capacity_result(rules=("capacity >= 200/s",))
    assert result.verdicts[0].outcome == "FAIL"
    assert "low-throughput" not in slugs(result)


def test_what_was_declared_and_never_hit_is_named():
    found = advise(result_of([sample()], rules=(), coverage=declared_coverage()))
    assert [(each.slug, each.seen) for each in found] == [
        ("never-hit", "Declared and never hit: POST /refund"),
        ("mix", "What ran of Browser is further from the planned mix than chance explains"),
    ]
    assert slugs(result_of([sample()], rules=(), coverage=Coverage())) == []


def test_what_got_worse_is_named_with_what_is_known_to_differ():
    found = advise(result_of([sample()], rules=(), comparison=compared()))
    (regressed,) = found
    assert regressed.seen == "Worse than the baseline: p95(response_time) of POST /buy (+55%)"
    assert regressed.cause.endswith("made the difference: The baseline ran on 8 CPUs, the candidate on 4")
    plain = replace(compared(), remarks=())
    (regressed,) = advise(result_of([sample()], rules=(), comparison=plain))
    assert regressed.cause == "the service changed between the two, or what it runs on"


def test_many_regressions_are_counted():
    worse = tuple(difference(of=(f"/{i}", "GET"), change=Change.REGRESSED, ratio=1.5) for i in range(9))
    (found,) = advise(result_of([sample()], rules=(), comparison=replace(compared(), differences=worse)))
    assert found.seen.endswith("p95(response_time) of GET /2 (+50%) and 6 more")


def test_a_comparison_that_says_nothing_tells_how_many_runs_would():
    unsure = difference(change=Change.INCONCLUSIVE, runs_needed=4)
    comparison = replace(compared(), differences=(unsure,))
    (found,) = advise(result_of([sample()], rules=(), comparison=comparison))
    assert (found.slug, "4 runs on each side would settle it" in found.seen) == ("not-comparable", True)
    comparison = replace(comparison, differences=(replace(unsure, runs_needed=None),))
    (found,) = advise(result_of([sample()], rules=(), comparison=comparison))
    assert "would settle it" not in found.seen


def test_control_codes_are_gone_from_all_parts():
    bad = "\x1b[31m\u202e"
    plan = SERVICE_PLAN | {"target": SERVICE_PLAN["target"] | {"start": bad, "name": bad}}
    comparison = replace(compared(), remarks=(bad,))
    result = result_of(failing("timeout") + failing("connection_refused"), plan=plan, comparison=comparison)
    text = "".join(part for each in advise(result) for part in (each.seen, each.cause, each.attempt))
    assert not set(text) & {"\x1b", "\u202e"}


def test_markup_is_passed_on_for_the_renderer_to_escape():
    assert NASTY in advice(failing(NASTY), rules=())[0]

from dataclasses import replace

import pytest

from loadproof.record import Recorder, RunRecord
from loadproof.report.advice import what_to_look_at
from loadproof.result import Doubt, GeneratorHealth, ScriptError
from results_factory import (
    PLAN,
    SERVICE_PLAN,
    arrive,
    capacity_result,
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

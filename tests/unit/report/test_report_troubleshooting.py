"""Every entry of the troubleshooting sections that Loadproof answers for: each is seen in a run, or before it."""

import socket

import pytest

from loadproof.cli.entry import _explain
from loadproof.errors import NotReadyError
from loadproof.plan import RequestSpec, Service
from loadproof.report.advice import advise
from loadproof.result import FailureSample, ScriptError
from loadproof.supervisor.readiness import check_service
from results_factory import SERVICE_PLAN, record_of, result_of, sample


def advice_of(slug, samples=(), **fields):
    """The one piece of advice of that name on a run."""
    (found,) = [each for each in advise(result_of(samples, **{"rules": ()} | fields)) if each.slug == slug]
    return found


def assert_says(text, *words):
    assert [word for word in words if word not in text] == []


def requests(kind, times, *, of=100, name="/read", method="GET"):
    status = int(kind[5:]) if kind.startswith("http_") else None
    good = [sample(name, method, end=i / of * 10, status=200) for i in range(of - times)]
    return good + [sample(name, method, end=i / times * 10, kind=kind, status=status) for i in range(times)]


# The performance framework


def service(**fields):
    values = {
        "name": "pkd_service",
        "base_url": "http://localhost:8088",
        "requests": (RequestSpec(path="/v1/crl"),),
        "start": "make run-pkd-service",
    }
    return Service(**values | fields)


def test_service_not_running_is_said_before_the_run_with_how_to_start_it(monkeypatch, capsys):
    def refuse(*_args, **_kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(NotReadyError) as caught:
        check_service(service())
    _explain(caught.value)
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == "❌ Service pkd_service is not running on port 8088"
    assert second.strip() == "try: start it: make run-pkd-service"


def test_high_error_rates_lead_to_logs_keys_and_database_connections():
    found = advice_of("high-error-rate", requests("http_418", 10), rules=["error_rate: warn >= 1%, fail >= 5%"])
    assert found.seen == "An error rate of 10% breaks its rule"
    assert_says(found.attempt, "service's logs for errors", "API keys and authentication", "database connections are")


def test_low_throughput_leads_to_cpu_memory_network_and_configuration():
    found = advice_of("low-throughput", requests("timeout", 1), rules=["throughput > 100/s"])
    assert_says(found.attempt, "CPU and memory", "network", "configuration")


def test_timeouts_lead_to_the_timeout_in_the_configuration_the_database_and_the_service():
    found = advice_of("timeouts", requests("timeout", 3), plan=SERVICE_PLAN)
    assert_says(found.attempt, "raise timeout in the service's configuration (services.pkd.timeout, now 30 s)")
    assert_says(found.attempt, "slow queries, database connections", "the service's load")


@pytest.mark.parametrize(
    "words",
    [
        ("missing indexes", "slow queries", "connection pools"),
        ("thread and worker pools", "memory", "caches"),
        ("scale out", "or up", "load balancer"),
    ],
    ids=["database optimization", "service configuration", "infrastructure"],
)
def test_slow_answers_lead_to_tuning_of_the(words):
    found = advice_of("slow-responses", [sample(took=3.0)] * 100, rules=["p95(response_time) < 1s"])
    assert_says(found.attempt, *words)


# The backend of events


def test_tests_that_fail_with_401_lead_to_seeding_and_to_users_that_are_verified():
    found = advice_of("unauthorized-everywhere", requests("http_401", 90))
    assert found.seen == "90 requests failed with http_401 (90% of all requests)"
    assert_says(found.attempt, "seed the test data", "verified", "database")


def test_a_log_in_of_the_set_up_that_is_refused_is_refused_everywhere():
    found = advice_of("unauthorized-everywhere", [sample("/login", "POST setup", kind="http_401", status=401)])
    assert_says(found.attempt, "seed the test data")


def test_some_401_lead_to_tokens_first():
    found = advice_of("unauthorized", requests("http_401", 10))
    assert_says(found.attempt, "tokens and their expiry", "verified")


def test_email_verification_that_times_out_leads_to_the_inbox_the_worker_and_the_time_to_wait():
    waits = [sample("email_verification_wait", "MAIL", kind="timeout")] * 3 + [
        sample("email_verification_wait", "MAIL")
    ]
    found = advice_of("mail", [*waits, sample()])
    assert found.seen == "MAIL email_verification_wait failed 3 of 4 times with timeout"
    assert_says(found.attempt, "Mailpit) runs at the URL", "Celery) runs", "raise the time that the suite waits")


def test_a_flow_that_times_out_leads_to_the_workers_behind_it():
    found = advice_of("flows", [sample("registration", "FLOW", kind="timeout"), sample()])
    assert_says(found.attempt, "workers and their queue", "logs", "raise the time that the suite waits")


@pytest.mark.parametrize(
    "evidence",
    [
        {"exceptions": (ScriptError("RSVPUser", "rsvp", "IndexError", "Cannot choose from an empty sequence", "", 9),)},
        {"exceptions": (ScriptError("RSVPUser", "rsvp", "LookupError", "No events found", "", 9),)},
        {"failures": (FailureSample("/events", "GET", "check_failed", "no published events found", 200, "[]", 1.0),)},
    ],
    ids=["empty sequence", "script says so", "check says so"],
)
def test_no_events_found_leads_to_the_seeding_and_the_database(evidence):
    found = advice_of("no-data", [sample()], **evidence)
    assert_says(found.attempt, "seeding was completed", "check in the database", "exists")


def test_connection_refused_leads_to_the_url_the_firewall_and_how_to_start_the_service():
    found = advice_of("connection-refused", requests("connection_refused", 100), plan=SERVICE_PLAN)
    assert_says(found.attempt, "runs (start it with: docker compose up pkd)", "URL", "firewalls and the network")


def test_services_that_do_not_start_lead_to_their_logs():
    for slug, kind in (
        ("connection-refused", "connection_refused"),
        ("bad-gateway", "http_502"),
        ("connection-reset", "connection_reset"),
    ):
        assert_says(advice_of(slug, requests(kind, 50)).attempt, "logs")


def starting(kind, seconds, *, run=60):
    """A run whose requests fail until so many seconds have passed."""
    status = int(kind[5:]) if kind.startswith("http_") else None
    return record_of(
        sample(end=second + 0.5, kind=kind, status=status) if second < seconds else sample(end=second + 0.5, status=200)
        for second in range(run)
        for _ in range(2)
    )


@pytest.mark.parametrize("kind", ["connection_refused", "http_503", "check_failed"])
def test_a_virus_scanner_that_takes_long_to_start_leads_to_its_health(kind):
    found = advice_of("slow-start", record=starting(kind, 8), measured_to=60.0)
    assert found.seen == f"All 16 failures with {kind} came in the first 8 s of the run"
    assert_says(found.cause, "still starting", "two minutes")
    assert_says(found.attempt, "healthy", "clamdscan --version", "docker compose ps", "--warmup")


@pytest.mark.parametrize("seconds", [2, 30, 60], ids=["too few", "too long", "all the time"])
def test_failures_that_are_few_or_last_are_none_of_a_start(seconds):
    found = advise(result_of(record=starting("http_503", seconds), measured_to=60.0, rules=()))
    assert [each.slug for each in found] == ["unavailable"]


def test_failures_in_the_middle_are_none_of_a_start():
    record = record_of(
        sample(end=second + 0.5, kind="http_503" if 10 < second < 15 else None) for second in range(60) for _ in "ab"
    )
    assert [each.slug for each in advise(result_of(record=record, measured_to=60.0, rules=()))] == ["unavailable"]


def test_database_connection_issues_lead_to_the_database_and_its_pooler():
    assert_says(advice_of("unavailable", requests("http_503", 5)).attempt, "pooler", "pg_isready")
    assert_says(advice_of("server-errors", requests("http_500", 5)).attempt, "database connections", "logs")


def test_leftovers_of_earlier_runs_lead_to_a_clean_reset():
    found = advice_of("conflicts", requests("http_409", 5))
    assert_says(found.cause, "earlier runs left behind")
    assert_says(found.attempt, "fresh data", "docker compose down -v")


# The managed service and its host


def test_a_trailing_slash_of_the_host_is_named_where_paths_are_not_found():
    assert_says(advice_of("not-found", requests("http_404", 5)).attempt, "trailing slash of the host")

"""The table of advice: what is known to go wrong, how it is seen, its likely cause, and what to try.

``docs/advice.md`` explains each row under its slug; a test keeps the two equal.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from loadproof.report import findings
from loadproof.report.evidence import Row
from loadproof.units import format_duration

if TYPE_CHECKING:
    from loadproof.report.evidence import Evidence


def _start_it(evidence: Evidence) -> str:
    start = (evidence.service or {}).get("start")
    how = f" (start it with: {start})" if start else ""
    return (
        f"check that the service runs{how} at the URL that the run was given, its port, its logs, and firewalls and "
        "the network between"
    )


def _timeout_setting(evidence: Evidence) -> str:
    service = evidence.service
    if service is None:
        return "the timeout that the suite sets"
    known = service.get("timeout")
    now = f", now {format_duration(known)}" if isinstance(known, int | float) else ""
    return f"timeout in the service's configuration (services.{service.get('name')}.timeout{now})"


def _mend_timeouts(evidence: Evidence) -> str:
    return (
        "look at slow queries, database connections and the service's load; where such times are right, raise "
        f"{_timeout_setting(evidence)}"
    )


def _mend_connect_timeouts(evidence: Evidence) -> str:
    return "check the address, firewalls and the service's accept backlog, or raise " + _timeout_setting(evidence)


def _more_samples(evidence: Evidence) -> str:
    more = "with more users" if evidence.arrivals is None else "at a higher rate"
    return f"run longer or {more}, or correct what the rule selects"


def _search_on(evidence: Evidence) -> str:
    """What would give a search the answer that a rule asks for."""
    search = evidence.result.search
    if search is None or search.outcome in ("interrupted", "found", "broke"):
        return "let it run to its end"
    if search.outcome == "generator_limited":
        return "make load in more processes (--processes)"
    if search.outcome == "unsettled":
        return "make levels longer, with --hold or --trial, so that each has more samples"
    return f"search higher, with {'--max-rate' if search.unit == 'per_second' else '--max-users'}"


def _let_finish(evidence: Evidence) -> str:
    # Profiles and searches end iterations by a time of their own.
    by_schedule = evidence.result.search is not None or evidence.result.plan.get("scenarios")
    return "look at why they take so long" if by_schedule else "let users finish with --stop-timeout"


def _what_changed(evidence: Evidence) -> str:
    comparison = evidence.result.comparison
    if comparison is None or not comparison.remarks:
        return "the service changed between the two, or what it runs on"
    remarks = "; ".join(remark.rstrip(".") for remark in comparison.remarks)
    return f"the service changed between the two, or one of these made the difference: {remarks}"


_LOGS = "look into the service's logs"
_ROWS_BY_KIND: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    (
        "connection-reset",
        ("connection_reset",),
        "the service or something before it cut connections",
        f"{_LOGS} for crashes and restarts, and at its limits on connections",
    ),
    (
        "connection-closed",
        ("connection_closed",),
        "the service closed connections without a whole answer",
        f"{_LOGS} for crashes, and compare its keep-alive timeout with the time between two requests of a user",
    ),
    (
        "unreachable",
        ("unreachable",),
        "no route leads to the address",
        "check the host, the network and the firewall",
    ),
    ("dns", ("dns",), "the host's name was not found", "check its spelling and the resolver"),
    (
        "tls",
        ("tls",),
        "the TLS handshake failed",
        "check the certificate, its authority (ca_file) and the host's name in it",
    ),
    (
        "redirects",
        ("too_many_redirects",),
        "redirects led in a circle",
        "check the base URL, its trailing slash, and redirects to a login",
    ),
    (
        "invalid-response",
        ("invalid_response",),
        "answers were no valid HTTP",
        "check that the port speaks HTTP and what proxies do to answers",
    ),
    (
        "invalid-request",
        ("invalid_request",),
        "requests could not be made",
        "check the headers and the URL that the suite sends",
    ),
    (
        "descriptors",
        ("out_of_descriptors",),
        "the load generator ran out of file descriptors",
        "raise its limit (ulimit -n)",
    ),
    (
        "ports",
        ("out_of_ports",),
        "the load generator ran out of local ports",
        "keep connections alive, or generate from more machines",
    ),
    ("exceptions-in-requests", ("exception",), "the script raised an exception in them", "read its traceback"),
    (
        "checks",
        ("check_failed",),
        "answers came, and a check of the suite did not accept them",
        "read the first samples and the check",
    ),
    (
        "bad-requests",
        ("http_400", "http_422"),
        "the service did not accept what the requests contain",
        "compare their bodies and headers with what it wants",
    ),
    ("forbidden", ("http_403",), "access was refused", "check API keys and the rights of the account"),
    (
        "not-found",
        ("http_404",),
        "paths were not found, or what they name does not exist",
        (
            "check them, the prefix under which the service is mounted, a trailing slash of the host, and that the "
            "test data is there"
        ),
    ),
    (
        "conflicts",
        ("http_409",),
        "requests were in conflict with one another, or with what earlier runs left behind",
        (
            "check that users do not share data, clean up or start from fresh data (docker compose down -v removes the "
            "volumes too); where conflicts are right, declare the status to be expected"
        ),
    ),
    (
        "rate-limited",
        ("http_429",),
        "the service limited the rate",
        "lower the load, raise the limit, or declare the status to be expected",
    ),
    (
        "bad-gateway",
        ("http_502",),
        "a proxy got no good answer from the service",
        f"{_LOGS} for crashes and restarts",
    ),
    (
        "unavailable",
        ("http_503",),
        "the service refused work",
        (
            f"{_LOGS}, at its database connections and at the size of its pools; check that the database, and a pooler "
            "before it, accept connections (pg_isready)"
        ),
    ),
    (
        "gateway-timeouts",
        ("http_504",),
        "a proxy gave up waiting",
        "look at slow queries and database connections, and at the proxy's timeout",
    ),
)
_KNOWN_KINDS = frozenset(
    {
        "timeout",
        "connect_timeout",
        "connection_refused",
        "http_401",
        *(kind for row in _ROWS_BY_KIND for kind in row[1]),
    }
)

_SERVICE_OR_LOAD = (
    "check CPU and memory of the service, the network between, and the configuration (users, waits, a limit on the "
    "rate; the service's threads, workers and pools)"
)

ROWS: tuple[Row, ...] = (
    Row(
        "no-answer",
        "run",
        findings.nothing_finished,
        "the service is slower than the run is long, or does not answer at all",
        "run longer, or check whether the service answers",
    ),
    Row(
        "nothing-sent",
        "run",
        findings.nothing_sent,
        "users found nothing to do, or nowhere to send it",
        "check the host, and that the users of the suite have tasks",
    ),
    Row(
        "script-errors",
        "script",
        findings.script_errors,
        "this says nothing of the service, and less load was made than planned",
        "read its traceback",
    ),
    Row(
        "no-data",
        "script",
        findings.no_data,
        "test data is missing, or was not created completely",
        "seed it, and check in the database that the seeding was completed and that what the script looks for exists",
    ),
    Row("generator", "generator", findings.generator_notes, "", ""),
    Row(
        "never-hit",
        "coverage",
        findings.never_ran,
        "nothing led users there: no data to go on with, a branch of the script that is never taken, or a name that "
        "is written differently",
        "read the script's conditions, check the test data and the names, or run longer",
    ),
    Row(
        "mix",
        "coverage",
        findings.improbable_mixes,
        "tasks were skipped or ended early, or the run is made of few long tasks",
        "look at errors of the script, interrupted tasks, and conditions at their beginning",
    ),
    Row(
        "high-error-rate",
        "errors",
        findings.high_error_rate,
        "the service refuses or fails under this load, or the suite may not use it",
        "check the service's logs for errors, API keys and authentication, and that its database connections are "
        "stable",
    ),
    Row(
        "unauthorized-everywhere",
        "errors",
        partial(findings.unauthorized, everywhere=True),
        "nobody can log in: the test data is not seeded, its users are not verified, or the suite has no valid "
        "credentials",
        "seed the test data, check in the database that its users exist and are verified, and check API keys and "
        "tokens",
    ),
    Row(
        "unauthorized",
        "errors",
        partial(findings.unauthorized, everywhere=False),
        "authentication was refused",
        "check API keys, tokens and their expiry, and that all users of the test data exist and are verified",
    ),
    Row("timeouts", "errors", findings.of_kinds("timeout"), "answers took too long", _mend_timeouts),
    Row(
        "connect-timeouts",
        "errors",
        findings.of_kinds("connect_timeout"),
        "no connection came about in time",
        _mend_connect_timeouts,
    ),
    Row(
        "connection-refused",
        "errors",
        findings.of_kinds("connection_refused"),
        "nothing listened at the address, or no longer",
        _start_it,
    ),
    *(Row(slug, "errors", findings.of_kinds(*kinds), cause, attempt) for slug, kinds, cause, attempt in _ROWS_BY_KIND),
    Row(
        "server-errors",
        "errors",
        partial(findings.other_statuses, known=_KNOWN_KINDS, of_the_service=True),
        "the service broke",
        f"{_LOGS}, and at its database connections",
    ),
    Row(
        "refusals",
        "errors",
        partial(findings.other_statuses, known=_KNOWN_KINDS, of_the_service=False),
        "the service refused the requests",
        "read the first samples, and check API keys, authentication and paths",
    ),
    Row(
        "other-errors",
        "errors",
        partial(findings.other_kinds, known=_KNOWN_KINDS),
        "this kind is the suite's own",
        "read the first samples",
    ),
    Row(
        "slow-start",
        "errors",
        findings.failures_of_the_start,
        "the service was still starting; some load data on their first start, as virus scanners do for two minutes or "
        "so",
        "wait until it says that it is healthy (docker compose ps; clamdscan --version), and look into its logs where "
        "it does not; or leave the start out with --warmup",
    ),
    Row(
        "mail",
        "errors",
        partial(findings.failed_spans, method="MAIL"),
        "mails were not sent, not delivered, or later than the suite waits",
        "check that the inbox (such as Mailpit) runs at the URL that the suite is given, that the worker that sends "
        "mails (such as Celery) runs and keeps up, and raise the time that the suite waits for them",
    ),
    Row(
        "flows",
        "errors",
        partial(findings.failed_spans, method="FLOW"),
        "what the service does later, in the background, failed or took longer than the suite waits",
        "check that its workers and their queue run and keep up, look into their logs, and raise the time that the "
        "suite waits",
    ),
    Row("more-errors", "errors", findings.less_frequent_kinds, "", ""),
    Row(
        "idle-users",
        "rules",
        findings.idle_users,
        "more load was possible",
        "check the configuration (more users, shorter waits, a limit on the rate) before the service",
    ),
    Row(
        "low-throughput",
        "rules",
        findings.busy_users,
        "the service, or something before it, is at its limit, or the load is too low",
        _SERVICE_OR_LOAD,
    ),
    Row(
        "low-rate",
        "rules",
        partial(findings.low_arrivals, kept_up=True),
        "more load was possible",
        "raise the rate, or lower what the rule wants",
    ),
    Row(
        "not-kept-up",
        "rules",
        partial(findings.low_arrivals, kept_up=False),
        "the service did not keep up, or users were short",
        "check CPU and memory of the service, the network between, its threads and pools, and --max-users",
    ),
    Row(
        "slow-responses",
        "rules",
        findings.slow_responses,
        "the service does too much for each request, or waits for something that is short",
        "look at slow queries and missing indexes, connection pools, thread and worker pools, memory and caches; then "
        "scale out or up, behind a load balancer",
    ),
    Row(
        "unjudged",
        "rules",
        partial(findings.unjudged, spoiled=False),
        "there is too little to judge them on",
        _more_samples,
    ),
    Row(
        "spoiled",
        "rules",
        partial(findings.unjudged, spoiled=True),
        "the load generator may have made what was measured",
        "see what is said of the load generator",
    ),
    Row("unanswered", "rules", findings.unanswered, "", _search_on),
    Row(
        "regressed",
        "comparison",
        findings.regressed,
        _what_changed,
        "look at what changed in the service, and repeat the run to be sure",
    ),
    Row(
        "not-comparable",
        "comparison",
        findings.not_comparable,
        "the runs vary more than the change that matters",
        "make more runs on each side, longer ones, or on a quieter machine",
    ),
    Row("unfinished", "losses", findings.unfinished, "", _let_finish),
    Row(
        "unrecorded",
        "losses",
        findings.unrecorded,
        "the script raised inside the request's with block",
        "read the errors of the script",
    ),
    Row("rows-dropped", "losses", findings.rows_dropped, "", "check the disk, or write fewer rows with --samples"),
)
"""The table; a row with the slug of an earlier one replaces it."""

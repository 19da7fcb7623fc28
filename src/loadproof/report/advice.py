"""What to look at first: sentences that follow from a result, with what was seen, the likely cause, what to check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from loadproof.report.figures import arrivals_of, endpoints_of, error_kinds_of, totals_of, users_mean_of
from loadproof.report.wording import plural, printable
from loadproof.result import Outcome
from loadproof.units import format_count, format_duration, format_rate, format_ratio

if TYPE_CHECKING:
    from loadproof.report.figures import ArrivalFigures, ErrorKind, Group
    from loadproof.result import RunResult

_KINDS_MAX = 5
_SLOWEST_MAX = 3
_BUSY = 0.5
"""Share of their time that users spend waiting for answers, below which more load was possible."""

_DONE = 0.99
"""Share of the offered iterations that must be finished, for the rate to be what was asked for."""

_GROUP_NOUNS: dict[Group, tuple[str, str]] = {
    "request": ("request", "requests"),
    "span": ("span", "spans"),
    "iteration": ("iteration", "iterations"),
    "setup": ("request of the set-up", "requests of the set-up"),
}

_LOGS = "look into the service's logs"
_BY_KIND = {
    "connection_reset": f"the service or something before it cut connections: {_LOGS} for crashes and restarts, and at "
    "its limits on connections",
    "connection_closed": f"the service closed connections without a whole answer: {_LOGS} for crashes, and compare its "
    "keep-alive timeout with the time between two requests of a user",
    "unreachable": "no route leads to the address: check the host, the network and the firewall",
    "dns": "the host's name was not found: check its spelling and the resolver",
    "tls": "the TLS handshake failed: check the certificate, its authority (ca_file) and the host's name in it",
    "too_many_redirects": "redirects led in a circle: check the base URL, its trailing slash, and redirects to a login",
    "invalid_response": "answers were no valid HTTP: check that the port speaks HTTP and what proxies do to answers",
    "invalid_request": "requests could not be made: check the headers and the URL that the suite sends",
    "out_of_descriptors": "the load generator ran out of file descriptors: raise its limit (ulimit -n)",
    "out_of_ports": "the load generator ran out of local ports: keep connections alive, or generate from more machines",
    "exception": "the script raised an exception in them: read its traceback",
    "check_failed": "answers came, and a check of the suite did not accept them: read the first samples and the check",
}
_BY_STATUS = {
    400: "the service did not accept the requests: compare their bodies and headers with what it wants",
    401: "authentication was refused: check API keys, tokens and their expiry",
    403: "access was refused: check API keys and the rights of the account",
    404: "paths were not found: check them, and the prefix under which the service is mounted",
    409: "requests were in conflict with one another: check that users do not share data; where conflicts are right, "
    "declare the status to be expected",
    422: "the service did not accept the requests' content: compare it with what it wants",
    429: "the service limited the rate: lower the load, raise the limit, or declare the status to be expected",
    502: f"a proxy got no good answer from the service: {_LOGS} for crashes and restarts",
    503: f"the service refused work: {_LOGS}, at its database connections and at the size of its pools",
    504: "a proxy gave up waiting: look at slow queries and database connections, and at the proxy's timeout",
}


def what_to_look_at(result: RunResult) -> list[str]:
    """Sentences for a person, most important first; empty where nothing calls for attention."""
    return [
        *_of_the_run(result),
        *_of_the_script(result),
        *_of_the_generator(result),
        *_of_errors(result),
        *_of_rules(result),
        *_of_missing_figures(result),
    ]


def _of_the_run(result: RunResult) -> list[str]:
    if result.record.samples:
        return []
    if result.unfinished:
        waiting = format_count(result.unfinished)
        said = f"Not one request was finished; {waiting} were still waiting for an answer when the run ended: "
        return [said + "run longer, or check whether the service answers at all."]
    return ["Not one request was sent and finished: check the host, and that the users of the suite have tasks."]


def _of_the_script(result: RunResult) -> list[str]:
    if not result.exceptions:
        return []
    worst = result.exceptions[0]
    where = f"{worst.user_class}.{worst.where}" if worst.user_class else worst.where
    often = f"{_times(result.exception_count)}, most often with {printable(worst.kind)} in {printable(where)}"
    meaning = "read its traceback; this says nothing of the service, and less load was made than planned"
    return [f"The script itself failed {often}: {meaning}."]


def _of_the_generator(result: RunResult) -> list[str]:
    return [printable(note) for note in result.health.notes]


def _of_errors(result: RunResult) -> list[str]:
    kinds = error_kinds_of(result)
    said = [_of_kind(kind, result.plan) for kind in kinds[:_KINDS_MAX]]
    rest = kinds[_KINDS_MAX:]
    if rest:
        failures = sum(kind.count for kind in rest)
        said.append(f"{plural(len(rest), 'other kind')} of errors made {plural(failures, 'more failure')}.")
    return said


def _of_kind(kind: ErrorKind, plan: Any) -> str:
    share = "" if kind.share is None else f" ({format_ratio(kind.share)} of all requests)"
    seen = f"{plural(kind.count, *_GROUP_NOUNS[kind.group])} failed with {printable(kind.kind)}{share}"
    return f"{seen}: {_cause(kind.kind, plan)}."


def _cause(kind: str, plan: Any) -> str:
    if kind in ("timeout", "connect_timeout"):
        return _cause_of_timeouts(kind, plan)
    if kind == "connection_refused":
        return _cause_of_refusal(plan)
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    match = re.fullmatch(r"http_([1-5][0-9][0-9])", kind)
    if match is None:
        return "read the first samples"
    status = int(match[1])
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return f"the service broke: {_LOGS}, and at its database connections"
    return "the service refused the requests: read the first samples, and check API keys, authentication and paths"


def _cause_of_timeouts(kind: str, plan: Any) -> str:
    service = _service(plan)
    if service is None:
        setting = "the timeout that the suite sets"
    else:
        known = service.get("timeout")
        now = f", now {format_duration(known)}" if isinstance(known, int | float) else ""
        setting = (
            f"timeout in the service's configuration (services.{printable(str(service.get('name')))}.timeout{now})"
        )
    if kind == "connect_timeout":
        return (
            "no connection came about in time: check the address, firewalls and the service's accept backlog, or raise "
            + setting
        )
    return (
        "answers took too long: look at slow queries, database connections and the service's load; where such times "
        f"are right, raise {setting}"
    )


def _cause_of_refusal(plan: Any) -> str:
    start = (_service(plan) or {}).get("start")
    how = f" (start it with: {printable(str(start))})" if start else ""
    return f"nothing listened at the address, or no longer: check that the service runs{how}, its port and its logs"


def _service(plan: Any) -> dict[str, Any] | None:
    """The service without code that the plan is about; None for a locustfile, or for a plan that is not known."""
    target = plan.get("target")
    return target if isinstance(target, dict) and "base_url" in target else None


def _of_rules(result: RunResult) -> list[str]:
    said = []
    broken = [verdict for verdict in result.verdicts if verdict.outcome in (Outcome.FAIL, Outcome.WARN)]
    if any(verdict.unit == "/s" for verdict in broken):
        said.append(_low_throughput(result))
    if any(verdict.unit == "s" for verdict in broken):
        said.append(_slow(result))
    return said + (_of_unsettled(result) if result.record.samples else [])


def _low_throughput(result: RunResult) -> str:
    figures, users, arrivals = totals_of(result), users_mean_of(result), arrivals_of(result)
    rate = "unknown" if figures.rate is None else format_rate(figures.rate)
    said = f"Throughput ({rate}) breaks its rule: "
    if arrivals is not None:
        return said + _of_low_arrivals(arrivals)
    mean = figures.every.mean
    # Little's law: the mean number of requests in flight is the rate times the mean response time.
    busy = figures.rate * mean / users if figures.rate is not None and mean is not None and users else None
    if busy is not None and busy < _BUSY:
        return (
            f"{said}users waited for answers only {format_ratio(busy, 2)} of their time, so that more load was "
            "possible; check the configuration (more users, shorter waits, a limit on the rate) before the service."
        )
    return (
        f"{said}check CPU and memory of the service, the network between, and the configuration (users, waits, a limit "
        "on the rate; the service's threads, workers and pools)."
    )


def _of_low_arrivals(arrivals: ArrivalFigures) -> str:
    """In an open model the schedule sets the rate; only what it offered and nobody finished is the service's fault."""
    offered, finished = (
        "unknown" if rate is None else format_rate(rate)
        for rate in (arrivals.rate(arrivals.offered), arrivals.rate(arrivals.finished))
    )
    if arrivals.finished >= _DONE * arrivals.offered:
        return (
            f"iterations were offered at {offered}, and nearly all were finished, so that more load was possible; "
            "raise the rate, or lower what the rule wants."
        )
    return (
        f"iterations were offered at {offered} and finished at {finished}; check whether the service keeps up (its "
        "CPU, memory, threads and pools), and whether users were short (--max-users)."
    )


def _slow(result: RunResult) -> str:
    timed = [
        (endpoint.figures.good.quantile(0.95) or 0.0, endpoint)
        for endpoint in endpoints_of(result)
        if endpoint.figures.good.count and endpoint.group == "request"
    ]
    slowest = sorted(timed, key=lambda item: -item[0])[:_SLOWEST_MAX]
    listed = ", ".join(
        f"{printable(e.method)} {_short(printable(e.name))} (p95 {format_duration(p95)})" for p95, e in slowest
    )
    named = f" Slowest: {listed}." if listed else ""
    return (
        f"Response times break a rule.{named} Look at slow queries and missing indexes, connection pools, thread "
        "pools, memory and caches; then scale up or out."
    )


def _of_unsettled(result: RunResult) -> list[str]:
    unsettled = [verdict for verdict in result.verdicts if verdict.outcome is Outcome.INCONCLUSIVE]
    if not unsettled:
        return []
    if result.search is not None:
        rules = "; ".join(printable(verdict.rule) for verdict in unsettled)
        return [f"Could not be judged: {rules}, as the search found no answer to it. {_how_to_answer(result)}"]
    rules = "; ".join(f"{printable(verdict.rule)} ({printable(verdict.reason)})" for verdict in unsettled)
    spoiled = {doubt.reason for doubt in result.health.doubts}
    if all(any(reason in verdict.reason for reason in spoiled) for verdict in unsettled):
        return [f"Could not be judged: {rules}. See what is said of the load generator."]
    more = "with more users" if arrivals_of(result) is None else "at a higher rate"
    return [f"Could not be judged: {rules}. Run longer or {more}, or correct what the rule selects."]


def _how_to_answer(result: RunResult) -> str:
    """What would give a search the answer that a rule asks for."""
    search = result.search
    if search is None or search.outcome in ("interrupted", "found", "broke"):
        return "Let it run to its end."
    if search.outcome == "generator_limited":
        return "Make load in more processes (--processes)."
    if search.outcome == "unsettled":
        return "Make levels longer, with --hold or --trial, so that each has more samples."
    return "Search higher, with --max-rate." if search.unit == "per_second" else "Search higher, with --max-users."


def _of_missing_figures(result: RunResult) -> list[str]:
    said = []
    if result.unfinished and result.record.samples:
        # Profiles and searches end iterations by a time of their own.
        by_schedule = result.search is not None or result.plan.get("scenarios")
        how = "look at why they take so long" if by_schedule else "let users finish with --stop-timeout"
        said.append(
            f"{plural(result.unfinished, 'request')} had no answer when the run ended, and no figure holds them: {how}."
        )
    if result.unrecorded:
        said.append(
            f"{plural(result.unrecorded, 'answer')} went uncounted because the script raised inside the request's "
            "with block."
        )
    if result.rows_dropped:
        said.append(
            f"results.csv lacks {plural(result.rows_dropped, 'row')}; the figures are whole. Check the disk, or write "
            "fewer rows with --samples."
        )
    return said


def _times(count: int) -> str:
    return "once" if count == 1 else f"{format_count(count)} times"


def _short(name: str, width: int = 60) -> str:
    return name if len(name) <= width else f"{name[: width // 2]}…{name[-(width // 2 - 1) :]}"

"""One run, told by everything that tells of it: no two of them disagree.

Rows of ``results.csv`` are what happened; all else is held against them. Counts are equal. Times and rates are as near
as whoever shows them says: percentiles are nearest rank within 0.1 %, text has three digits, Locust rounds to its
buckets, Prometheus counts into its own.
"""

from __future__ import annotations

import csv
import json
import math
import re
import socket
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser

import pytest
from prometheus_client.parser import text_string_to_metric_families
from service import Service

from commandline import Ended, end, start, wait_for
from loadproof.record import merged
from loadproof.result import RunResult
from loadproof.units import format_count, format_duration, format_rate, format_ratio

pytestmark = pytest.mark.long

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task(8)
    def read(self):
        self.client.get("/ok")

    @task(3)
    def create(self):
        self.client.post("/echo", data="x" * 200, name="create, <with> a comma")

    @task(2)
    def fails(self):
        self.client.get("/status/503", name="fails")

    @task
    def refused(self):
        with self.client.get("/ok", name="checked", catch_response=True) as answer:
            answer.failure("not as it should be")

    @task
    def missing(self):
        with self.client.get(
            "/status/404", name="missing", catch_response=True, context={"outcome": "expected"}
        ) as answer:
            answer.success()

    @task
    def slow(self):
        self.client.get("/slow/400", name="times out", timeout=0.15)

    @task
    def takes_a_while(self):
        self.client.get("/slow/40", name="a while")

    @task
    def breaks(self):
        raise ValueError("as planned")
"""

PERCENTILE_ERROR = 0.001
"""Of our own percentiles."""

TEXT_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


@dataclass
class Told:
    """What everybody says of one run."""

    ended: Ended
    rows: list[dict[str, str]]
    metrics: dict
    result: RunResult
    report: Report
    locust: dict
    tables: dict[str, list[dict[str, str]]]
    scrape: dict[tuple, float]
    page: dict

    @property
    def measured(self):
        """Rows of the measured part: what the report, the summary and metrics.json are about."""
        return [row for row in self.rows if row["phase"] == "main"]


class Report(HTMLParser):
    """The tables of a report as a reader sees them, and the data of its charts."""

    def __init__(self, text):
        super().__init__()
        self.tables = []
        self.data = None
        self._cell = None
        self._script = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = []
        elif tag == "br" and self._cell is not None:
            self._cell.append(" ")
        elif tag == "script":
            self._script = dict(attrs).get("type")

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
        elif tag == "script":
            self._script = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell.append(data)
        if self._script == "application/json":
            self.data = json.loads(data)

    def table(self, *head):
        """The rows below the table's heads, which begin with these; the first of several."""
        return next(table[1:] for table in self.tables if table[0][: len(head)] == list(head))

    def tile(self, label):
        return next(row[1] for table in self.tables for row in table if len(row) == 2 and row[0] == label)

    def plot(self, name):
        """The series of the first chart that has one of that name."""
        return next(plot for plot in self.data["plots"] if name in [series[0] for series in plot["s"]])


@pytest.fixture(scope="module", params=["one process", "two workers and a warm-up"])
def told(request, tmp_path_factory):
    cwd = tmp_path_factory.mktemp("run")
    (cwd / "locustfile.py").write_text(SUITE)
    web, metrics = free_port(), free_port()
    more = [] if request.param == "one process" else ["--processes", "2", "--warmup", "2s"]
    service = Service()
    process = start(
        cwd, "run", "--ui", "--autostart", "--autoquit", "6", "-u", "6", "-r", "6", "-t", "6s", "-H", service.url,
        "--web-port", str(web), "--metrics-port", str(metrics), "--metrics-grace", "60s", "--csv", "locust",
        "--threshold", "p95(response_time) < 10s", "--threshold", "requests > 100000", *more,
    )  # fmt: skip
    url = f"http://127.0.0.1:{web}"
    try:
        wait_for(lambda: listens(web), 60)
        wait_for(lambda: fetched(f"{url}/loadproof/view")["runs"], 60)
        page = fetched(f"{url}/loadproof/view")["view"]
        wait_for(lambda: fetched(f"{url}/stats/requests")["state"] == "stopped", 30)
        locust = fetched(f"{url}/stats/requests")
        wait_for(lambda: not listens(web), 60)
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as answer:
            scraped = answer.read().decode()
    finally:
        ended = end(process, cwd)
        service.close()
    assert ended.code == 99, ended.out + ended.err
    return Told(
        ended=ended,
        rows=ended.rows,
        metrics=ended.metrics,
        result=RunResult.load(ended.directory),
        report=Report((ended.directory / "report.html").read_text()),
        locust=locust,
        tables={name: table(cwd / f"locust_{name}.csv") for name in ("stats", "failures", "exceptions")},
        scrape={
            (each.name.removeprefix("perf_test_"), *sorted(each.labels.items())): each.value
            for family in text_string_to_metric_families(scraped)
            for each in family.samples
        },
        page=page,
    )


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fetched(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# What the rows say


def failed(row):
    return row["success"] == "false"


def kind_of(row):
    return row["error_message"].partition(": ")[0]


def seconds(rows, column="response_time"):
    return sorted(float(row[column]) for row in rows if row[column])


def good(rows):
    return [row for row in rows if row["success"] == "true" and row["error_message"] != "expected"]


def nearest_rank(values, quantile):
    return values[math.ceil(quantile * len(values)) - 1]


def by_endpoint(rows):
    found = defaultdict(list)
    for row in rows:
        found[row["endpoint"], row["method"]].append(row)
    return found


def counts(rows):
    """Requests and failures of each endpoint."""
    return {key: (len(rows), sum(map(failed, rows))) for key, rows in by_endpoint(rows).items()}


def number(text):
    return int(text.replace(",", ""))


def scraped(told, name, *labels):
    """Values of a metric added up by some of its labels."""
    found = Counter()
    for (each, *pairs), value in told.scrape.items():
        if each == name:
            found[tuple(dict(pairs)[label] for label in labels)] += value
    return found


def test_there_is_something_of_everything_to_compare(told):
    assert len(told.measured) > 100
    assert {kind_of(row) for row in told.measured if failed(row)} == {"http_503", "check_failed", "timeout"}
    assert {row["clock"] for row in told.measured} == {"kernel", "user"}
    assert any(row["error_message"] == "expected" for row in told.measured)
    assert told.metrics["exceptions"] > 0
    if told.metrics["workers"] == 2:
        assert len(told.rows) > len(told.measured) + 20, "a warm-up"


def test_all_count_the_same_requests(told):
    rows, metrics = told.measured, told.metrics
    failures = sum(map(failed, rows))
    expected = sum(row["error_message"] == "expected" for row in rows)
    assert metrics["total_requests"] == len(rows)
    assert metrics["failed_requests"] == failures
    assert metrics["expected_requests"] == expected
    assert metrics["successful_requests"] == len(rows) - failures
    totals = told.result.record.totals()
    assert {outcome: tally.count for outcome, tally in totals.items()} == {
        "success": len(rows) - failures - expected, "expected": expected, "failure": failures,
    }  # fmt: skip
    said = re.search(
        r"([\d,]+) requests: ([\d,]+) successful, ([\d,]+) expected errors?, ([\d,]+) failed", told.ended.out
    )
    shown = [number(text) for text in said.groups()]
    assert shown == [len(rows), len(rows) - failures - expected, expected, failures]
    tiles = ("Requests finished", "Successful", "Expected errors", "Failed")
    assert [number(told.report.tile(label)) for label in tiles] == shown
    assert dict(figure[:2] for figure in told.page["totals"])["Requests"] == format_count(len(rows))


def test_all_count_the_same_requests_of_the_whole_run(told):
    failures = sum(map(failed, told.rows))
    total = told.locust["stats"][-1]
    assert (total["num_requests"], total["num_failures"]) == (len(told.rows), failures)
    assert told.locust["fail_ratio"] == pytest.approx(failures / len(told.rows))
    last = told.tables["stats"][-1]
    assert (last["Name"], int(last["Request Count"]), int(last["Failure Count"])) == (
        "Aggregated", len(told.rows), failures,
    )  # fmt: skip
    assert scraped(told, "requests_total")[()] == len(told.rows)
    assert scraped(told, "request_duration_seconds_count")[()] == len(told.rows)
    assert scraped(told, "errors_total")[()] == failures


def test_all_count_the_same_of_each_endpoint(told):
    measured, whole = counts(told.measured), counts(told.rows)
    assert {
        (each["name"], each["method"]): (each["requests"], each["failures"])
        for each in told.metrics["endpoints"]
        if each["in_totals"]
    } == measured
    columns = told.report.table("Method", "Name")
    assert {(row[1], row[0]): (number(row[2]), number(row[3])) for row in columns if row[0]} == measured
    lines = re.findall(r"^  (GET|POST) +(.+?)  +([\d,]+) +([\d,]+)  ", told.ended.out, re.MULTILINE)
    assert {(name, method): (number(n), number(bad)) for method, name, n, bad in lines} == measured
    assert {
        (each["name"], each["method"]): (number(each["requests"]), number(each["failed"]))
        for each in told.page["endpoints"]
    } == measured
    assert {
        (each["name"], each["method"]): (each["num_requests"], each["num_failures"])
        for each in told.locust["stats"][:-1]
    } == whole
    assert {
        (row["Name"], row["Type"]): (int(row["Request Count"]), int(row["Failure Count"]))
        for row in told.tables["stats"][:-1]
    } == whole
    requests = scraped(told, "requests_total", "endpoint", "method")
    failures = scraped(told, "errors_total", "endpoint")
    assert {key: (n, failures[key[:1]]) for key, n in requests.items()} == whole


def test_all_count_the_same_kinds_of_errors(told):
    kinds = Counter(kind_of(row) for row in told.measured if failed(row))
    assert told.metrics["error_types"] == kinds
    failures = [tally.kinds for outcome, tally in told.result.record.totals().items() if outcome == "failure"]
    assert sum((Counter(each) for each in failures), Counter()) == kinds
    assert {row[0]: number(row[1]) for row in told.report.table("Kind")} == kinds
    said = told.ended.out.partition("Errors by kind")[2]
    assert {kind: number(re.search(rf"^  {kind} +([\d,]+) ", said, re.MULTILINE)[1]) for kind in kinds} == kinds
    assert Counter({each["kind"]: number(each["count"]) for each in told.page["errors"]}) == kinds
    whole = Counter((row["endpoint"], kind_of(row)) for row in told.rows if failed(row))
    assert scraped(told, "errors_total", "endpoint", "error_type") == whole
    places = Counter((row["method"], row["endpoint"]) for row in told.rows if failed(row))
    assert Counter({(each["method"], each["name"]): each["occurrences"] for each in told.locust["errors"]}) == places
    assert Counter({(row["Method"], row["Name"]): int(row["Occurrences"]) for row in told.tables["failures"]}) == places


def test_all_count_the_same_statuses_and_exceptions(told):
    statuses = Counter(row["status_code"] for row in told.measured if row["status_code"])
    assert told.metrics["statuses"] == statuses
    shown = {row[0]: sum(number(text) for text in row[1:4]) for row in told.report.table("Status")}
    assert shown == statuses
    whole = Counter(row["status_code"] or "none" for row in told.rows)
    assert scraped(told, "requests_total", "status") == {(status,): n for status, n in whole.items()}
    exceptions = told.metrics["exceptions"]
    assert sum(error.count for error in told.result.exceptions) == exceptions
    assert told.scrape["exceptions_total",] == exceptions
    assert sum(int(row["Count"]) for row in told.tables["exceptions"]) == exceptions
    assert told.scrape["unfinished_requests_total",] == told.metrics["unfinished"] == told.result.unfinished
    assert number(told.report.tile("Unfinished")) == told.metrics["unfinished"]


def test_the_times_of_metrics_json_are_those_of_the_rows(told):
    for figures, rows in (
        (told.metrics, told.measured),
        (told.metrics["successful"], good(told.measured)),
        *(
            (each, by_endpoint(told.measured)[each["name"], each["method"]])
            for each in told.metrics["endpoints"]
            if each["in_totals"]
        ),
    ):
        values = seconds(rows)
        assert figures["min_response_time"] == pytest.approx(values[0], abs=1e-9)
        assert figures["max_response_time"] == pytest.approx(values[-1], abs=1e-9)
        assert figures["average_response_time"] == pytest.approx(sum(values) / len(values), rel=1e-6)
        for key, quantile in (("median", 0.5), ("p95", 0.95), ("p99", 0.99)):
            exact = nearest_rank(values, quantile)
            assert figures[f"{key}_response_time"] == pytest.approx(exact, rel=PERCENTILE_ERROR)
    service = seconds(told.measured, "service_time")
    assert told.metrics["service_time"]["p95_s"] == pytest.approx(nearest_rank(service, 0.95), rel=PERCENTILE_ERROR)


def test_the_times_of_run_json_are_those_of_metrics_json(told):
    every = merged(told.result.record.totals()).response
    assert every.mean == pytest.approx(told.metrics["average_response_time"], rel=1e-12)
    for key, quantile in (("median", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert every.quantile(quantile) == told.metrics[f"{key}_response_time"]


def test_people_read_the_same_times_in_the_report_the_summary_and_the_page(told):
    for label, rows in (("Successful", good(told.measured)), ("All", told.measured)):
        values = seconds(rows)
        head, *_ = [table for table in told.report.tables if table[0][:2] == ["Requests", "Samples"]]
        shown = dict(zip(head[0], next(row for row in head[1:] if row[0] == label), strict=True))
        (line,) = re.findall(rf"^  {label.lower()} +(.+)$", told.ended.out.partition("Totals")[2], re.MULTILINE)[:1]
        words = dict(zip(("Min", "Avg", "p50", "p95", "p99", "p99.9", "Max"), re.split(r"  +", line), strict=True))
        assert number(shown["Samples"]) == len(values)
        assert {key: shown[key] for key in words} == words
        assert words["Min"] == format_duration(values[0])
        assert words["Max"] == format_duration(values[-1])
        assert words["Avg"] == format_duration(sum(values) / len(values))
        for name, quantile in TEXT_QUANTILES.items():
            assert told_seconds(words[name]) == pytest.approx(nearest_rank(values, quantile), rel=0.006)
    page = dict(figure[:2] for figure in told.page["totals"])
    successful = dict(zip(head[0], next(row for row in head[1:] if row[0] == "Successful"), strict=True))
    assert {name: page[name] for name in ("p50", "p95", "p99")} == {
        name: successful[name] for name in ("p50", "p95", "p99")
    }
    shown = {(row[1], row[0]): row for row in told.report.table("Method", "Name")}
    heads = next(table[0] for table in told.report.tables if table[0][:2] == ["Method", "Name"])
    for each in told.page["endpoints"]:
        row = dict(zip(heads, shown[each["name"], each["method"]], strict=True))
        quantiles = dict(zip(told.page["quantiles"], each["response"], strict=True))
        assert {name: quantiles[name] for name in ("p50", "p95", "p99")} == {
            name: row[name] for name in ("p50", "p95", "p99")
        }


def told_seconds(text):
    """What a duration in words says: three digits, so that half of the last one may be missing."""
    value, unit = text.removeprefix("~").split()
    return float(value) * {"ms": 1e-3, "s": 1.0}[unit]


def test_the_charts_of_the_report_hold_the_same_requests(told):
    times = seconds(told.measured)
    (spectrum,) = [plot for plot in told.report.data["plots"] if plot["x"][0] == "percentile"]
    assert spectrum["x"][2] == len(times), "its axis ends with the slowest request"
    spread = told.report.data["plots"][-1]
    assert sum(n or 0 for series in spread["s"] for n in series[3]) == len(times)
    if told.metrics["measured_from_s"] == 0:
        ended = Counter(math.floor(ended_at(told, row)) for row in told.rows)
        rates = dict(
            zip(told.report.plot("all requests")["p"], told.report.plot("all requests")["s"][0][3], strict=True)
        )
        for second in range(1, 5):  # the first and the last may not be whole
            assert rates[second + 0.5] == pytest.approx(ended[second], abs=2)  # rows say the time to the microsecond


def ended_at(told, row):
    """Seconds since the run's start."""
    sent = datetime.fromisoformat(row["timestamp"]) - datetime.fromisoformat(told.metrics["timestamp"])
    return sent.total_seconds() + float(row["response_time"])


def test_locust_has_the_same_times_as_far_as_its_buckets_go(told):
    whole = by_endpoint(told.rows)
    table = {(row["Name"], row["Type"]): row for row in told.tables["stats"]}
    for each in told.locust["stats"]:
        key = each["name"], each["method"] or ""
        rows = told.rows if each is told.locust["stats"][-1] else whole[key]
        times = [1000 * value for value in seconds(rows, "service_time")]
        mean = sum(times) / len(times)
        assert each["avg_response_time"] == pytest.approx(mean, rel=1e-6)
        line = table["Aggregated", ""] if each is told.locust["stats"][-1] else table[key]
        assert float(line["Average Response Time"]) == pytest.approx(mean, rel=1e-6)
        assert float(line["Min Response Time"]) == pytest.approx(times[0], rel=1e-6)
        assert float(line["Max Response Time"]) == pytest.approx(times[-1], rel=1e-6)
        for shown, quantile in (
            (each["response_time_percentile_0.95"], 0.95),
            (float(line["50%"]), 0.5),
            (float(line["95%"]), 0.95),
            (float(line["99%"]), 0.99),
        ):
            assert shown == pytest.approx(locust_rank(times, quantile), abs=bucket(shown))


def locust_rank(times, quantile):
    """Locust takes the next one where the rank is a whole number."""
    return times[min(int(quantile * len(times)), len(times) - 1)]


def bucket(milliseconds):
    """What Locust rounds to, and a tenth of a percent of ours: 1 ms to 100 ms, 10 ms to a second."""
    return (0.5 if milliseconds < 100 else 5 if milliseconds < 1000 else 50) + 0.002 * milliseconds


def test_prometheus_has_the_same_times_as_far_as_its_buckets_go(told):
    sums = scraped(told, "request_duration_seconds_sum", "endpoint", "method")
    for key, rows in by_endpoint(told.rows).items():
        times = seconds(rows)
        assert sums[key] == pytest.approx(sum(times), rel=PERCENTILE_ERROR)
        buckets = {
            float(dict(labels)["le"]): value
            for (name, *labels), value in told.scrape.items()
            if name == "request_duration_seconds_bucket" and (dict(labels)["endpoint"], dict(labels)["method"]) == key
        }
        assert buckets[math.inf] == len(times)
        for bound, n in buckets.items():
            least = sum(value <= bound * (1 - PERCENTILE_ERROR) for value in times)
            most = sum(value <= bound * (1 + PERCENTILE_ERROR) for value in times)
            assert least <= n <= most, (key, bound)


def test_rates_are_counts_over_the_same_time(told):
    metrics = told.metrics
    measured = metrics["measured_to_s"] - metrics["measured_from_s"]
    assert metrics["total_duration"] == pytest.approx(measured)
    rate = len(told.measured) / measured
    assert metrics["requests_per_second"] == pytest.approx(rate)
    assert told.report.tile("Throughput") == format_rate(rate)
    assert dict(figure[:2] for figure in told.page["totals"])["Rate"] == format_rate(rate)
    assert re.search(r"failed \(([\d.]+%)\); (\S+/s)", told.ended.out)[2] == format_rate(rate)
    share = metrics["failed_requests"] / metrics["total_requests"]
    assert metrics["error_rate"] == round(100 * share, 4)
    assert told.report.tile("Error rate") == format_ratio(share)
    assert re.search(r"failed \(([\d.]+%)\);", told.ended.out)[1] == format_ratio(share)
    for each in metrics["endpoints"]:
        assert each["requests_per_second"] == pytest.approx(each["requests"] / measured)
    # Locust's own are over the time to its last request, and its clock begins before users do.
    last = max(ended_at(told, row) for row in told.rows)
    total = told.locust["stats"][-1]
    assert total["total_rps"] == pytest.approx(len(told.rows) / last, rel=0.03)
    assert float(told.tables["stats"][-1]["Requests/s"]) == pytest.approx(total["total_rps"], rel=1e-6)


def test_rules_come_to_the_same_wherever_they_are_shown(told):
    verdicts = {verdict.rule: str(verdict.outcome) for verdict in told.result.verdicts}
    assert verdicts["requests > 100000"] == "FAIL"
    assert verdicts["p95(response_time) < 10s"] in ("PASS", "INCONCLUSIVE"), "as the machine has time for it"
    assert {each["rule"]: each["outcome"] for each in told.metrics["thresholds"]} == verdicts
    assert {rule["rule"]: rule["outcome"] for rule in told.page["rules"]} == verdicts
    shown = told.report.table("Outcome", "Rule")
    assert {row[1].partition(" set by ")[0]: row[0].split()[-1] for row in shown} == verdicts
    for rule, outcome in verdicts.items():
        assert re.search(rf"{outcome} +{re.escape(rule)} ", told.ended.out), rule
    held = {"PASS": 1.0, "WARN": 1.0, "FAIL": 0.0, "INCONCLUSIVE": math.nan}
    found = {dict(labels)["rule"]: n for (name, *labels), n in told.scrape.items() if name == "threshold_ok"}
    assert found == pytest.approx({rule: held[outcome] for rule, outcome in verdicts.items()}, nan_ok=True)
    assert told.metrics["verdict"] == str(told.result.outcome) == told.page["state"] == "FAIL"
    assert told.metrics["run_id"] == told.result.run_id == told.page["run"]

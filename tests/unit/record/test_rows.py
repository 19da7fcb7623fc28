import csv
import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.record import Recorder, RunRecord, Sample, merged
from loadproof.record.rows import HEADER, RowFormatter, read_rows, rebuild

EPOCH = 1_770_000_000.25

GOOD = Sample("/a", "GET", 1.0, 1.0, 1.5, status=200, bytes_received=512, user_class="Buyer", clock="kernel")
EXPECTED = GOOD._replace(status=409, outcome="expected")
FAILED = GOOD._replace(status=503, outcome="failure", kind="http_503", message="Service Unavailable")
UNANSWERED = GOOD._replace(status=None, outcome="failure", kind="timeout", message="no answer in 30 s", clock="user")


def rows_of(*samples, worker="local"):
    return RowFormatter(EPOCH, worker).format(samples).decode()


def cells_of(sample, worker="local"):
    """The cells as any reader of CSV sees them."""
    (row,) = csv.DictReader(io.StringIO(HEADER + "\r\n" + rows_of(sample, worker=worker), newline=""))
    return row


def written(tmp_path, *samples, tail=b"", header=True):
    path = tmp_path / "results.csv"
    head = (HEADER + "\r\n").encode() if header else b""
    path.write_bytes(head + RowFormatter(EPOCH, "local").format(samples) + tail)
    return path


def read_back(tmp_path, *samples, **rest):
    return list(read_rows(written(tmp_path, *samples, **rest), epoch=EPOCH))


def record_of(samples):
    recorder, record = Recorder("local"), RunRecord()
    for sample in samples:
        recorder.record(sample)
    record.merge(recorder.interval({}))
    return record


def test_the_header_begins_with_the_eight_columns_that_every_reader_knows():
    assert HEADER == (
        "timestamp,endpoint,method,status_code,response_time,success,error_message,response_size,"
        "service_time,clock,user_class,worker,phase"
    )


def test_a_row_says_when_it_was_sent_and_what_came_of_it():
    assert rows_of(GOOD) == (
        "2026-02-02T02:40:01.250000+00:00,/a,GET,200,0.500000000,true,,512,0.500000000,kernel,Buyer,local,main\r\n"
    )


def test_no_samples_are_no_bytes():
    assert RowFormatter(EPOCH, "local").format([]) == b""


def test_a_failure_names_its_kind_before_its_text():
    row = cells_of(FAILED)
    assert (row["success"], row["status_code"], row["error_message"]) == (
        "false",
        "503",
        "http_503: Service Unavailable",
    )


def test_a_request_without_an_answer_has_an_empty_status():
    row = cells_of(UNANSWERED)
    assert (row["status_code"], row["error_message"]) == ("", "timeout: no answer in 30 s")


def test_an_expected_answer_is_a_success_that_says_so():
    row = cells_of(EXPECTED)
    assert (row["success"], row["status_code"], row["error_message"]) == ("true", "409", "expected")


def test_service_time_is_written_beside_the_response_time():
    late = Sample("/a", "GET", 1.0, 1.75, 2.0, connect_time=0.125, tls_time=0.0625)
    row = cells_of(late)
    assert (row["response_time"], row["service_time"]) == ("1.000000000", "0.437500000")


def test_a_duration_below_zero_is_written_as_zero_as_it_is_counted():
    stepped = Sample("/a", "GET", 1.0, 1.0, 0.5, connect_time=0.25)
    row = cells_of(stepped)
    assert (row["response_time"], row["service_time"]) == ("0.000000000", "0.000000000")


@pytest.mark.parametrize(
    ("sent", "stamp"),
    [
        (-0.25, "2026-02-02T02:40:00.000000+00:00"),
        (0.0, "2026-02-02T02:40:00.250000+00:00"),
        (0.7499999, "2026-02-02T02:40:01.000000+00:00"),
        (0.750001, "2026-02-02T02:40:01.000001+00:00"),
        (86_399.75, "2026-02-03T02:40:00.000000+00:00"),
    ],
)
def test_a_timestamp_has_six_places_on_both_sides_of_a_whole_second(sent, stamp):
    assert cells_of(GOOD._replace(sent_at=sent, intended_at=sent, ended_at=sent + 1))["timestamp"] == stamp


def test_rows_keep_their_order_also_when_time_goes_back():
    sent = [5.0, 1.0, 5.5, 1.5]
    stamps = [row.split(",")[0] for row in rows_of(*(GOOD._replace(sent_at=at) for at in sent)).splitlines()]
    assert [stamp[17:21] for stamp in stamps] == ["05.2", "01.2", "05.7", "01.7"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_a_formula(start):
    text = f"{start}cmd|' /C calc'!A0"
    sample = GOOD._replace(name=text, method=text, user_class=text, outcome="failure", kind=text, message=text)
    row = cells_of(sample, worker=text)
    for column in ("endpoint", "method", "error_message", "user_class", "worker"):
        assert row[column].startswith(f"'{start}")


def test_a_line_break_before_a_formula_does_not_hide_it():
    assert cells_of(GOOD._replace(name="\r=1+2"))["endpoint"] == " =1+2"


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\v", "\f"])
def test_a_row_is_one_line_whatever_its_cells_hold(line_break):
    text = f"a{line_break}b"
    row = rows_of(GOOD._replace(name=text, outcome="failure", kind="timeout", message=text))
    assert len(row.splitlines()) == 1
    assert row.endswith("\r\n")


def test_cells_are_quoted_only_where_they_must_be():
    assert ',"/a,b",' in rows_of(GOOD._replace(name="/a,b"))
    assert ',"say ""hi""",' in rows_of(GOOD._replace(name='say "hi"'))
    assert ",/a b;c'd,GET," in rows_of(GOOD._replace(name="/a b;c'd"))


def test_what_utf_8_cannot_hold_becomes_a_question_mark():
    assert cells_of(GOOD._replace(name="/\ud800"))["endpoint"] == "/?"


def test_a_cell_has_at_most_500_characters():
    assert cells_of(GOOD._replace(name="x" * 10_000))["endpoint"] == "x" * 500


@pytest.mark.parametrize(
    "sample",
    [
        GOOD,
        EXPECTED,
        FAILED,
        UNANSWERED,
        FAILED._replace(message=None),
        FAILED._replace(message=""),
        FAILED._replace(kind="expected", message=None),
        FAILED._replace(message="a: b: c"),
        FAILED._replace(kind="=formula", message="="),
        GOOD._replace(phase="setup", method="POST setup"),
        GOOD._replace(phase="warmup"),
        GOOD._replace(user_class="", bytes_received=0),
        GOOD._replace(name="", method=""),
    ],
    ids=repr,
)
def test_a_sample_comes_back_as_it_was(tmp_path, sample):
    (back,) = read_back(tmp_path, sample)
    assert back == sample


TEXT = st.text(max_size=20) | st.sampled_from(
    [
        "=1+1",
        "'=1",
        "''@x",
        "'",
        "a,b",
        'say "hi"',
        '"',
        ",",
        "/ü/日本/🙂",
        "-",
        "+1",
        "\tx",
        "a\tb",
        "'a",
        "expected",
        "\x00",
    ]
)
BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
MOMENT = st.floats(0, 100_000, allow_nan=False)
DURATION = st.floats(0, 4_000, allow_nan=False)


def as_read(text):
    """What a text cell can be expected to come back as."""
    return "".join(" " if each in BREAKS else each for each in text)


@st.composite
def samples(draw):
    sent, took = draw(MOMENT), draw(DURATION)
    wait, connect = draw(st.sampled_from([0.0, 0.0, 0.125, 3.3])), draw(st.sampled_from([0.0, 0.0, 0.0371]))
    outcome = draw(st.sampled_from(["success", "expected", "failure"]))
    kind, message = (
        (draw(st.sampled_from(["timeout", "http_500", "=Error"])), draw(TEXT)) if outcome == "failure" else (None, None)
    )
    return Sample(
        draw(TEXT), draw(TEXT), sent - wait, sent, sent + took, None, connect, 0.0,
        draw(st.none() | st.integers(100, 599)), outcome, kind, message, 0, draw(st.integers(0, 10**9)),
        draw(TEXT), draw(st.sampled_from(["main", "setup"])), draw(st.sampled_from(["kernel", "user"])),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@settings(max_examples=60, deadline=None)
@given(given_samples=st.lists(samples(), max_size=5))
def test_samples_survive_the_file(folder, given_samples):
    back = read_back(folder, *given_samples)
    assert len(back) == len(given_samples)
    for ours, theirs in zip(back, given_samples, strict=True):
        assert (ours.name, ours.method, ours.user_class) == (
            as_read(theirs.name), as_read(theirs.method), as_read(theirs.user_class)
        )  # fmt: skip
        assert (ours.outcome, ours.kind, ours.status) == (theirs.outcome, theirs.kind, theirs.status)
        assert ours.message == (None if theirs.message is None else as_read(theirs.message))
        assert (ours.bytes_received, ours.phase, ours.clock) == (theirs.bytes_received, theirs.phase, theirs.clock)
        assert ours.response_time == pytest.approx(theirs.response_time, abs=1.1e-9)
        assert ours.service_time == pytest.approx(theirs.service_time, abs=1.1e-9)
        assert ours.sent_at == pytest.approx(theirs.sent_at, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(given_samples=st.lists(samples(), min_size=1, max_size=3))
def test_every_row_is_one_whole_line_for_any_reader_of_csv(given_samples):
    text = rows_of(*given_samples)
    assert text.count("\n") == len(text.splitlines()) == len(given_samples)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [len(row) for row in rows] == [13] * len(given_samples)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)


@pytest.mark.parametrize("lost", [1, 2, 3, 8, 40, 90])
def test_a_torn_last_line_is_passed_over(tmp_path, lost):
    path = written(tmp_path, GOOD, FAILED, GOOD._replace(name='/a,"b"'))
    path.write_bytes(path.read_bytes()[:-lost])
    assert list(read_rows(path, epoch=EPOCH)) == [GOOD, FAILED]


def test_a_torn_line_in_the_middle_takes_no_other_with_it(tmp_path):
    whole = rows_of(GOOD).encode()
    torn = rows_of(GOOD._replace(name='/a,"b"')).encode()[:40] + b"\n"
    broken = whole.replace(b"200", b"two"), whole.replace(b"true", b"yes"), whole.replace(b"kernel", b"sundial")
    path = written(tmp_path, GOOD, tail=torn + b"".join(broken) + b"\xff\xfe\n" + b"\r\n" + whole)
    assert list(read_rows(path, epoch=EPOCH)) == [GOOD, GOOD]


@pytest.mark.parametrize("content", [b"", HEADER.encode()[:20], (HEADER + "\r\n").encode()])
def test_a_file_without_rows_has_no_samples(tmp_path, content):
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    assert list(read_rows(path)) == []
    record = rebuild(path)
    assert (record.samples, record.keys(), record.windows()) == (0, [], [])


def test_a_file_whose_header_was_lost_still_has_its_rows(tmp_path):
    assert read_back(tmp_path, GOOD, header=False) == [GOOD]


def test_without_a_start_times_count_from_the_first_row(tmp_path):
    later = GOOD._replace(intended_at=4.0, sent_at=4.0, ended_at=4.5)
    first, second = read_rows(written(tmp_path, GOOD, later))
    assert (first.sent_at, second.sent_at) == (0.0, 3.0)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        rebuild(tmp_path / "results.csv", epoch=EPOCH)


def test_a_rebuilt_record_counts_what_was_counted(tmp_path):
    requests = [
        Sample(f"/{i % 3}", "GET", at := 0.1 + i * 0.037, at, at + 0.001 + (i * 7 % 50) / 997, status=200)
        for i in range(500)
    ]
    requests += [EXPECTED, FAILED, UNANSWERED, GOOD._replace(intended_at=0.5), GOOD._replace(connect_time=0.01)]
    requests += [GOOD._replace(name="checkout", method="FLOW")]
    counted, rebuilt = record_of(requests), rebuild(written(tmp_path, *requests), epoch=EPOCH)
    assert rebuilt.keys() == counted.keys()
    assert rebuilt.samples == counted.samples == 505
    for key in counted.keys():  # noqa: SIM118 - it is no mapping
        assert rebuilt.tallies(key) == counted.tallies(key)
    assert merged(rebuilt.totals()) == merged(counted.totals())
    assert [(w.start, w.end) for w in rebuilt.windows()] == [(w.start, w.end) for w in counted.windows()]


def test_many_rows_are_counted_in_portions(tmp_path, monkeypatch):
    monkeypatch.setattr("loadproof.record.rows._ROWS_PER_DELTA", 2)
    record = rebuild(written(tmp_path, *[GOOD] * 5), epoch=EPOCH)
    assert record.samples == 5
    assert math.isclose(merged(record.totals()).response.mean, 0.5)


def test_rows_of_a_warm_up_are_in_the_windows_of_a_rebuilt_record_and_not_in_its_totals(tmp_path):
    warm_up = [GOOD._replace(phase="warmup", name="/warm"), FAILED._replace(phase="warmup")]
    later = [GOOD._replace(intended_at=4.0, sent_at=4.0, ended_at=4.5)]
    record = rebuild(written(tmp_path, *warm_up, *later), epoch=EPOCH)
    assert (record.samples, record.keys()) == (1, [("/a", "GET")])
    assert merged(record.totals()) == merged(record_of(later).totals())
    assert [merged(window.tallies).count for window in record.windows()] == [0, 2, 0, 0, 1]
    assert sum(merged(window.tallies).count for window in record.windows_of(("/warm", "GET"))) == 1


def test_requests_of_the_set_up_come_back_beside_the_totals(tmp_path):
    record = rebuild(written(tmp_path, GOOD, GOOD._replace(phase="setup", method="POST setup")), epoch=EPOCH)
    assert (record.samples, record.keys()) == (1, [("/a", "GET"), ("/a", "POST setup")])

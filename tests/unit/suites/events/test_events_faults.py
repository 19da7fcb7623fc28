from __future__ import annotations

import pytest

from loadproof.suites.events.target import mail
from loadproof.suites.events.target.board import LocalBoard
from loadproof.suites.events.target.faults import Faults
from loadproof.suites.events.target.mail import ATTEMPTS, ThreadMailer


def test_the_state_counts_calls_by_their_path_template_and_status(stage):
    event = stage.event("perf-rsvp-event")
    stage.get(f"/events/{event}")
    stage.get(f"/events/{event}/my-status")
    stage.get("/nothing/here")
    assert stage.state()["calls"] == {
        "GET /api/events/{organization}/event/{slug}": {"200": 1},
        "GET /api/events/{event_id}": {"200": 1},
        "GET /api/events/{event_id}/my-status": {"401": 1},
        "GET (no such path)": {"404": 1},
    }


def test_a_share_of_the_calls_fails_where_a_fault_says_so(stage):
    stage.set_faults(fail_share=1, fail_status=502, only="/dashboard")
    token = stage.sign_in()
    assert stage.get("/dashboard/events", token).status_code == 502
    assert stage.get("/account/me", token).status_code == 200
    assert stage.state()["calls"]["GET (failed on purpose)"] == {"502": 1}
    stage.set_faults(fail_share=0)
    assert stage.get("/dashboard/events", token).status_code == 200


def test_late_answers_wait_as_long_as_the_fault_says(stage, monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    monkeypatch.setattr("loadproof.suites.events.target.watching.asyncio.sleep", sleep)
    stage.set_faults(slow_share=1, slow_by=3.5)
    assert stage.get("/events/").status_code == 200
    assert waits == [3.5]


def test_a_slow_start_answers_503_at_first(stage_with, monkeypatch):
    stage = stage_with(slow_start=5.0)
    answer = stage.get("/events/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    monkeypatch.setattr("loadproof.suites.events.target.watching.time.monotonic", lambda: 1e9)
    assert stage.get("/events/").status_code == 200


@pytest.mark.parametrize("changes", [{"fail_shares": 1}, {"fail_share": 2}, {"fail_status": 404}, {"slow_by": -1}])
def test_a_fault_that_is_none_is_refused_and_changes_nothing(stage, changes):
    stage.set_faults(lose_mail_share=0.5)
    assert stage.set_faults(**changes).status_code == 422
    assert stage.state()["faults"] == Faults(lose_mail_share=0.5).model_dump()


def test_the_capacity_of_an_unknown_event_is_refused(stage):
    assert stage.set_faults(capacity={"nothing": 1}).status_code == 404


def test_nobody_from_elsewhere_sees_the_state_or_sets_faults(stage, monkeypatch):
    monkeypatch.setattr("loadproof.suites.events.target.control.LOOPBACK", ())
    assert stage.client.get("/_state").status_code == 403
    assert stage.set_faults(fail_share=1).status_code == 403


def test_health_asks_the_database(stage):
    assert stage.client.get("/health").json() == {"status": "ok"}


def test_the_state_says_what_a_password_costs(stage):
    assert stage.state()["password_iterations"] == 1


@pytest.fixture
def delivered(monkeypatch):
    """What the mail server was given; it refuses as often as ``refusals`` says."""
    log = {"refusals": 0, "mails": []}

    def deliver(*mail):
        if log["refusals"]:
            log["refusals"] -= 1
            raise ConnectionRefusedError("nobody there")
        log["mails"].append(mail)

    monkeypatch.setattr(mail, "deliver", deliver)
    return log


def work_off(board, mails=1):
    """Counts after the mails were tried."""
    mailer = ThreadMailer("mail.example", 25, board, retry_after=0.0)
    for number in range(mails):
        mailer.post("a@b.c", f"subject {number}", "text")
    mailer._mails.join()
    assert mailer.waiting() == 0
    mailer.close()
    return board.counts()


def test_a_mail_is_handed_to_the_server(delivered):
    assert work_off(LocalBoard()) == {"mails sent": 1}
    assert delivered["mails"] == [("mail.example", 25, "a@b.c", "subject 0", "text")]


def test_a_server_that_comes_late_gets_the_mail(delivered):
    delivered["refusals"] = ATTEMPTS - 1
    assert work_off(LocalBoard()) == {"mails sent": 1}


def test_a_server_that_never_comes_is_reported(delivered, capsys):
    delivered["refusals"] = ATTEMPTS
    assert work_off(LocalBoard()) == {"mails failed": 1}
    assert "a mail could not be sent to mail.example:25: nobody there" in capsys.readouterr().err


def test_exactly_the_next_mails_get_lost(delivered):
    assert work_off(LocalBoard(Faults(lose_next_mails=2)), mails=5) == {"mails lost": 2, "mails sent": 3}
    assert [one[3] for one in delivered["mails"]] == ["subject 2", "subject 3", "subject 4"]


def test_a_share_of_the_mails_gets_lost(delivered):
    assert work_off(LocalBoard(Faults(lose_mail_share=1)), mails=3) == {"mails lost": 3}

from __future__ import annotations

from uuid import uuid4

import pytest

NOBODYS = "00000000-0000-4000-8000-000000000000"


def test_the_list_has_its_rows_by_both_names(stage):
    answer = stage.get("/events/", params={"page": 1, "page_size": 20}).json()
    assert (answer["count"], answer["next"], answer["previous"]) == (9, None, None)
    assert answer["items"] == answer["results"]
    assert {row["slug"] for row in answer["items"]} >= {
        "perf-rsvp-event",
        "perf-rsvp-limited-event",
        "perf-ticket-free-event",
        "perf-ticket-pwyc-event",
        "perf-questionnaire-event",
    }


def test_pages_follow_each_other_without_gap_or_repeat(stage):
    first, second = (stage.get("/events/", params={"page": page, "page_size": 5}).json() for page in (1, 2))
    assert (first["next"], first["previous"]) == ("/api/events/?page=2&page_size=5", None)
    assert (second["next"], second["previous"]) == (None, "/api/events/?page=1&page_size=5")
    ids = [row["id"] for row in (*first["results"], *second["results"])]
    assert len(ids) == len(set(ids)) == 9


@pytest.mark.parametrize(("page", "status"), [(1, 200), (2, 404), (3, 404), (0, 422)])
def test_a_page_beyond_the_last_is_a_404(stage, page, status):
    assert stage.get("/events/", params={"page": page, "page_size": 20}).status_code == status


def test_an_event_is_found_by_its_id_and_by_its_slugs(stage):
    by_slug = stage.get("/events/perf-test-org/event/perf-rsvp-event").json()
    assert stage.get(f"/events/{by_slug['id']}").json() == by_slug
    assert by_slug["organization"]["slug"] == "perf-test-org"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/events/{NOBODYS}", 404),
        ("/events/17", 422),
        ("/events/perf-test-org/event/nothing", 404),
        ("/events/nobody/event/perf-rsvp-event", 404),
        (f"/events/{NOBODYS}/tickets/tiers", 404),
    ],
)
def test_what_is_not_there_is_not_found(stage, path, status):
    assert stage.get(path).status_code == status


def test_tiers_are_a_plain_list_with_prices_as_text(stage):
    (free,) = stage.get(f"/events/{stage.event('perf-ticket-free-event')}/tickets/tiers").json()
    (pwyc,) = stage.get(f"/events/{stage.event('perf-ticket-pwyc-event')}/tickets/tiers").json()
    seen = ("price", "price_type", "pwyc_min", "pwyc_max", "payment_method", "total_available")
    assert [free[name] for name in seen] == ["0.00", "fixed", None, None, "free", 10_000]
    assert [pwyc[name] for name in seen] == ["10.00", "pwyc", "5.00", "50.00", "offline", 10_000]


def test_a_status_needs_somebody_signed_in(stage):
    assert stage.get(f"/events/{stage.event('perf-rsvp-event')}/my-status").status_code == 401


def test_before_anything_the_status_says_what_to_do(stage):
    event = stage.event("perf-rsvp-event")
    status = stage.get(f"/events/{event}/my-status", stage.sign_in()).json()
    assert (status["allowed"], status["event_id"], status["next_step"]) == (True, event, "rsvp")
    assert (status["questionnaires"], status["questionnaires_missing"]) == ([], [])


@pytest.mark.parametrize("status", ["yes", "no", "maybe"])
def test_an_answer_is_kept_and_replaced(stage, status):
    event, token = stage.event("perf-rsvp-event"), stage.sign_in()
    for answer in ("maybe", status):
        said = stage.post(f"/events/{event}/rsvp/{answer}", token=token)
        assert (said.status_code, said.json()) == (200, {"event_id": event, "status": answer})
    seen = stage.get(f"/events/{event}/my-status", token).json()
    assert seen["rsvp"] == {"event_id": event, "status": status}
    assert stage.state()["events"]["perf-rsvp-event"]["rsvps"] == {status: 1}


def test_any_other_answer_is_refused(stage):
    event = stage.event("perf-rsvp-event")
    assert stage.post(f"/events/{event}/rsvp/perhaps", token=stage.sign_in()).status_code == 422


def test_a_full_event_refuses_until_somebody_leaves(stage):
    stage.set_faults(capacity={"perf-rsvp-limited-event": 1})
    event = stage.event("perf-rsvp-limited-event")
    one, two = stage.sign_in(0), stage.sign_in(1)
    path = f"/events/{event}/rsvp/"
    assert stage.post(f"{path}yes", token=one).status_code == 200
    refused = stage.post(f"{path}yes", token=two)
    expected = {"allowed": False, "event_id": event, "reason": "Event is full", "next_step": "join_waitlist"}
    assert (refused.status_code, refused.json()) == (400, expected)
    assert stage.get(f"/events/{event}/my-status", two).json()["reason"] == "Event is full"
    assert stage.post(f"{path}yes", token=one).status_code == 200
    assert stage.post(f"{path}no", token=one).status_code == 200
    assert stage.post(f"{path}yes", token=two).status_code == 200
    assert stage.state()["events"]["perf-rsvp-limited-event"]["rsvps"] == {"no": 1, "yes": 1}


def test_a_ticketed_event_takes_no_rsvp(stage):
    answer = stage.post(f"/events/{stage.event('perf-ticket-free-event')}/rsvp/yes", token=stage.sign_in())
    assert (answer.status_code, answer.json()["next_step"]) == (400, "purchase_ticket")


def test_a_questionnaire_is_owed_until_it_is_handed_in_and_then_waits(stage):
    event, token = stage.event("perf-questionnaire-event"), stage.sign_in()
    status = stage.get(f"/events/{event}/my-status", token).json()
    (questionnaire,) = status["questionnaires"]
    assert status["questionnaires_missing"] == [questionnaire["id"]]
    assert status["next_step"] == "complete_questionnaire"
    path = f"/events/{event}/questionnaire/{questionnaire['id']}"
    (question,) = stage.get(path, token).json()["multiple_choice_questions"]
    body = answers(question["id"], question["options"][0]["id"])
    assert stage.post(f"{path}/submit", body, token).status_code == 200
    status = stage.get(f"/events/{event}/my-status", token).json()
    assert (status["questionnaires"], status["questionnaires_missing"]) == ([questionnaire], [])
    assert status["next_step"] == "wait_for_questionnaire_evaluation"
    assert stage.post(f"/events/{event}/rsvp/yes", token=token).status_code == 400


def answers(question, option, **more):
    chosen = [{"question_id": question, "options": [option]}]
    return {
        "status": "ready",
        "multiple_choice_answers": chosen,
        "free_text_answers": [],
        "file_upload_answers": [],
        **more,
    }


@pytest.fixture
def asked(stage):
    """Path of the questionnaire, its structure, and a token."""
    event, token = stage.event("perf-questionnaire-event"), stage.sign_in()
    (questionnaire,) = stage.get(f"/events/{event}/my-status", token).json()["questionnaires"]
    path = f"/events/{event}/questionnaire/{questionnaire['id']}"
    return path, stage.get(path, token).json(), token


def test_a_questionnaire_has_both_shapes_and_never_says_what_is_right(asked):
    _, structure, _ = asked
    nested = structure["questionnaire"]["multiplechoicequestion_questions"]
    assert nested == structure["multiple_choice_questions"]
    assert [len(question["options"]) for question in nested] == [2]
    assert "is_correct" not in str(structure)
    assert structure["evaluation_mode"] == "manual"


def test_answers_are_taken_with_and_without_the_questionnaires_id(stage, asked):
    path, structure, token = asked
    (question,) = structure["multiple_choice_questions"]
    body = answers(question["id"], question["options"][1]["id"])
    for more in ({}, {"questionnaire_id": structure["id"]}):
        answer = stage.post(f"{path}/submit", body | more, token)
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        assert answer.json()["questionnaire_id"] == structure["id"]
    assert stage.state()["submissions"] == 2


def test_wrong_answers_are_refused_and_not_kept(stage, asked):
    path, structure, token = asked
    (question,) = structure["multiple_choice_questions"]
    right = answers(question["id"], question["options"][0]["id"])
    wrong = [
        answers(str(uuid4()), question["options"][0]["id"]),
        answers(question["id"], str(uuid4())),
        right | {"multiple_choice_answers": []},
        right | {"questionnaire_id": str(uuid4())},
    ]
    assert [stage.post(f"{path}/submit", body, token).status_code for body in wrong] == [400] * 4
    assert stage.post(f"{path[:-36]}{uuid4()}/submit", right, token).status_code == 404
    assert stage.state()["submissions"] == 0


def test_the_dashboard_shows_what_somebody_has_to_do_with(stage):
    token = stage.sign_in()
    stage.post(f"/events/{stage.event('perf-rsvp-event')}/rsvp/maybe", token=token)
    event, tier = stage.tier("perf-ticket-free-event")
    stage.post(f"/events/{event}/tickets/{tier}/checkout", {"tickets": [{"guest_name": "A"}]}, token)
    seen = {
        kind: stage.get(f"/dashboard/{kind}", token).json() for kind in ("events", "organizations", "tickets", "rsvps")
    }
    assert {kind: page["count"] for kind, page in seen.items()} == {
        "events": 2,
        "organizations": 1,
        "tickets": 1,
        "rsvps": 1,
    }
    assert seen["tickets"]["results"][0]["guest_name"] == "A"
    assert seen["rsvps"]["items"][0]["status"] == "maybe"


def test_the_dashboard_of_somebody_new_is_empty_and_that_of_staff_has_all_events(stage):
    assert stage.get("/dashboard/events", stage.sign_in(3)).json()["results"] == []
    staff = stage.post("/auth/token/pair", {"username": "perf-staff@test.com", "password": "password123"}).json()
    assert stage.get("/dashboard/events", staff["access"]).json()["count"] == 5

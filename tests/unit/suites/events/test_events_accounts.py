from __future__ import annotations

import pytest

NEWCOMER = {
    "email": "new@test.com",
    "password1": "password123",
    "password2": "password123",
    "first_name": "New",
    "last_name": "Comer",
    "accept_toc_and_privacy": True,
}


def credentials(password="password123", **who):
    return {**who, "password": password}


@pytest.mark.parametrize("word", ["username", "email"])
def test_signing_in_takes_the_address_by_either_name(stage, word):
    answer = stage.post("/auth/token/pair", credentials(**{word: "perf-user-1@test.com"}))
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh", "username"}
    assert stage.get("/account/me", answer.json()["access"]).json()["email"] == "perf-user-1@test.com"


@pytest.mark.parametrize(
    ("who", "password"), [("perf-user-1@test.com", "password124"), ("perf-user-9@test.com", "password123")]
)
def test_a_wrong_password_and_an_unknown_account_are_answered_alike(stage, who, password):
    answer = stage.post("/auth/token/pair", credentials(password, username=who))
    assert (answer.status_code, answer.json()) == (
        401,
        {"detail": "No active account found with the given credentials"},
    )


def test_an_account_that_is_not_verified_is_told_so(stage):
    assert stage.post("/account/register", NEWCOMER).status_code == 201
    answer = stage.post("/auth/token/pair", credentials(username="new@test.com"))
    assert (answer.status_code, answer.json()["detail"]) == (401, "The email address of this account is not verified")


def test_a_mailed_token_verifies_once_and_signs_in(stage):
    assert stage.post("/account/register", NEWCOMER).json()["email_verified"] is False
    (to, subject, text) = stage.mails.mails[0]
    assert (to, subject) == ("new@test.com", "Verify your email")
    assert "/login/confirm-email?token=" in text
    answer = stage.post("/account/verify", {"token": stage.mails.token()})
    assert (answer.status_code, answer.json()["user"]["email_verified"]) == (200, True)
    assert stage.get("/account/me", answer.json()["token"]["access"]).status_code == 200
    again = stage.post("/account/verify", {"token": stage.mails.token()})
    assert (again.status_code, again.json()["detail"]) == (400, "Token is blacklisted: it was used before")
    assert stage.post("/auth/token/pair", credentials(username="new@test.com")).status_code == 200


def test_the_older_body_of_a_registration_is_accepted(stage):
    body = {"email": "old@test.com", "password": "password123", "first_name": "O", "last_name": "Ld"}
    assert stage.post("/account/register", body).status_code == 201


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"email": "perf-user-0@test.com"}, "email"),
        ({"email": "PERF-USER-0@test.com"}, "email"),
        ({"password1": "short1", "password2": "short1"}, "password1"),
        ({"password1": "12345678", "password2": "12345678"}, "password1"),
        ({"password1": "abcdefgh", "password2": "abcdefgh"}, "password1"),
        ({"password2": "password124"}, "password2"),
        ({"accept_toc_and_privacy": False}, "accept_toc_and_privacy"),
    ],
)
def test_a_registration_is_refused_with_the_field_that_is_wrong(stage, change, where):
    answer = stage.post("/account/register", NEWCOMER | change)
    assert (answer.status_code, list(answer.json()["detail"])) == (400, [where])
    assert stage.mails.mails == []


def test_an_address_that_is_none_is_refused(stage):
    assert stage.post("/account/register", NEWCOMER | {"email": "new.test.com"}).status_code == 422


def test_the_mailed_token_is_in_a_header_only_in_system_tests(stage_with):
    plain = stage_with()
    assert "X-Test-Verification-Token" not in plain.post("/account/register", NEWCOMER).headers
    testing = stage_with(system_testing=True)
    answer = testing.post("/account/register", NEWCOMER | {"email": "other@test.com"})
    assert answer.headers["X-Test-Verification-Token"] == testing.mails.token()


def test_the_state_tells_who_signed_in_how_often(stage):
    for number in (1, 1, 3):
        stage.sign_in(number)
    stage.post("/auth/token/pair", credentials("wrong", username="perf-user-0@test.com"))
    assert stage.state()["sign_ins"] == {"perf-user-1@test.com": 2, "perf-user-3@test.com": 1}


def test_a_refresh_token_is_good_for_one_new_pair(stage):
    first = stage.post("/auth/token/pair", credentials(username="perf-user-0@test.com")).json()
    second = stage.post("/auth/token/refresh", {"refresh": first["refresh"]})
    assert second.status_code == 200
    assert second.json()["refresh"] != first["refresh"]
    assert stage.get("/account/me", second.json()["access"]).status_code == 200
    spent = stage.post("/auth/token/refresh", {"refresh": first["refresh"]})
    assert (spent.status_code, spent.json()["detail"]) == (401, "Token is blacklisted: it was used before")


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(stage):
    pair = stage.post("/auth/token/pair", credentials(username="perf-user-0@test.com")).json()
    for answer in (
        stage.get("/account/me", pair["refresh"]),
        stage.post("/auth/token/refresh", {"refresh": pair["access"]}),
    ):
        assert answer.status_code == 401
        assert answer.json()["detail"].startswith("Token has wrong type")


@pytest.mark.parametrize(("token", "detail"), [(None, "Authentication credentials"), ("no.token", "Token is invalid")])
def test_whoever_has_no_token_is_asked_for_one(stage, token, detail):
    answer = stage.get("/account/me", token)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["detail"].startswith(detail)


def test_an_expired_token_is_told_so(stage_with):
    stage = stage_with(access_lifetime=-1.0)
    answer = stage.get("/account/me", stage.sign_in())
    assert (answer.status_code, answer.json()["detail"]) == (401, "Token is expired")


def test_a_fault_shortens_the_tokens_that_are_issued_from_then_on(stage):
    before = stage.sign_in()
    stage.set_faults(access_lifetime=0.000001)
    assert stage.get("/account/me", stage.sign_in()).json()["detail"] == "Token is expired"
    assert stage.get("/account/me", before).status_code == 200


def test_a_token_of_another_key_is_invalid(stage_with):
    foreign = stage_with(secret_key="another key, of sufficient length").sign_in()
    assert stage_with().get("/account/me", foreign).json()["detail"] == "Token is invalid"


def test_throttling_holds_an_address_to_100_sign_ins_a_minute(stage_with):
    stage = stage_with(throttling=True)
    stage.board.hits = counting_from(99)
    body = credentials(username="perf-user-0@test.com")
    assert [stage.post("/auth/token/pair", body).status_code for _ in range(2)] == [200, 429]
    assert stage.post("/auth/token/pair", body).headers["Retry-After"] == "60"


def test_without_throttling_nobody_counts(stage):
    stage.board.hits = counting_from(1000)
    assert stage.post("/auth/token/pair", credentials(username="perf-user-0@test.com")).status_code == 200


def counting_from(count):
    def hits(key, window):
        nonlocal count
        count += 1
        return count

    return hits

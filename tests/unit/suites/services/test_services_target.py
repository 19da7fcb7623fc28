"""The services of the suite: what they answer, what they refuse, and how they break."""

from __future__ import annotations

import pytest

from asgi_client import AsgiClient
from loadproof.suites.services.target.__main__ import main
from loadproof.suites.services.target.catalog import BUILDERS
from loadproof.suites.services.target.overload import add_strain
from loadproof.suites.services.target.strain import Fate, Faults, Strain

KEY = {"X-API-Key": "test_api_key"}
CERTIFICATE = {
    "id", "subject", "issuer", "valid_from", "valid_to", "serial_number", "certificate_data", "status", "country_code",
}  # fmt: skip


def client(name, **faults):
    app = BUILDERS[name]("test_api_key")
    add_strain(app, Faults(latency=0, **faults))
    return AsgiClient(app, "http://127.0.0.1")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize("path", ["/v1/masterlist", "/v1/dsclist", "/v1/crl"])
def test_the_lists_want_the_api_key_and_say_what_is_wrong_with_it(path):
    pkd = client("pkd_service")
    missing, wrong = pkd.get(path), pkd.get(path, headers={"X-API-Key": "guess"})
    assert (missing.status_code, missing.json()) == (401, {"detail": "API Key header is missing"})
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid API Key"})
    assert pkd.get(path, headers=KEY).status_code == 200


def test_the_lists_have_the_shape_of_the_real_ones():
    pkd = client("pkd_service")
    for path in ("/v1/masterlist", "/v1/dsclist"):
        body = pkd.get(path, headers=KEY).json()
        assert body.keys() == {"id", "version", "created", "countries", "certificates"}
        assert {frozenset(each) for each in body["certificates"]} == {frozenset(CERTIFICATE)}
        assert {each["country_code"] for each in body["certificates"]} <= set(body["countries"])
    revoked = pkd.get("/v1/crl", headers=KEY).json()
    assert revoked.keys() == {
        "id",
        "version",
        "created",
        "issuer",
        "this_update",
        "next_update",
        "revoked_certificates",
    }
    assert {frozenset(each) for each in revoked["revoked_certificates"]} == {
        frozenset({"serial_number", "revocation_date", "reason_code"})
    }


def test_document_processing_says_how_it_is_to_whoever_has_the_key():
    service = client("document_processing")
    assert service.get("/api/health").status_code == 401
    body = service.get("/api/health", headers=KEY).json()
    assert body.keys() == {"status", "version", "uptimeSec", "license"}
    assert body["status"] == "ready"
    assert service.get("/api/ping", headers=KEY).text == "OK"


def test_the_interface_is_open_to_everybody():
    service = client("ui_app")
    assert service.get("/").headers["content-type"].startswith("text/html")
    assert service.get("/health").json().keys() == {"status", "environment", "timestamp"}


@pytest.mark.parametrize("name", list(BUILDERS))
def test_every_service_has_a_front_page_and_documents_itself(name):
    service = client(name)
    assert service.get("/").status_code == 200
    docs = service.get("/docs")
    assert docs.status_code == 200
    assert docs.headers["content-type"].startswith("text/html")
    assert "/_faults" not in service.get("/openapi.json").text
    assert service.get("/nothing").status_code == 404


def test_faults_can_be_changed_while_it_runs_and_what_was_answered_is_counted():
    service = client("ui_app")
    assert [service.get("/").status_code for _ in range(3)] == [200] * 3
    assert service.post("/_faults", json={"error_share": 0.5}).json()["error_share"] == 0.5
    assert [service.get("/health").status_code for _ in range(4)] == [200, 500, 200, 500]
    state = service.get("/_state").json()
    assert state["requests"] == 7
    assert state["paths"] == {"/": 3, "/health": 4}
    assert state["statuses"] == {"200": 5, "500": 2}


@pytest.mark.parametrize("body", [{"error_share": 2}, {"unknown": 1}, [1], "x"])
def test_faults_that_make_no_sense_are_refused_and_change_nothing(body):
    service = client("ui_app")
    assert service.post("/_faults", json=body).status_code == 422
    assert service.get("/").status_code == 200


def test_strangers_see_neither_faults_nor_state():
    import asyncio

    import httpx

    app = BUILDERS["ui_app"]("k")
    add_strain(app, Faults(latency=0))

    async def ask(method, path):
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as stranger:
            return (await stranger.request(method, path)).status_code

    assert asyncio.run(ask("GET", "/_state")) == 403
    assert asyncio.run(ask("POST", "/_faults")) == 403
    assert asyncio.run(ask("GET", "/")) == 200


def test_a_share_of_errors_is_exact_and_spread_evenly(clock):
    strain = Strain(Faults(latency=0.01, error_share=0.1), clock)
    fates = [strain.arrive("a") for _ in range(1000)]
    assert sum(fate.status == 500 for fate in fates) == 100
    assert [index for index, fate in enumerate(fates[:40], 1) if fate.status] == [10, 20, 30, 40]
    assert {fate.delay for fate in fates} == {0.01}


def test_up_to_its_users_it_bears_them_and_beyond_it_slows_down_and_fails(clock):
    strain = Strain(Faults(latency=0.01, most_users=10), clock)

    def round_of(users):
        fates = []
        for number in range(users):
            fates.append(strain.arrive(number))
            strain.leave(number)
        clock.now += 0.1
        return fates

    assert set(round_of(10)) == {Fate(0.01, None)}
    round_of(12)
    fates = [fate for _ in range(10) for fate in round_of(12)]
    refused = sum(fate.status == 503 for fate in fates) / len(fates)
    assert refused == pytest.approx(3 * (1 - 10 / 12), abs=0.02)
    assert {round(fate.delay, 6) for fate in fates} == {round(0.01 + 1 - 10 / 12, 6)}
    clock.now += 2.0
    assert set(round_of(10)) == {Fate(0.01, None)}, "users that have gone are forgotten"


def test_a_user_that_waits_long_for_its_answer_still_counts(clock):
    strain = Strain(Faults(latency=5, most_users=1), clock)
    strain.arrive("slow")
    clock.now += 4.0
    assert strain.users == 1
    strain.leave("slow")
    clock.now += 1.5
    assert strain.users == 0


def test_beyond_its_rate_requests_queue_and_what_would_wait_too_long_is_refused(clock):
    strain = Strain(Faults(latency=0, most_per_second=100), clock)
    fates = [strain.arrive("a") for _ in range(100)]
    served = [fate for fate in fates if fate.status is None]
    assert [round(fate.delay, 6) for fate in served[:3]] == [0, 0.01, 0.02]
    assert len(served) == pytest.approx(51, abs=1)
    assert {fate.status for fate in fates[len(served) :]} == {503}
    clock.now += 10
    assert strain.arrive("a") == Fate(0, None)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["pkd_service", "--error-share", "2"], "--error-share"),
        (["pkd_service", "--most-users", "many"], "--most-users"),
        (["other"], "invalid choice"),
        ([], "service"),
    ],
)
def test_options_that_make_no_sense_are_named(words, named, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert named in capsys.readouterr().err

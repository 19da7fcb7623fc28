from __future__ import annotations

import pytest

from asgi_client import AsgiClient
from loadproof.suites.virus_scan.target.app import Faults, Service, create_app
from loadproof.suites.virus_scan.target.scanners import EICAR, PatternScanner, ScannerError

AUTH = ("app1", "letmein")
LIMIT = 100_000


@pytest.fixture
def service():
    return Service(scanner=PatternScanner(), user=AUTH[0], password=AUTH[1], max_length=LIMIT, faults=Faults())


@pytest.fixture
def api(service):
    return AsgiClient(create_app(service))


def scan(api, content, auth=AUTH):
    return api.post("/v2/scan-chunked", content=content, auth=auth)


@pytest.mark.parametrize("path", ["/", "/check"])
def test_a_service_that_is_up_says_so(api, path):
    answer = api.get(path)
    assert (answer.status_code, answer.text) == (200, "Service OK")


@pytest.mark.parametrize("path", ["/", "/check"])
def test_a_service_that_is_down_says_so(api, path):
    api.post("/_faults", json={"is_down": True})
    answer = api.get(path)
    assert (answer.status_code, answer.text) == (503, "Service Unavailable")


def test_current_definitions_are_a_200_with_versions_as_texts(api):
    answer = api.get("/check_version")
    assert answer.status_code == 200
    assert answer.json() == {
        "service": "dit-clamav-rest",
        "clamd-actual": "26123",
        "clamd-required": "26123",
        "outdated": False,
    }


@pytest.mark.parametrize(("lag", "status", "warning"), [(1, 200, 200), (2, 500, 500), (9, 500, 500)])
def test_outdated_definitions_are_a_500(api, lag, status, warning):
    api.post("/_faults", json={"lag": lag})
    answer = api.get("/check_version")
    assert (answer.status_code, answer.json()["clamd-actual"]) == (status, str(26123 - lag))
    assert answer.json()["outdated"] is (status == 500)
    assert api.get("/check_warning").status_code == warning


def test_a_lookup_of_versions_that_fails_names_none(api):
    api.post("/_faults", json={"is_down": True})
    answer = api.get("/check_version")
    assert (answer.status_code, set(answer.json())) == (500, {"service", "error"})


def test_malware_is_found_in_a_streamed_body(api):
    async def chunks():
        yield EICAR[:30]
        yield EICAR[30:]

    body = scan(api, chunks()).json()
    assert (body["malware"], body["reason"]) == (True, "Eicar-Test-Signature")
    assert 0 <= body["time"] < 5


def test_a_clean_body_is_clean(api):
    body = scan(api, b"lorem ipsum").json()
    assert (body["malware"], body["reason"], set(body)) == (False, None, {"malware", "reason", "time"})


@pytest.mark.parametrize("auth", [("app1", "wrong"), ("nobody", "letmein"), None])
@pytest.mark.parametrize("path", ["/v2/scan-chunked", "/v2/scan", "/scan"])
def test_only_who_has_the_password_may_scan(api, path, auth):
    answer = api.post(path, content=EICAR, auth=auth)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="scan"')
    assert api.get("/_state").json()["scans"] == 0


def test_a_file_over_the_limit_is_a_413(api):
    assert scan(api, b"a" * LIMIT).status_code == 200
    assert scan(api, b"a" * (LIMIT + 1)).status_code == 413


def test_a_scanner_without_a_verdict_is_a_500(api, service):
    class Broken:
        async def scan(self, _):
            raise ScannerError("clamd does not answer")

        async def is_up(self):
            return False

    service.scanner = Broken()
    assert (scan(api, b"a").status_code, scan(api, b"a").text) == (500, "clamd does not answer")
    assert api.get("/check").status_code == 503


def test_a_form_with_one_file_is_scanned(api):
    assert api.post("/v2/scan", files={"file": EICAR}, auth=AUTH).json()["malware"] is True
    assert api.post("/v2/scan", files={"file": b"clean"}, auth=AUTH).json()["malware"] is False


@pytest.mark.parametrize("options", [{"files": {"a": b"1", "b": b"2"}}, {"data": {"a": "1"}}, {}])
def test_a_form_without_exactly_one_file_is_a_400(api, options):
    answer = api.post("/v2/scan", auth=AUTH, **options)
    assert (answer.status_code, answer.text) == (400, "Provide a single file")


def test_the_first_route_answers_in_words(api):
    assert api.post("/scan", files={"file": EICAR}, auth=AUTH).text == "NOTOK"
    assert api.post("/scan", files={"file": b"clean"}, auth=AUTH).text == "OK"


def test_faults_change_what_follows(api):
    api.post("/_faults", json={"blind": True, "omits_time": True})
    assert scan(api, EICAR).json() == {"malware": False, "reason": None}
    api.post("/_faults", json={"garbled": True})
    assert scan(api, EICAR).text == "<html>oops</html>"
    assert api.post("/_faults", json={"lag": -1}).status_code == 422


def test_the_state_counts_what_was_done(api):
    scan(api, EICAR)
    scan(api, b"clean")
    scan(api, b"clean", auth=None)
    api.get("/check")
    api.get("/check_version")
    assert api.get("/_state").json() == {
        "checks": 1,
        "versions": 1,
        "scans": 2,
        "malware": 1,
        "bytes": 73,
        "chunked": 0,
        "unauthorised": 1,
    }

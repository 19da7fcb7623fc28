"""The fleet API over HTTP: the contract, its faults, and a suite that was written from the contract alone."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from fleet_processes import broker, fleet_api
from joserfc import jwt
from joserfc.jwk import KeySet

from commandline import locust, wait_for

OLD, NEW = "/api/managed-services-api/v1", "/api/kafkas_mgmt/v1"
FAST = [f"--{state}-for=0.2" for state in ("accepted", "preparing", "provisioning", "deprovision", "deleting")]
LOCUSTFILE = Path(__file__).parents[1] / "contract" / "fleet" / "locustfile.py"


@pytest.fixture(scope="module")
def shared_api():
    accounts = {
        "anna-token": {"username": "anna", "org_id": "1"},
        "arno-token": {"username": "arno", "org_id": "1"},
        "bert-token": {"username": "bert", "org_id": "2"},
        "poor-token": {"username": "poor", "org_id": "3"},
    }
    with fleet_api("--quota=5", *FAST, FLEET_TARGET_ACCOUNTS=json.dumps(accounts)) as api:
        yield api


@pytest.fixture
def api(shared_api):
    yield shared_api
    shared_api.faults(
        answer_status=None, answer_next=None, answer_text=None, slow_by=0, max_creates=None, stuck_deletion=False
    )
    session = shared_api.session("anna-token")
    for kafka in shared_api.state()["kafkas"]:
        session.delete(f"{shared_api.url}{NEW}/kafkas/{kafka['id']}?async=true", timeout=10)
    wait_for(lambda: shared_api.state()["kafkas"] == [])


@pytest.fixture
def anna(api):
    with api.session("anna-token") as session:
        yield session


def order(name, **changes):
    return {"cloud_provider": "aws", "region": "us-east-1", "name": name, "multi_az": True} | changes


def create(session, api, name="abc", base=NEW, **changes):
    return session.post(f"{api.url}{base}/kafkas?async=true", json=order(name, **changes), timeout=10)


def test_a_cluster_is_created_searched_read_measured_and_deleted_under_both_paths(api, anna):
    for base in (OLD, NEW):
        made = create(anna, api, f"life{len(base)}", base)
        assert made.status_code == 202
        body = made.json()
        assert (body["kind"], body["status"], body["bootstrapServerHost"]) == ("Kafka", "accepted", "")
        assert body["href"] == f"{base}/kafkas/{body['id']}"
        url = f"{api.url}{base}/kafkas/{body['id']}"
        wait_for(lambda url=url: anna.get(url, timeout=10).json()["status"] == "ready")
        assert anna.get(url, timeout=10).json()["bootstrapServerHost"].endswith(":443")
        search = f"cloud_provider = aws and status = ready and name <> x and name = life{len(base)}"
        found = anna.get(f"{api.url}{base}/kafkas", params={"search": search}, timeout=10).json()
        assert (found["kind"], found["total"], found["items"][0]["id"]) == ("KafkaRequestList", 1, body["id"])
        instant = anna.get(f"{url}/metrics/query", timeout=10).json()
        assert (instant["kind"], instant["id"], len(instant["items"])) == ("MetricsInstantQueryList", body["id"], 2)
        over_time = anna.get(f"{url}/metrics/query_range?duration=5&interval=30", timeout=10).json()
        assert over_time["kind"] == "MetricsRangeQueryList"
        assert len(over_time["items"][0]["values"]) == 11
        assert "# TYPE" in anna.get(f"{url}/metrics/federate", timeout=10).text
        for _ in range(2):
            assert anna.delete(f"{url}?async=true", timeout=10).status_code == 202
        wait_for(lambda url=url: anna.get(url, timeout=10).status_code == 404)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/kafkas?search=name", "23"),
        ("/kafkas?page=0", "21"),
        ("/kafkas?size=x", "21"),
    ],
)
def test_a_bad_query_is_refused_with_its_code(api, anna, path, code):
    answer = anna.get(f"{api.url}{NEW}{path}", timeout=10)
    assert (answer.status_code, answer.json()["id"]) == (400, code)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"multi_az": False}, "35"),
        ({"name": "Abc"}, "32"),
        ({"name": ""}, "32"),
        ({"name": "a" * 33}, "34"),
        ({"cloud_provider": "azure"}, "30"),
        ({"region": "mars-1"}, "31"),
    ],
)
def test_a_bad_order_is_refused_with_its_code(api, anna, changes, code):
    answer = anna.post(f"{api.url}{NEW}/kafkas?async=true", json=order("abc") | changes, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (400, f"MGD-SERV-API-{code}")


def test_synchronous_calls_and_broken_bodies_are_refused(api, anna):
    url = f"{api.url}{NEW}/kafkas"
    assert anna.post(url, json=order("abc"), timeout=10).json()["id"] == "103"
    assert anna.delete(f"{url}/x", timeout=10).json()["id"] == "103"
    assert anna.post(f"{url}?async=true", data="{", timeout=10).json()["id"] == "17"


def test_metrics_over_time_need_duration_and_interval(api, anna):
    url = f"{api.url}{NEW}/kafkas/{create(anna, api).json()['id']}/metrics/query_range"
    assert anna.get(f"{url}?duration=5", timeout=10).status_code == 400
    assert anna.get(f"{url}?interval=30", timeout=10).status_code == 400


def test_an_unknown_cluster_is_not_found_in_the_words_of_the_contract(api, anna):
    body = anna.get(f"{api.url}{NEW}/kafkas/nowhere", timeout=10).json()
    assert (body["kind"], body["id"], body["code"]) == ("Error", "7", "MGD-SERV-API-7")
    assert body["reason"] == "KafkaResource for user anna with id='nowhere' not found"
    assert body["href"] == f"{NEW}/errors/7"
    assert body["operation_id"]


@pytest.mark.parametrize("header", [None, "Bearer x.y.z", "Basic abc", "Bearer"])
def test_without_a_good_token_everything_is_401(api, header):
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{api.url}{NEW}/kafkas", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["id"]) == (401, "15")


def test_a_token_is_refused_once_its_time_is_over(api):
    api.faults(token_lifetime=0.5)
    try:
        session = api.session("anna-token")
    finally:
        api.faults(token_lifetime=900)
    assert session.get(f"{api.url}{NEW}/kafkas", timeout=10).status_code == 200
    wait_for(lambda: session.get(f"{api.url}{NEW}/kafkas", timeout=10).status_code == 401)


def test_tokens_can_be_checked_with_what_the_issuer_publishes(api):
    discovery = requests.get(f"{api.url}/auth/realms/any/.well-known/openid-configuration", timeout=10).json()
    keys = KeySet.import_key_set(requests.get(discovery["jwks_uri"], timeout=10).json())
    claims = jwt.decode(api.token("bert-token"), keys, algorithms=["RS256"]).claims
    assert (claims["username"], claims["org_id"], claims["rh-org-id"]) == ("bert", "2", "2")
    assert claims["exp"] - claims["iat"] == 900


def test_the_issuer_refuses_in_the_words_of_oauth_and_counts_every_call(api):
    before = api.state()["issuer"]
    good = {"grant_type": "refresh_token", "client_id": "cloud-services", "refresh_token": "anna-token"}
    for changes, error in (
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"refresh_token": "nobody"}, "invalid_grant"),
        ({"client_id": ""}, "invalid_client"),
    ):
        answer = requests.post(api.token_url, data=good | changes, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert requests.post(api.token_url, data=good, timeout=10).json()["token_type"] == "bearer"
    after = api.state()["issuer"]
    assert (after["calls"] - before["calls"], after["issued"] - before["issued"]) == (4, 1)


def test_lists_are_of_the_organisation_and_deletions_of_the_owner(api, anna):
    identifier = create(anna, api).json()["id"]
    url = f"{api.url}{NEW}/kafkas"
    totals = [api.session(f"{who}-token").get(url, timeout=10).json()["total"] for who in ("anna", "arno", "bert")]
    assert totals == [1, 1, 0]
    assert api.session("arno-token").delete(f"{url}/{identifier}?async=true", timeout=10).status_code == 404


def test_quotas_and_names_hold_when_many_ask_at_once(api):
    def ask(number):
        name = "same" if number < 10 else f"other{number}"
        with api.session("anna-token") as session:
            return create(session, api, name).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(ask, range(20)))
    assert statuses.count(202) == 5
    assert set(statuses) == {202, 403, 409}
    names = [kafka["name"] for kafka in api.state()["kafkas"]]
    assert len(names) == len(set(names)) == 5


def test_service_accounts_live_under_both_of_their_names(api, anna):
    for path, reset in (("/serviceaccounts", "reset-credentials"), ("/service_accounts", "reset_credentials")):
        made = anna.post(f"{api.url}{NEW}{path}", json={"name": "svc", "description": "d", "id": "mine"}, timeout=10)
        assert made.status_code == 202
        account = made.json()
        assert account["id"] != "mine"
        assert account["clientID"].startswith("srvc-acct-")
        listed = anna.get(f"{api.url}{NEW}{path}", timeout=10).json()
        assert listed["kind"] == "ServiceAccountList"
        assert "page" not in listed
        assert "clientSecret" not in listed["items"][0]
        again = anna.post(f"{api.url}{NEW}{path}/{account['id']}/{reset}", timeout=10)
        assert again.status_code == 200
        assert again.json()["clientSecret"] != account["clientSecret"]
        assert anna.delete(f"{api.url}{NEW}{path}/{account['id']}", timeout=10).status_code == 204
        gone = anna.delete(f"{api.url}{NEW}{path}/{account['id']}", timeout=10)
        assert (gone.status_code, gone.json()["reason"]) == (500, "failed to check the sso client exists")


def test_providers_regions_and_the_description_of_the_api_are_there(api, anna):
    providers = anna.get(f"{api.url}{NEW}/cloud_providers", timeout=10).json()
    assert [each["id"] for each in providers["items"]] == ["aws", "gcp"]
    regions = anna.get(f"{api.url}{NEW}/cloud_providers/aws/regions", timeout=10).json()
    assert "us-east-1" in [each["id"] for each in regions["items"]]
    assert f"{NEW}/kafkas/{{id}}" in requests.get(f"{api.url}{NEW}/openapi", timeout=10).json()["paths"]


def test_a_path_that_is_not_there_is_an_error_object(api, anna):
    answer = anna.get(f"{api.url}{NEW}/nowhere", timeout=10)
    assert (answer.status_code, answer.json()["kind"]) == (404, "Error")


@pytest.mark.parametrize("status", [400, 403, 409, 429, 500, 503])
def test_the_next_deletions_answer_what_the_fault_says(api, anna, status):
    url = f"{api.url}{NEW}/kafkas/{create(anna, api).json()['id']}?async=true"
    api.faults(answer_status=status, answer_next=1)
    first, second = anna.delete(url, timeout=10), anna.delete(url, timeout=10)
    assert (first.status_code, second.status_code) == (status, 202)
    assert first.json()["kind"] == "Error"


def test_a_wrong_answer_may_be_no_json_at_all(api, anna):
    api.faults(answer_status=500, answer_text="<html>oops</html>", answer_method="GET", answer_path="/kafkas")
    answer = anna.get(f"{api.url}{NEW}/kafkas", timeout=10)
    assert (answer.status_code, answer.text) == (500, "<html>oops</html>")
    assert anna.get(f"{api.url}{NEW}/cloud_providers", timeout=10).status_code == 200
    api.faults(answer_method="DELETE", answer_path="")


def test_creations_beyond_the_limit_are_429_and_a_deletion_may_be_stuck(api, anna):
    api.faults(max_creates=1, stuck_deletion=True)
    identifier = create(anna, api, "one").json()["id"]
    assert create(anna, api, "two").status_code == 429
    anna.delete(f"{api.url}{NEW}/kafkas/{identifier}?async=true", timeout=10)
    time.sleep(0.6)
    assert [kafka["status"] for kafka in api.state()["kafkas"]] == ["deprovision"]


def test_the_issuer_is_down_for_as_long_as_was_said(api):
    api.faults(issuer_down_for=0.5)
    form = {"grant_type": "refresh_token", "client_id": "c", "refresh_token": "anna-token"}
    assert requests.post(api.token_url, data=form, timeout=10).status_code == 503
    wait_for(lambda: requests.post(api.token_url, data=form, timeout=10).status_code == 200)


def test_what_is_no_fault_is_named(api):
    answer = requests.post(f"{api.url}/_faults", json={"slow": 1}, timeout=10)
    assert (answer.status_code, answer.json()["problems"][0]["key"]) == (400, "slow")


def test_the_state_counts_by_method_template_and_status(api, anna):
    before = api.state()
    identifier = create(anna, api, "counted").json()["id"]
    anna.get(f"{api.url}{OLD}/kafkas/{identifier}", timeout=10)
    anna.get(f"{api.url}{OLD}/kafkas/other", timeout=10)
    after = api.state()

    def more(group, key):
        return after[group].get(key, 0) - before[group].get(key, 0)

    assert (more("methods", "POST"), more("methods", "GET")) == (1, 2)
    assert more("paths", "GET /kafkas/{id}") == 2
    assert (more("statuses", "GET /kafkas/{id} 200"), more("statuses", "GET /kafkas/{id} 404")) == (1, 1)
    (event,) = after["events"][len(before["events"]) :]
    assert (event["what"], event["id"], event["name"], event["owner"]) == (
        "kafka created",
        identifier,
        "counted",
        "anna",
    )


@pytest.mark.long
def test_a_database_on_disk_is_there_after_a_restart(tmp_path):
    database = f"--database={tmp_path / 'fleet.db'}"
    with fleet_api(database) as first:
        identifier = create(first.session(), first, "kept").json()["id"]
    with fleet_api(database) as second:
        assert [kafka["id"] for kafka in second.state()["kafkas"]] == [identifier]


@pytest.mark.long
def test_a_suite_written_from_the_contract_alone_runs_without_an_exception(tmp_path, monkeypatch):
    expected = {
        ("GET", "/kafkas"),
        ("GET", "/kafkas?search"),
        ("GET", "/kafkas/[id]"),
        ("GET", "/kafkas/[id]/metrics/query"),
        ("GET", "/kafkas/[id]/metrics/query_range"),
        ("GET", "/cloud_providers"),
        ("GET", "/cloud_providers/aws/regions"),
        ("GET", "/serviceaccounts"),
        ("POST", "/kafkas"),
        ("POST", "/serviceaccounts"),
        ("POST", "/serviceaccounts/[id]/reset-credentials"),
        ("DELETE", "/kafkas/[id]"),
        ("DELETE", "/serviceaccounts/[id]"),
    }
    with fleet_api("--token-lifetime=3", *FAST) as api, broker(api, "--leeway=0.1") as tokens:
        monkeypatch.setenv("TOKEN_URL", f"{tokens}/ocm_token")
        monkeypatch.setenv("PERF_TEST_GET_ONLY", "FALSE")
        monkeypatch.setenv("PERF_TEST_KAFKAS_PER_WORKER", "3")
        words = ("-f", str(LOCUSTFILE), "-H", api.url, "--headless", "-u", "80", "-r", "80", "-t", "8s")
        ended = locust(
            tmp_path, *words, "--csv", "out", "--csv-full-history", "--only-summary", "--exit-code-on-error", "0"
        )
        issued = api.state()["issuer"]["calls"]
    assert ended.code == 0, ended.err
    assert (tmp_path / "out_exceptions.csv").read_text().splitlines()[1:] == [], ended.err
    rows = [line.split(",") for line in (tmp_path / "out_stats.csv").read_text().splitlines()[1:-1]]
    assert {(row[0], row[1]) for row in rows} == expected
    assert {row[1]: row[3] for row in rows if row[3] != "0"} == {}, (tmp_path / "out_failures.csv").read_text()
    assert 2 <= issued <= 5

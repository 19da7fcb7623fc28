# ruff: noqa: RUF001 - dashes and signs are what is tested
from loadproof.report.configuration import Setting, effective_of, environment_of, requests_of, settings_of
from results_factory import ENVIRONMENT, PLAN, SERVICE_PLAN


def test_a_value_stands_beside_the_layer_that_set_it():
    settings = settings_of(PLAN)
    assert settings[0] == Setting("locustfile", "locustfile.py", "TARGET")
    assert Setting("users", "40", "--users") in settings
    assert Setting("run_time", "2 m 00 s", "LOADPROOF_RUN_TIME") in settings
    assert Setting("spawn_rate", "8/s", "loadproof.toml: run.spawn_rate") in settings


def test_what_is_not_set_is_a_dash_and_a_flag_is_a_word():
    settings = {setting.key: setting.value for setting in settings_of(PLAN)}
    assert settings["rps"] == "–"
    assert settings["strict"] == "no"
    assert settings["locust_args"] == "-f locustfile.py -u 40 -r 8 -t 2m"


def test_a_service_is_listed_under_its_key_path():
    settings = settings_of(SERVICE_PLAN)
    base_url = Setting("services.pkd.base_url", "http://localhost:8088", "loadproof.toml: services.pkd.base_url")
    assert settings[0] == base_url
    assert Setting("services.pkd.headers.X-API-Key", "***") in settings
    assert Setting("services.pkd.timeout", "30 s", "default") in settings
    assert Setting("services.pkd.auth", "–") in settings


def test_the_requests_of_a_service_are_a_table():
    first, second = requests_of(SERVICE_PLAN)
    assert first == {
        "method": "GET", "path": "/v1/masterlist", "name": "–", "weight": "–", "expect": "–", "headers": "–",
        "body": "–",
    }  # fmt: skip
    assert (second["weight"], second["expect"], second["body"]) == ("2", "200, 409", '{"country": "UT"}')
    assert requests_of(PLAN) == []


def test_an_unknown_plan_has_no_rows():
    assert (settings_of({}), requests_of({}), effective_of({}), environment_of({})) == ([], [], [], [])


def test_what_locust_made_of_it_and_the_environment_are_rows():
    assert Setting("user_classes", "Browser, Buyer") in effective_of(PLAN)
    assert Setting("ci", "no") in environment_of(ENVIRONMENT)


def test_profiles_are_told_in_words():
    stages = [
        {"duration": 30.0, "start": 0.0, "end": 50.0},
        {"duration": 600.0, "start": 50.0, "end": 50.0},
        {"duration": None, "start": 0.0, "end": 0.0},
    ]
    profile = {"model": "open", "stages": stages, "max_users": None}
    scenario = {"name": "buying", "profile": profile, "user_classes": ["Buyer"], "start": 5.0, "graceful_stop": 10.0}
    found = {setting.key: setting.value for setting in settings_of({"scenarios": [scenario], "warmup": 12.0})}
    assert found == {
        "scenarios.buying.profile.model": "open",
        "scenarios.buying.profile.stages": "30 s from 0/s to 50/s, 10 m 00 s at 50/s, no end at 0/s",
        "scenarios.buying.profile.max_users": "–",
        "scenarios.buying.user_classes": "Buyer",
        "scenarios.buying.start": "5 s",
        "scenarios.buying.graceful_stop": "10 s",
        "warmup": "12 s",
    }


def test_searches_are_told_in_words():
    rules = [{"text": "error_rate < 5%"}, {"text": "p95(response_time) < 1s"}]
    search = {"kind": "stress", "levels": [10.0, 20.5], "hold": 30, "rules": rules}
    assert {setting.key: setting.value for setting in settings_of({"search": search, "scenarios": []})} == {
        "search.kind": "stress",
        "search.levels": "10, 20.5",
        "search.hold": "30 s",
        "search.rules": "error_rate < 5%; p95(response_time) < 1s",
        "scenarios": "–",
    }

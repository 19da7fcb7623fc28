"""When the suite does what, on a virtual clock, and by which parameters."""

from __future__ import annotations

from collections import Counter
from random import Random
from urllib.parse import unquote

import pytest
from fleet_modules import fleet_modules

from loadproof.errors import UsageError
from loadproof.result.ledgers import Entry
from loadproof.suites.fleet.target.search import parse_query

settings, timeline, mix, worker, process_csv, start, kit_phases = fleet_modules(
    "settings", "timeline", "mix", "worker", "process_csv", "start", "loadproof.kit.phases"
)
CREATES = {"get_only": False, "kafkas": 5}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def phases_at(moments, run_time, **given):
    clock = Clock()
    phases = kit_phases.Phases(timeline.phases_of(settings.FleetSettings(**given)), run_time=run_time, clock=clock)
    seen = []
    for clock.now in moments:
        seen.append(phases.now())
    return seen


def test_kafkas_stay_until_90_seconds_before_the_end_and_are_swept_60_before():
    moments = [0, 7200 - 100, 7200 - 90.01, 7200 - 90, 7200 - 60.01, 7200 - 60, 7199]
    assert phases_at(moments, 7200, **CREATES) == ["mix", "mix", "mix", "cleanup", "cleanup", "sweep", "sweep"]


def test_the_hold_off_is_in_minutes_from_the_start():
    assert phases_at([0, 299.9, 300, 7000], 7200, hold_off=5) == ["hold off", "hold off", "mix", "mix"]


@pytest.mark.parametrize("given", [{}, {"kafkas": 5}, {**CREATES, "cleanup": False}, {"get_only": False}])
def test_without_anything_to_remove_the_mix_goes_on_to_the_end_of_however_short_a_run(given):
    assert phases_at([0, 59], 60, **given) == ["mix", "mix"]


def test_a_run_too_short_for_its_cleanup_is_refused():
    with pytest.raises(UsageError, match="make the run longer"):
        phases_at([], 60, **CREATES)


def test_a_shorter_minute_scales_every_phase():
    assert phases_at([9.9, 10, 34.9, 35, 40], 50, **CREATES, hold_off=1, minute=10) == [
        "hold off",
        "mix",
        "mix",
        "cleanup",
        "sweep",
    ]


class Ledger:
    def __init__(self, *entries):
        self.entries = list(entries)

    def remaining(self):
        return tuple(self.entries)


def entry(identity="x", **facts):
    return Entry("kafka", "key", identity, facts, 0.0)


def may_go(phase, thing, *, is_accepted=False, **given):
    here = worker.Worker(settings.FleetSettings(**CREATES, **given), Ledger(thing), Ledger())
    if is_accepted:
        here.kafka_removals.hand_over(thing)
    return here.may_go(phase, thing)


@pytest.mark.parametrize(
    ("phase", "kept", "filler", "filler_that_was_deleted", "lost"),
    [
        ("hold off", False, True, False, False),
        ("mix", False, True, False, False),
        ("cleanup", True, True, True, False),
        ("sweep", True, True, True, True),
    ],
)
def test_what_may_be_removed_when(phase, kept, filler, filler_that_was_deleted, lost):
    assert may_go(phase, entry(keep=True)) is kept
    assert may_go(phase, entry(keep=True), is_accepted=True) is kept
    assert may_go(phase, entry(keep=False)) is filler
    assert may_go(phase, entry(keep=False), is_accepted=True) is filler_that_was_deleted
    assert may_go(phase, entry(None, keep=True)) is may_go(phase, entry(None, keep=False)) is lost


def test_without_cleanup_only_what_fills_the_database_is_deleted():
    given = {"cleanup": False}
    assert not any(may_go(phase, entry(keep=True), **given) for phase in ("mix", "cleanup", "sweep"))
    assert may_go("mix", entry(keep=False), **given)


def test_what_is_left_is_told_from_what_is_being_deleted():
    things = [entry(f"id{n}", keep=True)._replace(key=f"key{n}") for n in range(3)]
    here = worker.Worker(settings.FleetSettings(**CREATES), Ledger(*things), Ledger())
    here.kafka_removals.hand_over(things[1])
    here.kafka_removals.refused(here.kafka_removals.claim())
    assert here.left() == (2, 1)


def test_a_query_of_the_mix_follows_the_grammar_of_the_service():
    statuses = Counter()
    for _ in range(200):
        ((provider, status, name),) = parse_query(unquote(mix.draw_search(Random(_)))).alternatives
        assert (provider.value, name.operator, len(name.value)) == ("aws", "<>", 15)
        statuses[status.value] += 1
    assert set(statuses) == {"accepted", "preparing", "provisioning", "ready"}


def test_names_never_repeat():
    assert len({mix.new_name() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("http://[::1]:8000", False),
        ("https://api.stage.example.com", True),
        ("http://127.0.0.1.example.com", True),
        ("", True),
    ],
)
def test_only_the_database_of_this_machine_is_filled_without_a_word(host, refused):
    asked = settings.FleetSettings(prepopulate=True, get_only=False)
    assert (asked.refused_host(host) is not None) is refused


def test_another_machine_has_to_be_named_and_no_other_is_meant():
    asked = settings.FleetSettings(prepopulate=True, get_only=False, prepopulate_confirmed="api.stage.example.com")
    assert asked.refused_host("https://api.stage.example.com") is None
    assert "api.example.com" in asked.refused_host("https://api.example.com")


def test_a_host_is_not_refused_where_nothing_is_filled():
    assert settings.FleetSettings(prepopulate=True).refused_host("https://api.example.com") is None
    assert settings.FleetSettings(get_only=False).refused_host("https://api.example.com") is None


def test_what_is_set_in_vain_is_said():
    assert settings.FleetSettings().in_vain() == []
    assert len(settings.FleetSettings(prepopulate=True, kafkas=3).in_vain()) == 2
    assert settings.FleetSettings(get_only=False, prepopulate=True, kafkas=3).in_vain() == []


def test_everything_but_the_two_required_variables_has_the_default_of_the_document(tmp_path):
    required = {"PERF_TEST_ROUTE_HOST": "https://api.example.com", "OCM_OFFLINE_TOKEN": "long-living"}
    given = settings.RunSettings.load(environ=required, cwd=tmp_path)
    assert {each.name: each.value for each in given.shown() if each.source == "default"} == {
        "PERF_TEST_BASE_API_URL": "/api/managed-services-api/v1",
        "PERF_TEST_TOKEN_URL": "***",  # its name looks like a secret's
        "PERF_TEST_GET_ONLY": "True",
        "PERF_TEST_PREPOPULATE_DB": "False",
        "PERF_TEST_PREPOPULATE_DB_KAFKA_PER_WORKER": "500",
        "PERF_TEST_PREPOPULATE_DB_CONFIRM": "",
        "PERF_TEST_KAFKA_POST_WAIT_TIME": "1",
        "PERF_TEST_KAFKAS_PER_WORKER": "0",
        "PERF_TEST_HIT_ENDPOINTS_HOLD_OFF": "0",
        "PERF_TEST_CLEANUP": "True",
        "PERF_TEST_SINGLE_WORKER_KAFKA_CREATE": "False",
        "PERF_TEST_INSECURE": "False",
        "PERF_TEST_MINUTE": "60.0",
        "PERF_TEST_USERS": "150",
        "PERF_TEST_WORKERS_NUMBER": "25",
        "PERF_TEST_RUN_TIME": "7200.0",
        "PERF_TEST_USER_SPAWN_RATE": "1",
        "ADDITIONAL_LOCUST_OPTS": "",
    }
    assert given.all_users == 3750


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"BASE_API_URL": "/old"}, "/old"),
        ({"PERF_TEST_BASE_API_URL": "/new"}, "/new"),
        ({"BASE_API_URL": "/old", "PERF_TEST_BASE_API_URL": "/new"}, "/new"),
    ],
)
def test_the_base_path_has_an_old_and_a_new_name(tmp_path, environ, path):
    assert settings.FleetSettings.load(environ=environ, cwd=tmp_path).base_path == path


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({}, 0),
        ({"hold_off": 1}, 1),
        ({"get_only": False, "kafkas": 1}, 1.5),
        ({"get_only": False, "kafkas": 1, "hold_off": 3}, 4.5),
        ({"get_only": False, "kafkas": 1, "cleanup": False}, 0),
    ],
)
def test_a_test_has_to_be_longer_than_what_it_is_to_do(given, needed):
    too_short = {
        minutes
        for minutes in (1, 2, 3, 4, 5)
        if settings.RunSettings(run_time=minutes * 60.0, minute=7, **given).refused_run_time() is not None
    }
    assert too_short == {minutes for minutes in (1, 2, 3, 4, 5) if minutes <= needed}


def test_the_command_has_all_users_of_all_workers_and_the_options_of_the_team_last():
    given = settings.RunSettings(
        route_host="http://h", users=4, workers=3, run_time=600, minute=6, additional_options="--tags 'a b'"
    )
    command = start.run_command("loadproof", given)
    for option, value in (("--users", "12"), ("--processes", "3"), ("--run-time", "60s"), ("--host", "http://h")):
        assert command[command.index(option) + 1] == value
    assert command[-2:] == ["--tags", "a b"]


def test_statistics_as_json_have_every_endpoint_of_the_template_and_no_gaps():
    headers = ["Type", "Name", "Request Count", "Requests/s", "95%"]
    rows = [
        {"Type": "GET", "Name": "/Kafkas", "Request Count": "3", "Requests/s": "0.5", "95%": "N/A"},
        {"Type": "GET", "Name": "/extra", "Request Count": "1", "Requests/s": "0.25", "95%": "7"},
    ]
    template = [{"type": "POST", "name": "/kafkas"}, {"type": "GET", "name": "/Kafkas"}]
    undefined = "undefined"
    assert process_csv.as_objects(headers, rows, template) == [
        {"type": "POST", "name": "/kafkas", "request count": undefined, "requests/s": undefined, "95%": undefined},
        {"type": "GET", "name": "/Kafkas", "request count": 3, "requests/s": 0.5, "95%": undefined},
        {"type": "GET", "name": "/extra", "request count": 1, "requests/s": 0.25, "95%": 7},
    ]

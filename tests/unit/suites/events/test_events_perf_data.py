from __future__ import annotations

import pytest
from sqlalchemy import select

from loadproof.suites.events.target.commands import perf_data_from, run
from loadproof.suites.events.target.passwords import hashed, matches
from loadproof.suites.events.target.perf_data import NotOursError, PerfData, bootstrap_perf_tests
from loadproof.suites.events.target.settings import PlatformSettings, settings_from
from loadproof.suites.events.target.tables import Event, Organization, User


def addresses(stage):
    with stage.database.read() as session:
        return set(session.scalars(select(User.email)))


def test_seeding_a_second_time_makes_nothing(stage):
    assert bootstrap_perf_tests(stage.database, stage.data) == {
        "users deleted": 0,
        "events deleted": 0,
        "users made": 0,
        "events made": 0,
    }


def test_seeding_makes_what_is_missing(stage):
    more = PerfData(users=6, iterations=1)
    assert bootstrap_perf_tests(stage.database, more)["users made"] == 2
    assert addresses(stage) == {
        f"perf-{name}@test.com" for name in ("admin", "staff", *(f"user-{n}" for n in range(6)))
    }


def test_a_reset_makes_everything_anew_and_what_people_did_is_gone(stage):
    event, tier = stage.tier("perf-ticket-free-event")
    order = {"tickets": [{"guest_name": "Ada"}]}
    assert stage.post(f"/events/{event}/tickets/{tier}/checkout", order, stage.sign_in()).status_code == 200
    done = bootstrap_perf_tests(stage.database, stage.data, reset=True)
    assert done == {"users deleted": 6, "events deleted": 5, "users made": 6, "events made": 5}
    assert stage.event("perf-ticket-free-event") != event
    assert stage.state()["events"]["perf-ticket-free-event"]["tiers"] == [{"capacity": 10_000, "sold": 0, "tickets": 0}]


def test_a_reset_leaves_what_it_did_not_make(stage):
    with stage.database.write() as session:
        session.add(User(email="perf-human@test.com", password=hashed("x", 1), verified=True))
    newcomer = {"email": "locust-new-1@test.com", "password": "password123"}
    assert stage.post("/account/register", newcomer).status_code == 201
    bootstrap_perf_tests(stage.database, stage.data, reset=True)
    assert {"perf-human@test.com", "locust-new-1@test.com"} <= addresses(stage)
    with stage.database.read() as session:
        assert len(session.scalars(select(Event).where(Event.perf.is_(False))).all()) == 4


def test_names_that_are_taken_stop_it_before_anything_changes(stage):
    with stage.database.write() as session:
        session.add(User(email="perf-user-5@test.com", password=hashed("x", 1)))
    before = addresses(stage)
    with pytest.raises(
        NotOursError, match=r"perf-user-5@test\.com: there already, and not made by bootstrap_perf_tests"
    ):
        bootstrap_perf_tests(stage.database, PerfData(users=6, iterations=1), reset=True)
    assert addresses(stage) == before


def test_an_organization_that_is_not_ours_stops_it_too(stage):
    with stage.database.write() as session:
        organization = session.scalars(select(Organization).where(Organization.perf)).one()
        organization.perf = False
    with pytest.raises(NotOursError, match="perf-test-org: there already"):
        bootstrap_perf_tests(stage.database, stage.data)


def test_the_environment_says_how_much_data_there_is():
    environment = {
        "LOCUST_NUM_PRESEEDED_USERS": "7",
        "LOCUST_DEFAULT_PASSWORD": "another1",
        "LOCUST_TICKET_TIER_CAPACITY": "500",
    }
    settings = PlatformSettings(password_iterations=3)
    expected = PerfData(users=7, password="another1", iterations=3, tier_capacity=500, limited_capacity=50)
    assert perf_data_from(environment, settings) == expected
    assert perf_data_from({}, PlatformSettings()) == PerfData()


def test_a_number_of_users_that_is_none_is_named():
    with pytest.raises(ValueError, match="LOCUST_NUM_PRESEEDED_USERS='many' is not a whole number"):
        perf_data_from({"LOCUST_NUM_PRESEEDED_USERS": "many"}, PlatformSettings())


def test_the_commands_prepare_an_empty_database(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LOCUST_NUM_PRESEEDED_USERS", "2")
    settings = PlatformSettings(database_url=f"sqlite:///{tmp_path / 'new.sqlite3'}", password_iterations=1)
    for words, said in [
        (["migrate"], "the tables are there\n"),
        (["bootstrap"], "Book Club is there\n"),
        (["bootstrap_perf_tests"], "4 users made, 5 events made\n"),
        (["bootstrap_perf_tests"], "all of it was there already\n"),
        (["bootstrap_perf_tests", "--reset"], "4 users deleted, 5 events deleted, 4 users made, 5 events made\n"),
    ]:
        assert run(words, settings) == 0
        assert capsys.readouterr().out == said


def test_a_database_that_is_not_there_is_named(tmp_path, capsys):
    settings = PlatformSettings(database_url=f"sqlite:///{tmp_path / 'no' / 'where.sqlite3'}")
    assert run(["migrate"], settings) == 1
    assert capsys.readouterr().err == "manage.py migrate: unable to open database file\n"


def test_the_environment_sets_the_platform():
    settings = settings_from(
        {
            "DATABASE_URL": "sqlite:///x",
            "EMAIL_PORT": "2525",
            "SYSTEM_TESTING": "True",
            "DISABLE_THROTTLING": "False",
            "SECRET_KEY": "k",
        }
    )
    seen = (settings.database_url, settings.smtp_port, settings.system_testing, settings.throttling)
    assert seen == ("sqlite:///x", 2525, True, True)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EMAIL_PORT", "mail", "EMAIL_PORT='mail' is not a number"),
        ("THREADS", "0", "THREADS='0' is too small"),
        ("SYSTEM_TESTING", "perhaps", "SYSTEM_TESTING='perhaps' is neither true nor false"),
    ],
)
def test_settings_that_are_none_are_named(name, value, said):
    with pytest.raises(ValueError, match=said):
        settings_from({name: value})


def test_a_password_is_kept_with_a_salt_of_its_own_and_matches_only_itself():
    one, two = hashed("password123", 5), hashed("password123", 5)
    assert one != two
    assert one.startswith("pbkdf2_sha256$5$")
    assert matches("password123", one)
    assert not matches("password124", one)

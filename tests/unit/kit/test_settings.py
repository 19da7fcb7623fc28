import json
from pathlib import Path

import pytest

from loadproof.kit.settings import Duration, Minutes, SecretStr, Settings, StrictBoolean, Url, setting


class Fleet(Settings):
    users: int = setting(150, env="PERF_TEST_USERS", aliases=("OLD_USERS",), at_least=1, help="users of each worker")
    get_only: StrictBoolean = setting(default=True, env="PERF_TEST_GET_ONLY", help="send nothing but GET")
    logging: bool = setting(default=False, env="REQUESTS_LOGGING", help="show what HTTP does")
    run_time: Minutes = setting(7200.0, env="PERF_TEST_RUN_TIME", help="how long")
    gap: Duration = setting(1.0, env="GAP", help="between two")
    host: Url | None = setting(None, env="ROUTE_HOST", help="where the API is")
    token: SecretStr | None = setting(None, env="OFFLINE_TOKEN", help="the long-lived token")
    file: Path = setting(Path("5MiB.bin"), env="USER_FILE", help="what is sent")


class Needy(Settings):
    host: Url = setting(env="ROUTE_HOST", required=True, help="where the API is")
    share: float = setting(0.5, env="SHARE", at_least=0, at_most=1, help="of something")


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(Settings, "loaded", [])


def load(cls, tmp_path, **environ):
    return cls.load(environ=environ, cwd=tmp_path)


def sources(settings):
    return {each.name: each.source for each in settings.shown()}


def test_nothing_set_gives_the_defaults_and_says_so(tmp_path):
    fleet = load(Fleet, tmp_path)
    assert (fleet.users, fleet.get_only, fleet.run_time, fleet.host, fleet.file) == (
        150,
        True,
        7200.0,
        None,
        Path("5MiB.bin"),
    )
    assert set(sources(fleet).values()) == {"default"}
    assert Settings.loaded == [fleet]


def test_every_layer_is_above_the_next_one(tmp_path):
    (tmp_path / "loadproof.toml").write_text(
        "[settings]\nPERF_TEST_USERS = 1\nPERF_TEST_GET_ONLY = false\nGAP = '2s'\n"
    )
    fleet = load(Fleet, tmp_path)
    assert (fleet.users, fleet.get_only, fleet.gap) == (1, False, 2.0)
    assert sources(fleet)["PERF_TEST_USERS"] == "loadproof.toml: settings.PERF_TEST_USERS"
    (tmp_path / ".env").write_text("PERF_TEST_USERS=2\n")
    assert (load(Fleet, tmp_path).users, sources(load(Fleet, tmp_path))["PERF_TEST_USERS"]) == (
        2,
        ".env: PERF_TEST_USERS",
    )
    fleet = load(Fleet, tmp_path, PERF_TEST_USERS="3")
    assert (fleet.users, sources(fleet)["PERF_TEST_USERS"]) == (3, "PERF_TEST_USERS")
    handed_on = json.dumps([
        {"name": "PERF_TEST_USERS", "text": "4", "source": "--set PERF_TEST_USERS", "is_option": True},
        {"name": "GAP", "text": "9s", "source": "other.toml: settings.GAP", "is_option": False},
    ])  # fmt: skip
    fleet = load(Fleet, tmp_path, PERF_TEST_USERS="3", LOADPROOF_SETTINGS=handed_on)
    assert (fleet.users, fleet.gap, fleet.get_only) == (4, 9.0, True)  # the run read its file; this one reads none
    assert sources(fleet)["PERF_TEST_USERS"] == "--set PERF_TEST_USERS"


def test_an_empty_variable_is_not_set_and_an_older_name_is_known(tmp_path):
    assert load(Fleet, tmp_path, PERF_TEST_USERS="").users == 150
    assert load(Fleet, tmp_path, OLD_USERS="7").users == 7
    assert load(Fleet, tmp_path, OLD_USERS="7", PERF_TEST_USERS="8").users == 8


@pytest.mark.parametrize(
    ("text", "value"), [("false", False), ("0", False), ("no", False), ("True", True), ("on", True)]
)
def test_a_boolean_has_many_words(tmp_path, text, value):
    assert load(Fleet, tmp_path, REQUESTS_LOGGING=text).logging is value


@pytest.mark.parametrize(("text", "seconds"), [("1m", 60.0), ("120m", 7200.0)])
def test_minutes_are_seconds_inside(tmp_path, text, seconds):
    assert load(Fleet, tmp_path, PERF_TEST_RUN_TIME=text).run_time == seconds


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("PERF_TEST_GET_ONLY", "true", "must be exactly TRUE or FALSE"),
        ("PERF_TEST_RUN_TIME", "2h", "must be in minutes, as 120m"),
        ("PERF_TEST_RUN_TIME", "90s", "must be in minutes"),
        ("PERF_TEST_RUN_TIME", "120", "must be in minutes"),
        ("PERF_TEST_RUN_TIME", "0m", "must be in minutes"),
        ("PERF_TEST_RUN_TIME", "²m", "must be in minutes"),
        ("PERF_TEST_USERS", "many", "should be a valid integer"),
        ("PERF_TEST_USERS", "0", "greater than or equal to 1"),
        ("ROUTE_HOST", "api.example.com", "with its scheme"),
        ("ROUTE_HOST", "https://api.example.com/", "no slash at its end"),
        ("REQUESTS_LOGGING", "maybe", "boolean"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_says_where(tmp_path, capsys, name, text, reason):
    with pytest.raises(SystemExit) as ended:
        load(Fleet, tmp_path, **{name: text})
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"❌ {name}: " in said
    assert reason in said
    assert "[bad-setting]" in said


def test_all_problems_are_told_at_once(tmp_path, capsys):
    with pytest.raises(SystemExit):
        load(Needy, tmp_path, SHARE="1.5")
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "❌ ROUTE_HOST: is required, and nothing sets it [missing-setting]",
        "   try: set it in the environment, in .env, by --set or in [settings] of loadproof.toml: where the API is",
        "❌ SHARE: input should be less than or equal to 1 [bad-setting]",
        "   try: what it is for: of something",
    ]


def test_secrets_are_never_shown(tmp_path, capsys):
    fleet = load(Fleet, tmp_path, OFFLINE_TOKEN="very secret")
    shown = {each.name: each.value for each in fleet.shown()}
    assert shown["OFFLINE_TOKEN"] == "***"
    assert "very secret" not in repr(fleet)
    assert fleet.token.get_secret_value() == "very secret"


class Odd(Settings):
    dsn: SecretStr | None = setting(env="DB_DSN", help="where the data is")


def test_a_secret_that_the_plan_would_show_is_refused_there_and_taken_where_nobody_shows_it(tmp_path, capsys):
    (tmp_path / "loadproof.toml").write_text("[settings]\nDB_DSN = 'postgresql://u:very secret@h'\n")
    with pytest.raises(SystemExit):
        load(Odd, tmp_path)
    said = capsys.readouterr().err
    assert "loadproof.toml: settings.DB_DSN: is a secret, and would stand in the plan" in said
    assert "very secret" not in said
    assert load(Odd, tmp_path, DB_DSN="x").dsn.get_secret_value() == "x"


def test_a_misspelt_name_is_pointed_out(tmp_path, capsys):
    load(Fleet, tmp_path, PERF_TEST_USRES="5", PATH="/bin", PERF_TEST_USER_SPAWN_RATE="1")
    assert (
        capsys.readouterr().err
        == "⚠ PERF_TEST_USRES is set, and no setting has that name; did you mean PERF_TEST_USERS?\n"
    )


def test_settings_are_frozen_and_a_test_can_make_them():
    fleet = Fleet(users=3)
    with pytest.raises(ValueError, match="frozen"):
        fleet.users = 4
    assert {each.source for each in fleet.shown()} == {"given in Python"}

import pytest

from loadproof.plan.locust_arguments import take_load


@pytest.mark.parametrize(
    "words",
    [
        *(["-t60"], ["-t=60"], ["-t", "60"], ["--run-time=60"], ["--run-time", "60"], ["--run-t", "60"]),
        *(["--ru=60"], ["--run", "60"], ["-t", "5", "--run-time", "60"]),
    ],
)
def test_the_run_time_is_found_in_every_spelling_that_argparse_takes(words):
    assert take_load(["--tags", "a", *words, "-L", "INFO"]) == ({"run_time": "60"}, ["--tags", "a", "-L", "INFO"])


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (["-u5", "-r", "2.5"], {"users": "5", "spawn_rate": "2.5"}),
        (["--users=5", "--spawn-rate", "2"], {"users": "5", "spawn_rate": "2"}),
        (["--u", "5", "--spawn=2", "-t", "1h30m"], {"users": "5", "spawn_rate": "2", "run_time": "1h30m"}),
        (["-u", "-5"], {"users": "-5"}),
        (["-t"], {"run_time": ""}),
        (["-u", "many"], {"users": "many"}),
    ],
)
def test_users_and_spawn_rate_are_found_too(words, taken):
    assert take_load(words) == (taken, [])


@pytest.mark.parametrize(
    "words",
    [
        ["--user", "bob"],
        ["--run=nightly"],
        ["--users-file", "5"],
        ["--s", "5"],
        ["--r", "5"],
        ["--", "-t", "60"],
        ["--tags", "t", "u"],
        ["-L", "INFO", "--reset-stats"],
        [],
    ],
)
def test_other_words_stay(words):
    assert take_load(words) == ({}, words)


def test_an_option_behind_one_without_a_value_is_not_its_value():
    assert take_load(["-t", "-u", "5"]) == ({"run_time": "", "users": "5"}, [])

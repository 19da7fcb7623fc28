import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from loadproof.cli import capacity, entry, run, stress
from loadproof.errors import UsageError

MANUAL = (Path(__file__).parents[3] / "docs/load.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^(loadproof .*?)(?:\s+#.*)?$", "\n".join(re.findall(r"```sh\n(.*?)```", MANUAL, re.DOTALL)), re.MULTILINE
)
EXAMPLES = [
    line.strip()
    for module in (run, stress, capacity)
    for line in re.findall(r"^  (loadproof (?:run|stress|capacity) \S.*?)(?:   .*)?$", module._EPILOG, re.MULTILINE)
]
TOML = '[profiles.day]\ntarget = 5\n[services.pkd_service]\nbase_url = "http://localhost:8088"\nrequests = ["/"]\n'


@pytest.fixture
def plans(tmp_path, monkeypatch):
    """Runs a command line and gives the plans that would be run."""
    for name in ("load.py", "locustfile.py"):
        (tmp_path / name).touch()
    (tmp_path / "loadproof.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run.os, "environ", {})
    caught = []
    monkeypatch.setattr(run, "run_all", lambda plans, *, quiet: caught.append((plans, quiet)) or 0)

    def plans_of(line):
        program, command, *words = shlex.split(line)
        assert program == "loadproof"
        assert import_module(f"loadproof.cli.{command}").main(words) == 0
        return caught[-1][0]

    return plans_of


@pytest.mark.parametrize("line", [*COMMANDS, *EXAMPLES])
def test_every_command_that_is_shown_makes_a_plan(line, plans):
    plan = plans(line)[0]
    kind = shlex.split(line)[1]
    assert (plan.search.kind if plan.search else "run") == kind


def test_the_manual_and_the_help_show_commands():
    assert len(COMMANDS) > 15
    assert len(EXAMPLES) > 10


def test_every_option_of_a_run_reaches_its_plan(plans):
    (plan,) = plans(
        "loadproof run load.py --rate 9/s --duration 1m --poisson --seed 7 --max-users 5 --late run --iterations 50 "
        "--warmup ramp -u 3 --quiet"
    )
    (scenario,) = plan.scenarios
    profile = scenario.profile
    assert (profile.stages[0].end, profile.arrivals, profile.seed, profile.max_users, profile.late) == (
        *(9, "poisson", 7, 5, "run"),
    )
    assert (profile.start_users, plan.iterations, plan.warmup, plan.run_time) == (3, 50, "ramp", 60)
    assert plan.locust_args == ("-f", "load.py")
    (plan,) = plans("loadproof run load.py --load-profile day --iterations-per-user 3 -t90")
    assert (plan.scenarios[0].profile.model, plan.iterations_per_user, plan.run_time) == ("closed", 3, 90)


def test_a_stress_test_is_told_all_that_it_needs(plans):
    (plan,) = plans("loadproof stress load.py --max-users 8 --steps 2 --ramp-up 20s --class A --host http://h --tags x")
    assert (plan.search.levels, plan.search.hold) == ((4, 8), 10)
    assert plan.locust_args == ("-f", "load.py", "A", "--host", "http://h", "--tags", "x")


def test_a_capacity_search_is_told_all_that_it_needs(plans):
    (plan,) = plans(
        "loadproof capacity --slo 'error_rate < 1%' --max-rate 90/s --start-rate 5/s --trial 9s --settle 2s --confirm 18s "
        "--precision 3% --max-users 40 --processes 2"
    )
    search = plan.search
    assert (search.max_rate, search.start_rate, search.trial, search.settle, search.confirm) == (90, 5, 9, 2, 18)
    assert (search.precision, search.max_users, plan.processes) == (0.03, 40, 2)
    assert search.rules[-1].text == "error_rate < 1%"


def test_all_services_are_searched_one_after_another(plans):
    assert [plan.name for plan in plans("loadproof stress --all")] == ["pkd_service"]


@pytest.mark.parametrize("command", [stress, capacity])
@pytest.mark.parametrize(
    "words",
    [
        *(
            ["-u", "5"],
            ["-r", "5"],
            ["-t", "60"],
            ["--rate", "5"],
            ["--duration", "5s"],
            ["--stages", "5s:5"],
        ),
        *(["--load-profile", "day"], ["--late", "run"], ["--iterations", "5"], ["--warmup", "5s"], ["--rps", "5"]),
    ],
)
def test_what_a_search_decides_itself_is_refused_there(command, words, plans):
    with pytest.raises(UsageError) as caught:
        command.main(["load.py", *words])
    assert [problem.slug for problem in caught.value.problems] == ["not-in-search"]


def test_a_search_does_not_list_what_it_refuses(capsys):
    for command in (stress, capacity):
        with pytest.raises(SystemExit):
            command.main(["--help"])
        text = capsys.readouterr().out
        assert "examples:" in text
        assert "--stages" not in text
        assert "--poisson" in text


def test_the_commands_are_listed(capsys):
    with pytest.raises(SystemExit):
        entry.main(["--help"])
    text = capsys.readouterr().out
    for command in ("run", "stress", "capacity", "demo", "report", "locust"):
        assert re.search(rf"^ +{command} ", text, re.MULTILINE)


def test_problems_of_a_search_exit_with_2(plans, capsys):
    assert entry.main(["stress", "load.py", "--max-users", "5", "--max-rate", "5"]) == 2
    assert "--max-users and --max-rate" in capsys.readouterr().err

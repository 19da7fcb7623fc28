from pathlib import Path

import pytest

from loadproof.errors import UsageError
from loadproof.plan import CoverageGate, LocustTarget, Options, load_plan, load_plans
from loadproof.plan.model import Plan

TOML = """
thresholds = ["p95(response_time) < 500ms"]

[run]
users = 5
spawn_rate = 2.5
run_time = "2m"

[services.pkd]
base_url = "http://localhost:8088"
requests = ["/", "/docs"]
run_time = "20s"
thresholds = ["error_rate < 2%"]

[services.ui]
base_url = "http://localhost:8000"
requests = ["/"]
"""


@pytest.fixture
def cwd(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "locustfile.py").touch()
    return folder


@pytest.fixture
def load(cwd):
    def load_in_cwd(target=None, *, environ=None, **options):
        return load_plan(Options(target=target, cwd=cwd, environ=environ or {}, **options))

    return load_in_cwd


@pytest.fixture
def problems(load):
    def problems_of(target=None, **options):
        with pytest.raises(UsageError) as caught:
            load(target, **options)
        return [(problem.slug, problem.where) for problem in caught.value.problems]

    return problems_of


def write(cwd, toml, name="loadproof.toml"):
    (cwd / name).write_text(toml)


def test_a_locustfile_alone_leaves_everything_to_locust(load):
    plan = load()
    assert plan.target == LocustTarget(locustfile="locustfile.py")
    assert plan.name == "shop"
    assert (plan.users, plan.spawn_rate, plan.run_time, plan.processes, plan.host, plan.rps) == (None,) * 6
    assert plan.locust_args == ("-f", "locustfile.py")
    assert (plan.results, plan.samples, plan.client) == (Path("reports/performance"), "all", "fast")
    assert (plan.ready_check, plan.ui, plan.strict, plan.allow_inconclusive) == (True, False, False, False)
    metrics = ["exceptions", "coverage", "error_rate", "response_time", "response_time"]
    assert [rule.metric for rule in plan.thresholds] == metrics
    assert (plan.coverage, plan.baseline, plan.require_baseline, plan.fail_on_regression) == (
        CoverageGate(), None, False, False,
    )  # fmt: skip
    assert set(plan.sources.values()) == {"default"}
    assert set(plan.sources) == {
        *("target", "name", "users", "spawn_rate", "run_time", "processes", "host", "rps", "results", "samples"),
        *("client", "strict", "ready_check", "ui", "allow_inconclusive"),
        *("scenarios", "iterations", "iterations_per_user", "warmup", "baseline"),
        *("metrics_port", "metrics_host", "metrics_grace"),
    }
    assert (plan.scenarios, plan.iterations, plan.iterations_per_user, plan.warmup, plan.search) == ((), *(None,) * 4)


def test_a_service_has_ten_users_at_once_for_a_minute(load, cwd):
    write(cwd, '[services.pkd]\nbase_url = "http://localhost:8088"\nrequests = ["/"]\n')
    plan = load("pkd")
    assert plan.name == plan.target.name == "pkd"
    assert (plan.users, plan.spawn_rate, plan.run_time, plan.host) == (10, 10, 60, None)
    assert plan.locust_args == ("--users", "10", "--spawn-rate", "10", "--run-time", "60s")
    assert plan.sources["users"] == plan.sources["run_time"] == plan.sources["name"] == "default"
    assert plan.sources["target"] == "TARGET"
    assert plan.sources["services.pkd.base_url"] == "loadproof.toml: services.pkd.base_url"
    assert [rule.metric for rule in plan.thresholds].count("throughput") == 1


def test_spawn_rate_follows_the_users_of_a_service_wherever_they_come_from(load, cwd):
    write(cwd, '[services.pkd]\nbase_url = "http://localhost:8088"\nrequests = ["/"]\n')
    plan = load("pkd", users="7", locust_args=("-u", "7"))
    assert (plan.users, plan.spawn_rate) == (7, 7)
    assert plan.locust_args == ("--spawn-rate", "7", "--run-time", "60s", "-u", "7")


def test_the_file_reaches_locust_as_arguments(load, cwd):
    write(cwd, TOML)
    plan = load()
    assert plan.locust_args == (*("-f", "locustfile.py", "--users", "5", "--spawn-rate", "2.5", "--run-time", "120s"),)
    assert plan.sources["run_time"] == "loadproof.toml: run.run_time"


def test_a_service_overrides_what_the_file_says_for_all(load, cwd):
    write(cwd, TOML)
    plan = load("pkd")
    assert (plan.users, plan.run_time) == (5, 20)
    assert plan.sources["users"] == "loadproof.toml: run.users"
    assert plan.sources["run_time"] == "loadproof.toml: services.pkd.run_time"


LAYERS = [
    ("--users", "6", ()),
    ("LOADPROOF_USERS", "5", ("--users", "5")),
    ("LOCUST_USERS", "4", ()),
    (".env: LOADPROOF_USERS", "3", ("--users", "3")),
    (".env: LOCUST_USERS", "2", ("--users", "2")),
    ("loadproof.toml: run.users", "1", ("--users", "1")),
    ("locust.conf: users", "9", ()),
    ("default", None, ()),
]


@pytest.mark.parametrize("highest", range(len(LAYERS)), ids=[layer[0] for layer in LAYERS])
def test_the_highest_layer_wins_and_locust_is_told_what_it_cannot_know(highest, load, cwd):
    present = {source: value for source, value, _ in LAYERS[highest:]}
    write(cwd, "".join(f"{s.removeprefix('.env: ')}={v}\n" for s, v in present.items() if s.startswith(".env")), ".env")
    if "loadproof.toml: run.users" in present:
        write(cwd, "[run]\nusers = 1\n")
    if "locust.conf: users" in present:
        write(cwd, "users = 9\n", "locust.conf")
    environ = {name: present[name] for name in ("LOADPROOF_USERS", "LOCUST_USERS") if name in present}
    option = present.get("--users")
    words = ("-u", option) if option else ()
    plan = load(environ=environ, users=option, locust_args=words)
    source, value, told = LAYERS[highest]
    assert plan.users == (None if value is None else int(value))
    assert plan.sources["users"] == source
    assert plan.locust_args == ("-f", "locustfile.py", *told, *words)


def test_every_option_of_locust_that_locust_cannot_know_is_told(load, cwd):
    write(cwd, '[run]\nusers=1\nspawn_rate=0.5\nrun_time="1h"\nprocesses=-1\nhost="http://h"\nrps="60/m"\n')
    plan = load()
    assert plan.locust_args[2:] == (
        *("--users", "1", "--spawn-rate", "0.5", "--run-time", "3600s", "--processes", "-1", "--host", "http://h"),
    )
    assert plan.rps == 1


def test_an_empty_variable_counts_as_not_set(load, cwd):
    write(cwd, "[run]\nusers = 3\n")
    assert load(environ={"LOADPROOF_USERS": "", "LOCUST_USERS": ""}).sources["users"] == "loadproof.toml: run.users"


def test_classes_stand_before_the_users_own_words(load):
    plan = load("locustfile.py", class_names=("A", "B"), locust_args=("--tags", "x"))
    assert plan.locust_args == ("-f", "locustfile.py", "A", "B", "--tags", "x")


def test_all_other_values_have_layers_too(load, cwd):
    write(cwd, '[run]\nname = "n"\nresults = "out"\nsamples = "errors"\nstrict = true\n')
    plan = load(environ={"LOADPROOF_STRICT": "no", "LOADPROOF_SAMPLES": "100/s"})
    assert (plan.name, plan.results, plan.samples, plan.strict) == ("n", Path("out"), "100/s", False)
    assert plan.sources["strict"] == "LOADPROOF_STRICT"
    plan = load(name="a/b", results="r", samples="none", strict=True, no_ready_check=True, ui=True, rps="5")
    assert (plan.name, plan.results, plan.samples, plan.strict) == ("a_b", Path("r"), "none", True)
    assert (plan.ready_check, plan.ui, plan.rps) == (False, True, 5)
    assert plan.sources["ready_check"] == "--no-ready-check"
    assert plan.sources["rps"] == "--rps"


def test_a_chosen_plan_file_is_where_its_paths_start(load, cwd):
    (cwd / "perf").mkdir()
    (cwd / "perf/load.py").touch()
    write(cwd, '[run]\nlocustfile = "load.py"\nresults = "out"\n', "perf/plan.toml")
    plan = load(plan_file="perf/plan.toml")
    assert plan.target == LocustTarget(locustfile="perf/load.py")
    assert plan.results == Path("perf/out")
    assert plan.name == "load"
    assert plan.sources["target"] == "perf/plan.toml: run.locustfile"


@pytest.mark.parametrize(
    ("options", "source"),
    [
        ({"target": "other.py"}, "TARGET"),
        ({"locust_args": ("-f", "other.py")}, "--locustfile"),
        ({"environ": {"LOADPROOF_LOCUSTFILE": "other.py", "LOCUST_LOCUSTFILE": "x.py"}}, "LOADPROOF_LOCUSTFILE"),
        ({"environ": {"LOCUST_LOCUSTFILE": "other.py"}}, "LOCUST_LOCUSTFILE"),
    ],
)
def test_the_locustfile_has_layers_and_is_named_once(options, source, load, cwd):
    (cwd / "other.py").touch()
    write(cwd, '[run]\nlocustfile = "locustfile.py"\n')
    plan = load(**options)
    assert plan.target == LocustTarget(locustfile="other.py")
    assert plan.locust_args == ("-f", "other.py")
    assert plan.sources["target"] == source


def test_locusts_own_configuration_names_the_locustfile_where_nothing_else_does(load, cwd):
    (cwd / "other.py").touch()
    write(cwd, "locustfile = other.py\nhost = http://h\n", "locust.conf")
    plan = load()
    assert (plan.target.locustfile, plan.host, plan.locust_args) == ("other.py", "http://h", ("-f", "other.py"))


def test_a_host_replaces_the_base_url_of_a_service(load, cwd):
    write(cwd, TOML)
    plan = load("pkd", host="http://elsewhere:1", locust_args=("-H", "http://elsewhere:1"))
    assert plan.host == plan.target.base_url == "http://elsewhere:1"
    assert plan.sources["services.pkd.base_url"] == "--host"


def test_locusts_own_configuration_does_not_replace_the_base_url(load, cwd):
    write(cwd, TOML)
    write(cwd, "host = http://elsewhere\n", "locust.conf")
    plan = load("pkd")
    assert plan.target.base_url == "http://localhost:8088"
    assert plan.locust_args[-2:] == ("--host", "http://localhost:8088")


def test_rules_of_option_service_and_file_come_in_layers(load, cwd):
    write(cwd, TOML)
    plan = load("pkd", thresholds=("p95(response_time) < 1s", "requests > 5"))
    assert [(rule.text, rule.source) for rule in plan.thresholds] == [
        ("exceptions = 0", "default"),
        ("coverage = 100%", "default"),
        ("avg(response_time): warn >= 1s, fail >= 3s", "default"),
        ("throughput: warn <= 10/s, fail <= 1/s", "default"),
        ("error_rate < 2%", "loadproof.toml: services.pkd.thresholds[0]"),
        ("p95(response_time) < 1s", "--threshold"),
        ("requests > 5", "--threshold"),
    ]


def test_a_limited_rate_is_not_judged_by_throughput(load, cwd):
    write(cwd, TOML)
    assert "throughput" not in {rule.metric for rule in load("pkd", rps="5").thresholds}


def test_a_run_time_of_zero_sets_no_limit_and_locust_is_told_so(load, cwd):
    write(cwd, TOML)
    assert load(run_time="0", locust_args=("-t", "0")).run_time is None
    plan = load("pkd", environ={"LOADPROOF_RUN_TIME": "0", "LOCUST_RUN_TIME": "5m", "LOADPROOF_PROCESSES": "0"})
    assert (plan.run_time, plan.processes) == (None, None)
    assert plan.locust_args[-4:] == ("--run-time", "0s", "--processes", "0")


def test_all_services_are_loaded_in_the_order_of_the_file(cwd):
    write(cwd, TOML)
    plans = load_plans(Options(cwd=cwd, environ={}), all_services=True)
    assert [plan.name for plan in plans] == ["pkd", "ui"]
    assert [plan.run_time for plan in plans] == [20, 120]
    named = load_plans(Options(cwd=cwd, environ={}, target="ui,pkd", name="nightly"))
    assert [plan.name for plan in named] == ["nightly_ui", "nightly_pkd"]


def test_one_plan_is_asked_for_and_several_are_named(problems, cwd):
    write(cwd, TOML)
    assert problems("pkd,ui") == [("several-services", "TARGET")]


def test_all_services_need_services_and_no_target(cwd):
    for options in (Options(cwd=cwd, environ={}), Options(cwd=cwd, environ={}, target="locustfile.py")):
        with pytest.raises(UsageError, match=r"no services to run|beside --all"):
            load_plans(options, all_services=True)


def test_all_problems_are_told_at_once(problems, cwd):
    write(
        cwd,
        'thresholds = ["p95(latency) < 1s", 3]\nzzz = 1\n[run]\nusres = 3\nrun_time = "soon"\nprofile = "x"\n'
        '[services.pkd]\nbase_url = "x"\n',
    )
    found = problems("nope.py", thresholds=("nonsense",), users="many", samples="some", environ={"LOADPROOF_RPS": "0"})
    assert found == [
        ("bad-value", "loadproof.toml: thresholds"),
        ("bad-duration", "loadproof.toml: run.run_time"),
        ("unknown-key", "loadproof.toml: run.usres"),
        ("base-url", "loadproof.toml: services.pkd.base_url"),
        ("no-requests", "loadproof.toml: services.pkd.requests"),
        ("unknown-key", "loadproof.toml: zzz"),
        ("unknown-metric", "--threshold"),
        ("missing-file", "TARGET"),
        ("bad-value", "--users"),
        ("bad-value", "LOADPROOF_RPS"),
        ("bad-value", "--samples"),
        ("unknown-profile", "loadproof.toml: run.profile"),
    ]


@pytest.mark.parametrize(
    ("options", "slug", "where"),
    [
        ({"users": "0"}, "bad-value", "--users"),
        ({"users": "1.5"}, "bad-value", "--users"),
        ({"spawn_rate": "0"}, "bad-value", "--spawn-rate"),
        ({"spawn_rate": "nan"}, "bad-value", "--spawn-rate"),
        ({"run_time": "1.5h"}, "bad-duration", "--run-time"),
        ({"run_time": "sometime"}, "bad-duration", "--run-time"),
        ({"run_time": ""}, "bad-duration", "--run-time"),
        ({"processes": "-2"}, "bad-value", "--processes"),
        ({"host": ""}, "bad-value", "--host"),
        ({"rps": "fast"}, "bad-value", "--rps"),
        ({"samples": "0/s"}, "bad-value", "--samples"),
        ({"client": "fats"}, "bad-value", "--client"),
        ({"name": " "}, "bad-value", "--name"),
        ({"plan_file": "no.toml"}, "missing-file", "--plan"),
        ({"environ": {"LOADPROOF_PROCESSES": "two"}}, "bad-value", "LOADPROOF_PROCESSES"),
        ({"environ": {"LOCUST_RUN_TIME": "250ms"}}, "bad-duration", "LOCUST_RUN_TIME"),
        ({"environ": {"LOCUST_LOCUSTFILE": "no.py"}}, "missing-file", "LOCUST_LOCUSTFILE"),
        ({"target": "locustfile.py", "locust_args": ("-f", "x.py")}, "two-targets", "TARGET"),
    ],
)
def test_a_wrong_value_is_named_by_where_it_stands(options, slug, where, problems):
    assert problems(**options) == [(slug, where)]


def test_a_value_of_our_own_may_say_more_than_locust_takes(load):
    assert load(environ={"LOADPROOF_RUN_TIME": "1.5h"}).locust_args[-2:] == ("--run-time", "5400s")


def test_nothing_to_run_names_what_there_is(cwd, problems):
    (cwd / "locustfile.py").unlink()
    write(cwd, TOML)
    assert problems() == [("no-target", "TARGET")]


def test_a_service_has_no_user_classes(cwd, problems):
    write(cwd, TOML)
    assert problems("pkd", class_names=("A",)) == [("bad-value", "--class")]


def test_what_the_moment_lacks_counts_for_the_service_that_is_run(cwd, problems, load):
    write(cwd, TOML + 'headers = {A = "${NOPE}"}\n')
    assert problems("ui") == [("missing-variable", "loadproof.toml: services.ui.headers.A")]
    assert load("pkd").name == "pkd"
    write(cwd, "NOPE=x\n", ".env")
    assert load("ui").target.headers == {"A": "x"}
    assert load("ui", environ={"NOPE": "y"}).target.headers == {"A": "y"}


def test_values_from_python_say_what_options_say(cwd):
    plan = load_plan(
        "locustfile.py", users=3, spawn_rate=1.5, run_time=60.0, host="http://h", rps=5, cwd=cwd, environ={}
    )
    assert (plan.users, plan.spawn_rate, plan.run_time, plan.host, plan.rps) == (3, 1.5, 60, "http://h", 5)
    assert plan.locust_args == (
        *("-f", "locustfile.py", "--users=3", "--spawn-rate=1.5", "--run-time=60", "--host=http://h"),
    )
    assert plan.thresholds == load_plan(Options(target="locustfile.py", cwd=cwd, environ={})).thresholds
    with pytest.raises(TypeError, match="not both"):
        load_plan(Options(), users=3)


def test_a_plan_never_changes(load):
    plan = load()
    with pytest.raises(ValueError, match="frozen"):
        plan.users = 3
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_one_rule_from_python_need_not_be_in_a_list(load, cwd):
    plan = load_plan("locustfile.py", thresholds="requests > 5", class_names="Shopper", cwd=cwd, environ={})
    assert plan.thresholds[-1].text == "requests > 5"
    assert plan.locust_args[-1] == "Shopper"

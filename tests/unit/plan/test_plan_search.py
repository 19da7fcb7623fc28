import json

import pytest

from loadproof.errors import UsageError
from loadproof.plan import Options, Plan, effective_plan, load_plan, load_plans, redacted
from loadproof.plan.searches import level_targets

SERVICE = '[services.pkd]\nbase_url = "http://localhost:8088"\nrequests = ["/"]\n'
LEVEL_RULES = [
    "exceptions = 0",
    "error_rate: warn >= 1%, fail >= 5%",
    "avg(response_time): warn >= 1s, fail >= 3s",
    "p95(response_time): warn >= 2s, fail >= 5s",
]


@pytest.fixture
def load(tmp_path):
    (tmp_path / "locustfile.py").touch()

    def load_here(search, toml="", target="locustfile.py", *, environ=None, **options):
        (tmp_path / "loadproof.toml").write_text(toml)
        return load_plan(Options(target=target, search=search, cwd=tmp_path, environ=environ or {}, **options))

    return load_here


@pytest.fixture
def problems(load):
    def problems_of(*words, **options):
        with pytest.raises(UsageError) as caught:
            load(*words, **options)
        return [(problem.slug, problem.where) for problem in caught.value.problems]

    return problems_of


def texts(rules):
    return [rule.text for rule in rules]


def test_a_stress_test_has_ten_levels_up_to_a_hundred_users_in_five_minutes(load):
    plan = load("stress")
    assert plan.search.kind == "stress"
    assert (plan.search.unit, plan.search.levels) == ("users", tuple(range(10, 101, 10)))
    assert (plan.search.hold, plan.search.settle) == (30, 5)
    assert texts(plan.search.rules) == LEVEL_RULES
    assert (plan.thresholds, plan.scenarios, plan.users, plan.spawn_rate, plan.run_time) == ((), (), None, None, None)
    assert plan.locust_args == ("-f", "locustfile.py")


def test_a_stress_test_by_rate_has_open_levels(load):
    plan = load("stress", max_rate="200/s", steps="3", poisson=True, seed="4")
    assert (plan.search.unit, plan.search.levels) == ("per_second", (200 / 3, 400 / 3, 200))
    assert (plan.search.arrivals, plan.search.seed, plan.search.hold) == ("poisson", 4, 100)
    assert texts(plan.search.rules) == [*LEVEL_RULES, "dropped_rate < 1%"]


@pytest.mark.parametrize(
    ("options", "levels", "hold", "settle"),
    [
        ({"max_users": "7"}, (1, 2, 3, 4, 5, 6, 7), 42, 5),
        ({"max_users": "15"}, (2, 3, 5, 6, 8, 9, 11, 12, 14, 15), 30, 5),
        ({"max_users": "1"}, (1,), 300, 5),
        ({"max_users": "7", "ramp_up": "5"}, (2, 3, 5, 6, 7), 1, 0),
        ({"ramp_up": "5s"}, (20, 40, 60, 80, 100), 1, 0),
        ({"ramp_up": "500ms"}, (100,), 1, 0),
        ({"ramp_up": "60s", "steps": "4"}, (25, 50, 75, 100), 15, 3),
        ({"hold": "7s", "steps": "2"}, (50, 100), 7, 1),
        ({"hold": "1", "max_users": "3", "steps": "100"}, (1, 2, 3), 1, 0),
    ],
)
def test_every_maximum_is_reached_whatever_its_divisibility(options, levels, hold, settle, load):
    search = load("stress", **options).search
    assert (search.levels, search.hold, search.settle) == (levels, hold, settle)


@pytest.mark.parametrize("highest", [1, 7, 15, 99, 100, 101, 0.3, 1 / 3, 66.6, 1e6])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 100])
@pytest.mark.parametrize("whole", [True, False])
def test_levels_ascend_to_exactly_the_highest(highest, steps, whole):
    if whole:
        highest = max(1, int(highest))
    levels = level_targets(highest, steps, whole=whole)
    assert levels[-1] == highest
    assert list(levels) == sorted(set(levels))
    assert len(levels) <= steps
    assert levels[0] > 0


def test_a_capacity_search_has_the_defaults_of_its_model(load):
    search = load("capacity").search
    assert (search.kind, search.start_rate, search.max_rate, search.max_users) == ("capacity", 10, None, None)
    assert (search.trial, search.settle, search.confirm, search.precision) == (20, 5, 40, 0.05)
    assert texts(search.rules) == [*LEVEL_RULES, "dropped_rate < 1%"]


def test_every_option_of_a_capacity_search_is_read(load):
    plan = load(
        "capacity",
        max_rate="1000/s",
        start_rate="60/m",
        trial="30s",
        settle="0",
        confirm="2m",
        precision="2%",
        max_users="50",
        slo=("p99(response_time) < 250ms", "error_rate < 0.1%"),
        thresholds=("capacity >= 200/s",),
    )
    search = plan.search
    assert (search.max_rate, search.start_rate, search.trial, search.settle, search.confirm) == (1000, 1, 30, 0, 120)
    assert (search.precision, search.max_users) == (0.02, 50)
    assert texts(search.rules)[-2:] == ["p99(response_time) < 250ms", "error_rate < 0.1%"]
    assert "error_rate: warn >= 1%, fail >= 5%" not in texts(search.rules)
    assert [(rule.text, rule.source) for rule in plan.thresholds] == [("capacity >= 200/s", "--threshold")]
    assert search.rules[-1].source == "--slo"


def test_a_highest_rate_below_the_usual_start_is_where_trials_start(load):
    assert load("capacity", max_rate="3/s").search.start_rate == 3


def test_the_file_says_how_to_search_and_options_say_otherwise(load):
    toml = (
        'thresholds = ["p95(response_time) < 1s"]\n'
        '[stress]\nmax_users = 40\nsteps = 4\nhold = "9s"\nthresholds = ["breaking_level > 30"]\n'
        '[capacity]\nmax_rate = "90/s"\nthresholds = ["capacity > 50/s", "p95(response_time) < 2s"]\n'
    )
    plan = load("stress", toml)
    assert (plan.search.levels, plan.search.hold) == ((10, 20, 30, 40), 9)
    assert (texts(plan.thresholds), texts(plan.search.rules)[-1]) == (
        ["breaking_level > 30"],
        "p95(response_time) < 1s",
    )
    assert plan.sources["search.max_users"] == "loadproof.toml: stress.max_users"
    plan = load("stress", toml, ramp_up="40s", environ={"LOADPROOF_MAX_USERS": "8"})
    assert (plan.search.levels, plan.search.hold, plan.sources["search.ramp_up"]) == ((2, 4, 6, 8), 10, "--ramp-up")
    assert load("stress", toml, max_rate="8/s").search.levels == (2, 4, 6, 8)
    plan = load("capacity", toml)
    assert (plan.search.max_rate, texts(plan.thresholds)) == (90, ["capacity > 50/s"])
    assert texts(plan.search.rules)[-1] == "p95(response_time) < 2s"
    assert load(None, toml).search is None


def test_a_search_leaves_the_load_of_a_run_alone(load):
    toml = '[run]\nusers = 5\nrps = 3\nwarmup = "5s"\niterations = 9\nprofile = "p"\n[profiles.p]\ntarget = 5\n'
    plan = load(
        "stress", toml + "[scenarios.a]\ntarget = 3\n", environ={"LOCUST_RUN_TIME": "5m", "LOADPROOF_RATE": "5"}
    )
    assert (plan.scenarios, plan.users, plan.run_time, plan.rps, plan.warmup, plan.iterations) == ((), *(None,) * 5)
    assert plan.locust_args == ("-f", "locustfile.py")


def test_services_are_searched_too(tmp_path):
    (tmp_path / "loadproof.toml").write_text(SERVICE + SERVICE.replace("pkd", "ui"))
    plans = load_plans(Options(search="stress", cwd=tmp_path, environ={}), all_services=True)
    assert [(plan.name, plan.search.levels[-1], plan.locust_args, plan.users) for plan in plans] == [
        ("pkd", 100, (), None),
        ("ui", 100, (), None),
    ]


@pytest.mark.parametrize("search", ["stress", "capacity"])
@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"users": "5"}, "--users"),
        ({"locust_args": ("-u5",)}, "--users"),
        ({"spawn_rate": "5"}, "--spawn-rate"),
        ({"locust_args": ("--run-t", "60")}, "--run-time"),
        ({"duration": "5m"}, "--duration"),
        ({"rate": "5"}, "--rate"),
        ({"stages": "5s:5"}, "--stages"),
        ({"load_profile": "x"}, "--load-profile"),
        ({"iterations": "5"}, "--iterations"),
        ({"iterations_per_user": "5"}, "--iterations-per-user"),
        ({"rps": "5"}, "--rps"),
        ({"warmup": "5s"}, "--warmup"),
        ({"late": "run"}, "--late"),
    ],
)
def test_what_makes_no_sense_in_a_search_is_refused_with_what_to_give(search, options, where, load):
    with pytest.raises(UsageError) as caught:
        load(search, **options)
    assert [(problem.slug, problem.where) for problem in caught.value.problems] == [("not-in-search", where)]
    assert caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("search", "options", "slug", "where"),
    [
        ("stress", {"max_users": "5", "max_rate": "5"}, "two-loads", "--max-users and --max-rate"),
        ("stress", {"hold": "5s", "ramp_up": "5s"}, "two-loads", "--ramp-up and --hold"),
        ("stress", {"hold": "1500ms"}, "bad-duration", "--hold"),
        ("stress", {"hold": "0"}, "bad-duration", "--hold"),
        ("stress", {"ramp_up": "0"}, "bad-duration", "--ramp-up"),
        ("stress", {"steps": "0"}, "bad-value", "--steps"),
        ("stress", {"steps": "10001"}, "bad-value", "--steps"),
        ("stress", {"max_users": "0"}, "bad-value", "--max-users"),
        ("stress", {"max_rate": "0"}, "bad-value", "--max-rate"),
        ("stress", {"poisson": True}, "two-loads", "--poisson"),
        ("stress", {"precision": "5%"}, "not-in-search", "--precision"),
        ("stress", {"slo": ("error_rate < 1%",)}, "not-in-search", "--slo"),
        ("stress", {"thresholds": ("capacity > 5/s",)}, "not-in-search", "--threshold"),
        ("stress", {"thresholds": ("breaking_level > 5/s",)}, "threshold-unit", "--threshold"),
        ("capacity", {"hold": "5s"}, "not-in-search", "--hold"),
        ("capacity", {"thresholds": ("breaking_level > 5",)}, "not-in-search", "--threshold"),
        ("capacity", {"start_rate": "50", "max_rate": "5"}, "two-loads", "--start-rate and --max-rate"),
        ("capacity", {"precision": "0"}, "bad-value", "--precision"),
        ("capacity", {"precision": "5"}, "bad-value", "--precision"),
        ("capacity", {"trial": "0"}, "bad-duration", "--trial"),
        ("capacity", {"settle": "0.5s"}, "bad-duration", "--settle"),
        ("capacity", {"slo": ("nonsense",)}, "unknown-metric", "--slo"),
    ],
)
def test_a_wrong_search_is_named_by_where_it_stands(search, options, slug, where, problems):
    assert problems(search, **options) == [(slug, where)]


def test_the_tables_of_the_file_are_read_whatever_is_run(problems):
    toml = '[stress]\nhodl = "5s"\nmax_users = 0\n[capacity]\ntrial = "x"\nthresholds = ["nonsense"]\n'
    assert problems(None, toml) == [
        ("bad-value", "loadproof.toml: stress.max_users"),
        ("unknown-key", "loadproof.toml: stress.hodl"),
        ("bad-duration", "loadproof.toml: capacity.trial"),
        ("unknown-metric", "loadproof.toml: capacity.thresholds[0]"),
    ]


def test_a_rate_may_be_the_limit_of_a_level_where_levels_are_rates(load):
    plan = load("stress", max_rate="50/s", thresholds=("breaking_level > 20/s",))
    assert plan.thresholds[0].fail.limit == 20


@pytest.mark.parametrize(
    ("search", "options"),
    [
        ("stress", {"max_users": "7", "ramp_up": "5", "seed": "3"}),
        ("stress", {"max_users": "15", "thresholds": ("breaking_level > 5", "error_rate < 3%")}),
        ("stress", {"max_rate": "100/m", "steps": "7", "hold": "9s", "poisson": True}),
        ("stress", {"max_rate": "0.3"}),
        ("capacity", {}),
        ("capacity", {"max_rate": "100/m", "start_rate": "1/m", "precision": "3%", "max_users": "7", "seed": "9"}),
        ("capacity", {"slo": ("p99(response_time) < 250ms",), "thresholds": ("capacity > 9/s",), "poisson": True}),
    ],
)
@pytest.mark.parametrize("target", ["locustfile.py", "pkd"])
def test_the_effective_plan_reads_back_as_the_same_search(search, options, target, load):
    plan = load(search, SERVICE, target, **options)
    again = load(search, effective_plan(plan) if target == "pkd" else effective_plan(plan) + SERVICE, target)
    assert again.search.model_dump(exclude={"rules"}) == plan.search.model_dump(exclude={"rules"})
    assert texts(again.search.rules) == texts(plan.search.rules)
    assert texts(again.thresholds) == texts(plan.thresholds)
    assert json.loads(json.dumps(redacted(plan))) == redacted(plan)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_values_from_python_search_too(tmp_path):
    (tmp_path / "locustfile.py").touch()
    plan = load_plan("locustfile.py", search="capacity", max_rate=50, slo=["error_rate < 1%"], trial=3, cwd=tmp_path)
    assert (plan.search.max_rate, plan.search.trial, texts(plan.search.rules)[-1]) == (50, 3, "error_rate < 1%")
    plan = load_plan("locustfile.py", search="stress", max_users=3, ramp_up=9.0, cwd=tmp_path)
    assert (plan.search.levels, plan.search.hold) == ((1, 2, 3), 3)

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.errors import UsageError
from loadproof.plan import Options, Plan, Profile, Scenario, Stage, effective_plan, load_plan, redacted
from loadproof.plan.files import PlanFile
from loadproof.plan.shapes import cut, read_profiles, stages
from loadproof.plan.values import BadValueError

SERVICE = '[services.pkd]\nbase_url = "http://localhost:8088"\nrequests = ["/"]\n'
CLASSES = '[scenarios.buy]\nclasses = ["Buyer"]\ntarget = "5/s"\n[scenarios.look]\ntarget = 20\nduration = "1m"\n'


@pytest.fixture
def load(tmp_path):
    (tmp_path / "locustfile.py").touch()

    def load_here(toml="", target="locustfile.py", *, environ=None, **options):
        (tmp_path / "loadproof.toml").write_text(toml)
        return load_plan(Options(target=target, cwd=tmp_path, environ=environ or {}, **options))

    return load_here


@pytest.fixture
def problems(load):
    def problems_of(toml="", target="locustfile.py", **options):
        with pytest.raises(UsageError) as caught:
            load(toml, target, **options)
        return [(problem.slug, problem.where) for problem in caught.value.problems]

    return problems_of


def profiles(toml):
    problems = []
    table = tomllib.loads(toml)
    return read_profiles(table["profiles"], PlanFile("loadproof.toml", table=table), problems), problems


def shape(lines):
    read, problems = profiles(f"[profiles.p]\n{lines}")
    assert problems == []
    return read["p"]


def parts(profile):
    return profile.model, [(stage.duration, stage.start, stage.end) for stage in profile.stages]


def only(plan):
    (scenario,) = plan.scenarios
    assert scenario == Scenario(name="default", profile=scenario.profile)
    return scenario.profile


@pytest.mark.parametrize(
    ("lines", "model", "stages"),
    [
        ("target = 50", "closed", [(None, 50, 50)]),
        ('target = "50/s"\nduration = "2m"', "open", [(120, 50, 50)]),
        ('shape = "constant"\ntarget = "60/m"\nduration = "forever"', "open", [(None, 1, 1)]),
        ('shape = "ramp"\nto = 50\nduration = "30s"', "closed", [(30, 0, 50)]),
        (
            'shape = "ramp"\nfrom = "10/s"\nto = "50/s"\nduration = 30\nhold = "1m"',
            "open",
            [(30, 10, 50), (60, 50, 50)],
        ),
        ('shape = "ramp"\nto = 50\nduration = "30s"\nhold = "forever"', "closed", [(30, 0, 50), (None, 50, 50)]),
        ('stages = ["30s:50", "2m:50", "30s:0"]', "closed", [(30, 0, 50), (120, 50, 50), (30, 50, 0)]),
        ('stages = "0s:20/s, 1m:20/s, 500ms:0"', "open", [(60, 20, 20), (0.5, 20, 0)]),
        ('stages = ["10:5", "forever:7"]', "closed", [(10, 0, 5), (None, 7, 7)]),
        (
            'shape = "spike"\nbase = 10\npeak = 100\nbefore = "1m"\nhold = "10s"\nafter = "2m"',
            "closed",
            [(60, 10, 10), (1, 10, 100), (10, 100, 100), (1, 100, 10), (120, 10, 10)],
        ),
        (
            'shape = "spike"\nbase = 0\npeak = "9/s"\nbefore = 1\nrise = 0\nhold = 2\nafter = 3',
            "open",
            [(1, 0, 0), (2, 9, 9), (3, 0, 0)],
        ),
        (
            'shape = "soak"\ntarget = "40/s"\nrise = "1m"\nduration = "1h"',
            "open",
            [(60, 0, 40), (3600, 40, 40), (60, 40, 0)],
        ),
        (
            'shape = "soak"\ntarget = 4\nrise = "1m"\nduration = "1h"\nfall = 0',
            "closed",
            [(60, 0, 4), (3600, 4, 4)],
        ),
    ],
)
def test_each_shape_becomes_its_stages(lines, model, stages):
    assert parts(shape(lines)) == (model, stages)


def test_a_profile_says_how_arrivals_are_served():
    profile = shape('target = "9/s"\narrivals = "poisson"\nseed = 7\nstart_users = 5\nmax_users = 50\nlate = "run"')
    assert (profile.arrivals, profile.seed, profile.start_users, profile.max_users, profile.late) == (
        *("poisson", 7, 5, 50, "run"),
    )
    assert shape("target = 9\nseed = 7").seed == 7


@pytest.mark.parametrize(
    ("lines", "slug", "key", "says"),
    [
        ("", "bad-profile", ".target", "the shapes are constant"),
        ('shape = "rmap"', "bad-value", ".shape", "did you mean ramp?"),
        ('shape = "ramp"\nto = 5', "bad-profile", ".duration", "is missing"),
        ('shape = "ramp"\nduration = 5', "bad-profile", ".to", "is missing"),
        ('shape = "stages"', "bad-profile", ".stages", "is missing"),
        ("target = 5\nhold = 3", "unknown-key", ".hold", "is not a key"),
        ("target = -5", "bad-value", ".target", "50/s for arrivals"),
        ("target = true", "bad-value", ".target", "50/s for arrivals"),
        ('target = "50/x"', "bad-value", ".target", "50/s for arrivals"),
        ("target = 0", "bad-profile", "", "never asks for any load"),
        ('stages = ["0s:5"]', "bad-profile", "", "never asks for any load"),
        ("stages = []", "bad-value", ".stages", "has no stages"),
        ('stages = ["30s"]', "bad-value", ".stages", "30s:50/s"),
        ('stages = ["soon:5"]', "bad-duration", ".stages", "is not a duration"),
        ('stages = ["forever:5", "1s:5"]', "bad-profile", ".stages", "only the last"),
        ('stages = ["30s:50", "30s:50/s"]', "bad-profile", "", "mixes users and arrivals"),
        ('shape = "ramp"\nfrom = 5\nto = "5/s"\nduration = 3', "bad-profile", "", "mixes users and arrivals"),
        ('target = 5\nlate = "drop"\nmax_users = 5', "bad-profile", "", "max_users, late say how arrivals are served"),
        ('target = "5/s"\nlate = "rnu"', "bad-value", ".late", "did you mean run?"),
        ('target = "5/s"\nmax_users = 0', "bad-value", ".max_users", "a whole number from 1"),
        ('target = "5/s"\nstart_users = 9\nmax_users = 5', "bad-profile", "", "more than max_users = 5"),
        ('target = "5/s"\nseed = -1', "bad-value", ".seed", "a whole number from 0"),
        ('target = "5/s"\nseed = "9223372036854775808"', "bad-value", ".seed", "a whole number from 0"),
    ],
)
def test_a_wrong_profile_is_named_by_its_key_path(lines, slug, key, says):
    read, problems = profiles(f"[profiles.p]\n{lines}")
    assert [(problem.slug, problem.where) for problem in problems] == [(slug, f"loadproof.toml: profiles.p{key}")]
    assert says in str(problems[0])
    assert slug == "unknown-key" or read["p"] is None


def test_profiles_that_are_no_tables_are_a_problem():
    for toml in ("profiles = 3", "[profiles]\np = 3"):
        assert [problem.slug for problem in profiles(toml)[1]] == ["bad-value"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["30s", ":", "50", "/s", ",", "forever", "0", " ", "x", "-1", "1e9"]), max_size=10))
def test_any_text_is_a_list_of_stages_or_a_bad_value(pieces):
    try:
        read = stages("".join(pieces))
    except BadValueError:
        return
    assert read.stages
    assert all(stage.duration is not None for stage in read.stages[:-1])


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [
        (5, [(5, 0, 25)]),
        (10, [(10, 0, 50)]),
        (12, [(10, 0, 50), (2, 50, 50)]),
        (30, [(10, 0, 50), (20, 50, 50)]),
        (99, [(10, 0, 50), (20, 50, 50), (10, 50, 0)]),
    ],
)
def test_a_profile_is_cut_on_its_line(seconds, kept):
    assert parts(cut(stages("10s:50,20s:50,10s:0"), seconds))[1] == kept


def test_a_profile_without_an_end_is_cut_where_the_run_ends():
    assert parts(cut(stages("10s:50,forever:50"), 25))[1] == [(10, 0, 50), (15, 50, 50)]


def test_a_rate_is_one_open_scenario(load):
    plan = load(rate="200/s", duration="5m")
    assert only(plan) == Profile(model="open", stages=(Stage(duration=300, start=200, end=200),))
    assert (plan.users, plan.spawn_rate, plan.run_time) == (None, None, 300)
    assert plan.locust_args == ("-f", "locustfile.py")
    assert (plan.sources["scenarios"], plan.sources["run_time"]) == ("--rate", "--duration")


@pytest.mark.parametrize(("text", "rate"), [("200", 200), ("200/s", 200), ("30/m", 0.5), ("1.5/s", 1.5)])
def test_a_rate_is_per_second_where_it_says_no_unit(text, rate, load):
    assert only(load(rate=text)).stages == (Stage(duration=None, start=rate, end=rate),)


def test_stages_count_users_or_arrivals(load):
    assert only(load(stages="30s:50,30s:0")).model == "closed"
    plan = load(stages="30s:50/s,2m:50/s,30s:0")
    assert (only(plan).model, plan.run_time) == ("open", 180)


def test_a_rate_of_a_service_lasts_as_long_as_any_of_its_runs(load):
    plan = load(SERVICE, "pkd", rate="5/s")
    assert (only(plan).stages[0].duration, plan.run_time, plan.locust_args) == (60, 60, ())
    assert plan.sources["run_time"] == "default"
    plan = load(SERVICE, "pkd", stages="30s:5,1h:5")
    assert plan.run_time == 3630


def test_a_profile_is_chosen_by_layers(load):
    toml = '[run]\nprofile = "a"\n[profiles.a]\ntarget = 1\n[profiles.b]\ntarget = 2\n[profiles.c]\ntarget = 3\n'
    assert only(load(toml)).stages[0].start == 1
    assert load(toml).sources["scenarios"] == "loadproof.toml: run.profile"
    environ = {"LOADPROOF_LOAD_PROFILE": "b"}
    assert only(load(toml, environ=environ)).stages[0].start == 2
    plan = load(toml, environ=environ, load_profile="c")
    assert only(plan).stages[0].start == 3
    assert plan.sources["scenarios"] == "--load-profile"
    assert only(load(toml, rate="9/s")).model == "open"
    assert only(load(toml, environ={"LOADPROOF_RATE": "9/s"})).stages[0].start == 9


def test_no_profile_may_be_chosen_too(load):
    toml = '[run]\nprofile = "a"\n[profiles.a]\ntarget = 1\n'
    plan = load(toml, load_profile="none", users="3", locust_args=("-u", "3"))
    assert (plan.scenarios, plan.users, plan.locust_args) == ((), 3, ("-f", "locustfile.py", "-u", "3"))
    assert load(CLASSES, load_profile="none").scenarios == ()


def test_a_service_has_a_profile_of_its_own(load):
    toml = SERVICE + 'profile = "b"\nwarmup = "ramp"\n[run]\nprofile = "a"\nusers = 5\nwarmup = "5s"\n'
    toml += "[profiles.a]\ntarget = 1\n[profiles.b]\ntarget = 2\n"
    plan = load(toml, "pkd")
    assert only(plan).stages[0].start == 2
    assert (plan.warmup, plan.sources["scenarios"]) == ("ramp", "loadproof.toml: services.pkd.profile")


def test_what_stands_beside_a_rate_is_its_profile(load):
    plan = load(
        rate="9/s",
        poisson=True,
        seed="7",
        max_users="50",
        late="run",
        users="5",
        locust_args=("-u", "5", "--tags", "x"),
    )
    profile = only(plan)
    assert (profile.arrivals, profile.seed, profile.max_users, profile.late, profile.start_users) == (
        *("poisson", 7, 50, "run", 5),
    )
    assert plan.locust_args == ("-f", "locustfile.py", "--tags", "x")


def test_options_replace_what_a_profile_says_and_the_file_fills_it_up(load):
    toml = '[profiles.a]\ntarget = "9/s"\nseed = 3\n[run]\nprofile = "a"\nseed = 4\nmax_users = 60\npoisson = true\n'
    profile = only(load(toml))
    assert (profile.seed, profile.max_users, profile.arrivals) == (3, 60, "poisson")
    profile = only(load(toml, seed="5", environ={"LOADPROOF_POISSON": "no"}))
    assert (profile.seed, profile.arrivals) == (5, "even")


def test_scenarios_stand_side_by_side(load):
    plan = load(CLASSES + 'start = "30s"\ngraceful_stop = "5s"\n', run_time="2m", locust_args=("-t", "2m"))
    assert [(one.name, one.user_classes, one.start, one.graceful_stop) for one in plan.scenarios] == [
        ("buy", ("Buyer",), 0, 30),
        ("look", (), 30, 5),
    ]
    assert [parts(one.profile) for one in plan.scenarios] == [("open", [(120, 5, 5)]), ("closed", [(60, 20, 20)])]
    assert (plan.run_time, plan.sources["scenarios"]) == (120, "loadproof.toml: scenarios")
    assert load(CLASSES).run_time is None


def test_a_scenario_may_name_a_profile(load):
    toml = '[profiles.p]\ntarget = 4\nduration = 9\n[scenarios.a]\nprofile = "p"\n'
    assert only_profile(load(toml)) == Profile(model="closed", stages=(Stage(duration=9, start=4, end=4),))


def only_profile(plan):
    (scenario,) = plan.scenarios
    return scenario.profile


@pytest.mark.parametrize(
    ("toml", "slug", "where"),
    [
        ("[scenarios.a]\ntarget = 1\n[scenarios.b]\ntarget = 1\n", "bad-scenario", "scenarios.b"),
        (
            '[scenarios.a]\nclasses = ["A"]\ntarget = 1\n[scenarios.b]\nclasses = ["B", "A"]\ntarget = 1\n',
            "bad-scenario",
            "scenarios.b.classes",
        ),
        ('[scenarios.a]\nclasses = ["A", "A"]\ntarget = 1\n', "bad-scenario", "scenarios.a.classes"),
        ('[scenarios.a]\nprofile = "p"\ntarget = 1\n[profiles.p]\ntarget = 2\n', "bad-scenario", "scenarios.a"),
        ('[scenarios.a]\nprofile = "pp"\n[profiles.p1]\ntarget = 2\n', "unknown-profile", "scenarios.a.profile"),
        ("[scenarios.a]\ntarget = 1\nstrat = 3\n", "unknown-key", "scenarios.a.strat"),
        ("[scenarios.a]\nstart = 3\n", "bad-profile", "scenarios.a.target"),
        ('[scenarios.a]\nclasses = "A"\ntarget = 1\n', "bad-value", "scenarios.a.classes"),
        ('[scenarios.a]\nclasses = [""]\ntarget = 1\n', "bad-value", "scenarios.a.classes"),
        ("[scenarios]\na = 3\n", "bad-value", "scenarios.a"),
        ("scenarios = 3\n", "bad-value", "scenarios"),
    ],
)
def test_a_wrong_scenario_is_named_by_its_key_path(toml, slug, where, problems):
    assert problems(toml) == [(slug, f"loadproof.toml: {where}")]


TWO = '[run]\nprofile = "closed"\n[profiles.closed]\ntarget = 5\n[profiles.open]\ntarget = "5/s"\n'


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"rate": "5", "stages": "30s:5"}, "--rate and --stages"),
        ({"rate": "5", "load_profile": "open"}, "--rate and --load-profile"),
        ({"rate": "5", "spawn_rate": "5"}, "--spawn-rate and --rate"),
        ({"stages": "30s:5", "users": "5"}, "--users and --stages"),
        ({"rate": "5", "duration": "5s", "run_time": "5s"}, "--duration and --run-time"),
        ({"duration": "5s", "run_time": "5s"}, "--duration and --run-time"),
        ({"load_profile": "closed", "max_users": "5"}, "--max-users and --load-profile"),
        ({"stages": "30s:5", "poisson": True}, "--poisson and --stages"),
        ({"stages": "30s:5", "late": "run"}, "--late and --stages"),
        ({"late": "run"}, "--late and loadproof.toml: run.profile"),
        ({"rate": "5", "rps": "5"}, "--rps and --rate"),
        ({"rate": "5", "iterations_per_user": "5"}, "--iterations-per-user and --rate"),
        ({"max_users": "5", "load_profile": "none"}, "--max-users"),
        ({"environ": {"LOCUST_USERS": "5"}}, "LOCUST_USERS and loadproof.toml: run.profile"),
        ({"environ": {"LOADPROOF_RATE": "5", "LOADPROOF_STAGES": "9s:5"}}, "LOADPROOF_RATE and LOADPROOF_STAGES"),
    ],
)
def test_two_answers_of_equal_rank_are_a_problem(options, where, problems):
    assert problems(TWO, **options) == [("two-loads", where)]


def test_a_profile_and_scenarios_in_one_file_are_a_problem(problems):
    assert problems(TWO + "[scenarios.a]\ntarget = 5\n") == [
        ("two-loads", "loadproof.toml: run.profile and loadproof.toml: scenarios")
    ]


def test_what_a_lower_layer_says_of_another_load_is_left_out(load):
    toml = '[run]\nusers = 5\nspawn_rate = 2\nrps = 3\nmax_users = 7\nrun_time = "10s"\niterations_per_user = 4\n'
    plan = load(toml, stages="30s:50,30s:0", environ={"LOCUST_USERS": "9"})
    assert (plan.users, plan.spawn_rate, plan.run_time, plan.rps) == (None, None, 60, 3)
    assert plan.iterations_per_user == 4
    assert plan.sources["run_time"] == "--stages"
    plan = load(toml, rate="50/s")
    assert (plan.run_time, plan.rps, plan.iterations_per_user) == (10, None, None)
    assert (only(plan).start_users, only(plan).max_users) == (None, 7)


@pytest.mark.parametrize(
    ("options", "lasts"),
    [
        ({"run_time": "20s"}, 20),
        ({"run_time": "90s"}, 60),
        ({"duration": "20s"}, 20),
        ({"environ": {"LOADPROOF_DURATION": "20s"}}, 60),
        ({"environ": {"LOCUST_RUN_TIME": "20s"}}, 60),
        ({"run_time": "0"}, 60),
    ],
)
def test_the_shorter_of_profile_and_run_time_wins_unless_the_time_is_of_a_lower_layer(options, lasts, load):
    assert load(stages="30s:50,30s:0", **options).run_time == lasts


def test_the_run_time_of_any_layer_ends_a_profile_without_an_end(load, tmp_path):
    assert load(rate="5", environ={"LOCUST_RUN_TIME": "20s"}).run_time == 20
    (tmp_path / "locust.conf").write_text("run-time = 30s\nusers = 5\n")
    assert load(rate="5").run_time == 30
    assert load(rate="5", run_time="0", locust_args=("-t", "0")).run_time is None


def test_a_scenario_that_never_begins_is_a_problem(problems):
    assert problems('[scenarios.a]\ntarget = 5\nstart = "1m"\n', run_time="30s") == [
        ("bad-scenario", "loadproof.toml: scenarios.a")
    ]


def test_a_service_has_no_scenarios(problems, load):
    toml = SERVICE + "[scenarios.a]\ntarget = 5\n"
    assert problems(toml, "pkd") == [("bad-scenario", "loadproof.toml: scenarios")]
    assert only(load(toml, "pkd", rate="5/s")).model == "open"
    assert load(toml, "pkd", load_profile="none").users == 10


def test_an_unknown_profile_names_the_one_that_was_meant(load):
    with pytest.raises(UsageError, match=r"did you mean closed\?"):
        load(TWO, load_profile="close")
    with pytest.raises(UsageError, match=r"services.pkd.profile: there is no profile 'x'"):
        load(SERVICE + 'profile = "x"\n')


def test_a_broken_profile_is_told_once(problems):
    toml = '[run]\nprofile = "p"\n[profiles.p]\ntarget = "x"\n[scenarios.a]\nprofile = "p"\n'
    assert problems(toml, load_profile="p") == [("bad-value", "loadproof.toml: profiles.p.target")]


def test_duration_is_the_run_time_of_a_plain_run(load):
    plan = load("[run]\nrun_time = 9\n", duration="90s", environ={"LOCUST_RUN_TIME": "5s"})
    assert (plan.run_time, plan.sources["run_time"]) == (90, "--duration")
    assert plan.locust_args == ("-f", "locustfile.py", "--run-time", "90s")
    assert load(SERVICE, "pkd", environ={"LOADPROOF_DURATION": "7s"}).run_time == 7


def test_iterations_end_plain_runs_too(load):
    plan = load("[run]\niterations_per_user = 5\n", iterations="100", users="3", locust_args=("-u", "3"))
    assert (plan.iterations, plan.iterations_per_user, plan.users, plan.scenarios) == (100, 5, 3, ())
    assert plan.locust_args == ("-f", "locustfile.py", "-u", "3")
    assert plan.sources["iterations_per_user"] == "loadproof.toml: run.iterations_per_user"
    assert load(rate="5", iterations="9").iterations == 9


@pytest.mark.parametrize(("text", "warmup"), [("10s", 10), ("ramp", "ramp"), ("auto", "auto"), ("0", None), ("1m", 60)])
def test_a_warm_up_is_a_time_or_is_found(text, warmup, load):
    assert load(warmup=text).warmup == warmup
    assert load(f'[run]\nwarmup = "{text}"\n').warmup == warmup


@pytest.mark.parametrize(
    ("options", "slug", "where"),
    [
        ({"warmup": "autp"}, "bad-value", "--warmup"),
        ({"warmup": "1.5s"}, "bad-duration", "--warmup"),
        ({"warmup": "60s", "run_time": "60s"}, "long-warmup", "--warmup"),
        ({"warmup": "60s", "stages": "30s:5,30s:5"}, "long-warmup", "--warmup"),
        ({"iterations": "0"}, "bad-value", "--iterations"),
        ({"rate": "0/s"}, "bad-value", "--rate"),
        ({"stages": "30s"}, "bad-value", "--stages"),
        ({"stages": "30s:1,30s:1/s"}, "bad-profile", "--stages"),
        ({"seed": "x"}, "bad-value", "--seed"),
        ({"rate": "5", "late": "x"}, "bad-value", "--late"),
        ({"rate": "5", "duration": "1500ms"}, "bad-duration", "--duration"),
        ({"rate": "5", "users": "9", "max_users": "5"}, "bad-profile", "--rate"),
        ({"rate": "5", "max_users": "0", "environ": {"LOADPROOF_SEED": "-1"}}, "bad-value", "LOADPROOF_SEED"),
        ({"steps": "5"}, "not-in-search", "--steps"),
        ({"thresholds": ("capacity > 5/s",)}, "not-in-search", "--threshold"),
        ({"thresholds": ("breaking_level > 5",)}, "not-in-search", "--threshold"),
    ],
)
def test_a_wrong_option_is_named(options, slug, where, problems):
    assert (slug, where) in problems(**options)


def test_an_open_run_is_judged_by_what_was_dropped_and_not_by_its_throughput(load):
    metrics = [rule.metric for rule in load(SERVICE, "pkd", rate="5/s").thresholds]
    assert "throughput" not in metrics
    assert metrics[-1] == "dropped_rate"
    assert load(rate="5/s").thresholds[-1].text == "dropped_rate < 0.1%"
    assert "throughput" in [rule.metric for rule in load(SERVICE, "pkd", stages="9s:5").thresholds]


def test_a_seed_without_anything_random_is_fine(load):
    assert load(seed="5").scenarios == ()
    assert only(load(seed="5", stages="9s:5")).seed == 5


@pytest.mark.parametrize(
    ("toml", "target", "options"),
    [
        ("", "locustfile.py", {"rate": "200/s", "duration": "5m", "poisson": True, "seed": "7", "max_users": "9"}),
        ("", "locustfile.py", {"rate": "1/m", "late": "run", "users": "3"}),
        ("", "locustfile.py", {"stages": "30s:50,90.5s:50,forever:40", "iterations": "7", "warmup": "3s"}),
        ("", "locustfile.py", {"stages": "30s:50,3s:7", "run_time": "7s", "warmup": "ramp"}),
        (SERVICE, "pkd", {"rate": "200/s"}),
        (SERVICE, "pkd", {"rate": "200/s", "run_time": "0"}),
        (SERVICE, "pkd", {"stages": "0s:7,10s:7,0s:70,100ms:70,0s:3,forever:3"}),
        (CLASSES, "locustfile.py", {}),
        ('[scenarios."a b"]\nshape = "soak"\ntarget = "0.3/s"\nrise = "1ms"\nduration = "1h1m"\n', "locustfile.py", {}),
        ("[scenarios.x]\nclasses = ['A']\nstart = 2.5\ngraceful_stop = 0\ntarget = 3\n", "locustfile.py", {}),
        ("", "locustfile.py", {"iterations_per_user": "7", "warmup": "auto"}),
    ],
)
def test_the_effective_plan_reads_back_as_the_same_load(toml, target, options, load):
    plan = load(toml, target, **options)
    again = load(effective_plan(plan), target)
    fields = ("scenarios", "run_time", "users", "spawn_rate", "iterations", "iterations_per_user", "warmup", "search")
    assert [getattr(again, field) for field in fields] == [getattr(plan, field) for field in fields]
    assert [rule.text for rule in again.thresholds] == [rule.text for rule in plan.thresholds]
    assert json.loads(json.dumps(redacted(plan))) == redacted(plan)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_the_effective_plan_says_where_the_load_comes_from(load):
    text = effective_plan(load(rate="200/s"))
    assert 'profile = "default"  # --rate\n' in text
    assert "# users: not set, what is below says it\nrun_time" not in text
    assert '[profiles.default]\ntarget = "200/s"\n' in text


def test_values_from_python_say_what_options_say(tmp_path):
    (tmp_path / "locustfile.py").touch()
    plan = load_plan(
        "locustfile.py",
        stages=["30s:50/s", "1m:50/s"],
        run_time=60,
        poisson=True,
        seed=3,
        max_users=40,
        late="run",
        iterations=50,
        warmup=10,
        cwd=tmp_path,
        environ={},
    )
    assert only(plan).stages == (Stage(duration=30, start=0, end=50), Stage(duration=30, start=50, end=50))
    assert (plan.iterations, plan.warmup, plan.locust_args) == (50, 10, ("-f", "locustfile.py"))

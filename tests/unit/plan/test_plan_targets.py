import pytest

from loadproof.plan.locust_arguments import build_arguments, take_locustfile
from loadproof.plan.targets import Chosen, default_name, read_target, safe_name


@pytest.fixture
def cwd(tmp_path):
    folder = tmp_path / "shop"
    (folder / "suites/deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    for name in ("locustfile.py", "load.py", "suites/deep/a.py", "notes.txt", "pkd"):
        (folder / name).touch()
    return folder


def read(word, cwd, services=("pkd", "ui_app", "docs")):
    problems = []
    return read_target(word, "TARGET", services, cwd, problems), problems


@pytest.mark.parametrize(
    "word",
    ["load.py", "./load.py", "suites", "load.py,suites", "suites/deep/a.py", "http://h/x.py", "-", "load.py, suites"],
)
def test_paths_are_locustfiles_handed_on_as_written(word, cwd):
    assert read(word, cwd) == (Chosen("TARGET", locustfile=word), [])


@pytest.mark.parametrize(
    ("word", "services"),
    [
        ("ui_app", ("ui_app",)),
        ("ui_app,docs", ("ui_app", "docs")),
        ("docs, docs", ("docs",)),
        ("services.pkd", ("pkd",)),
        ("services.pkd,ui_app", ("pkd", "ui_app")),
    ],
)
def test_other_words_are_services(word, services, cwd):
    assert read(word, cwd) == (Chosen("TARGET", services=services), [])


@pytest.mark.parametrize(
    ("word", "slug", "says"),
    [
        ("pkd", "ambiguous-target", "write ./pkd for the path, or services.pkd for the service"),
        ("ui_ap", "unknown-service", "did you mean ui_app?"),
        ("zzz", "unknown-service", "services: pkd, ui_app, docs"),
        ("laod.py", "missing-file", "did you mean load.py?"),
        ("nowhere/x.py", "missing-file", "there is no file nowhere/x.py"),
        ("load.py,ui_app", "missing-file", "there is no file ui_app"),
        ("empty", "missing-file", "no locustfile in the folder empty"),
        ("notes.txt", "not-a-locustfile", "does not end in .py"),
        (",", "missing-file", "names no locustfile"),
    ],
)
def test_what_is_neither_is_told_what_there_is(word, slug, says, cwd):
    chosen, problems = read(word, cwd)
    assert chosen is None
    assert [(p.slug, p.where) for p in problems] == [(slug, "TARGET")]
    assert says in str(problems[0])


def test_without_services_a_close_file_is_suggested(cwd):
    _, problems = read("laod", cwd, services=())
    assert problems[0].hint == "did you mean load.py?"


def test_every_missing_locustfile_is_named(cwd):
    _, problems = read("a.py,load.py,b.py", cwd)
    assert [p.what for p in problems] == ["there is no file a.py", "there is no file b.py"]


@pytest.mark.parametrize(
    ("locustfile", "name"),
    [
        ("load.py", "load"),
        ("locustfile.py", "shop"),
        ("suites/deep/a.py", "a"),
        ("suites", "suites"),
        ("./suites/", "suites"),
        (".", "shop"),
        ("load.py,suites/deep/a.py", "load_a"),
        ("http://host/dir/nightly.py", "nightly"),
        ("http://host/locustfile.py", "locustfile"),
        ("-", "test"),
    ],
)
def test_a_test_is_named_after_its_file_or_folder(locustfile, name, cwd):
    assert default_name(locustfile, cwd) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [("nightly", "nightly"), ("a b/c", "a_b_c"), ("../..", "test"), ("", "test"), ("é", "test"), ("x" * 200, "x" * 80)],
)
def test_a_name_is_safe_for_a_directory(name, safe):
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("words", "value", "rest"),
    [
        ([], None, []),
        (["-f", "a.py", "-u", "5"], "a.py", ["-u", "5"]),
        (["-u", "5", "-fa.py"], "a.py", ["-u", "5"]),
        (["-f=a.py"], "a.py", []),
        (["--locustfile", "a.py"], "a.py", []),
        (["--locustfile=a=b.py", "X"], "a=b.py", ["X"]),
        (["--locust", "a.py"], "a.py", []),
        (["-f", "a.py", "-f", "b.py"], "b.py", []),
        (["-f"], "", []),
        (["--logfile", "x", "--", "-f", "a"], None, ["--logfile", "x", "--", "-f", "a"]),
        (["--locustfiles", "x"], None, ["--locustfiles", "x"]),
    ],
)
def test_the_locustfile_is_found_in_every_spelling(words, value, rest):
    assert take_locustfile(words) == (value, rest)


def test_locusts_command_line_has_classes_before_the_users_words():
    assert build_arguments("a.py", {"users": "5", "run-time": "60s"}, ["A", "B"], ["--tags", "x", "y"]) == (
        *("-f", "a.py", "--users", "5", "--run-time", "60s", "A", "B", "--tags", "x", "y"),
    )


def test_a_service_brings_no_locustfile():
    assert build_arguments(None, {}, [], ["-L", "DEBUG"]) == ("-L", "DEBUG")

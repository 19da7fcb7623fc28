from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadproof.plan.files import (
    expand,
    read_dotenv,
    read_locust_configuration,
    read_plan_file,
    variable_names,
)
from loadproof.plan.values import BadValueError


def read(tmp_path, chosen=None):
    problems = []
    return read_plan_file(tmp_path, chosen, problems), problems


def dotenv(tmp_path, text):
    (tmp_path / ".env").write_bytes(text.encode())
    problems = []
    variables = read_dotenv(tmp_path, problems)
    assert problems == []
    return variables


def test_no_file_is_an_empty_plan(tmp_path):
    file, problems = read(tmp_path)
    assert file.table == {}
    assert problems == []


def test_loadproof_toml_wins_over_pyproject(tmp_path):
    (tmp_path / "loadproof.toml").write_text("[run]\nusers = 1\n")
    (tmp_path / "pyproject.toml").write_text("[tool.loadproof.run]\nusers = 2\n")
    file, _ = read(tmp_path)
    assert file.table == {"run": {"users": 1}}
    assert file.where("run.users") == "loadproof.toml: run.users"


def test_a_table_of_pyproject_is_named_with_its_whole_path(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.loadproof.run]\nusers = 2\n")
    file, _ = read(tmp_path)
    assert file.table == {"run": {"users": 2}}
    assert file.where("run.users") == "pyproject.toml: tool.loadproof.run.users"


def test_a_file_above_the_current_folder_is_not_looked_for(tmp_path):
    (tmp_path / "loadproof.toml").write_text("[run]\nusers = 1\n")
    below = tmp_path / "below"
    below.mkdir()
    assert read(below)[0].table == {}


def test_a_chosen_file_is_the_only_one_and_its_folder_is_where_paths_start(tmp_path):
    (tmp_path / "loadproof.toml").write_text("broken")
    (tmp_path / "perf").mkdir()
    (tmp_path / "perf/plan.toml").write_text("[run]\nusers = 3\n")
    file, problems = read(tmp_path, "perf/plan.toml")
    assert problems == []
    assert (file.label, file.folder, file.table) == ("perf/plan.toml", Path("perf"), {"run": {"users": 3}})


def test_a_chosen_file_that_is_not_there_is_a_problem(tmp_path):
    file, problems = read(tmp_path, "nope.toml")
    assert file.table == {}
    assert [(p.slug, p.where) for p in problems] == [("missing-file", "--plan")]


def test_malformed_toml_names_line_and_column(tmp_path):
    (tmp_path / "loadproof.toml").write_text("[run]\nusers = = 3\n")
    _, problems = read(tmp_path)
    assert [(p.slug, p.where, p.what) for p in problems] == [
        ("toml-syntax", "loadproof.toml: line 2, column 9", "invalid value")
    ]


def test_a_file_that_is_not_text_is_a_problem(tmp_path):
    (tmp_path / "loadproof.toml").write_bytes(b"[run]\nname = '\xff'\n")
    assert [p.slug for p in read(tmp_path)[1]] == ["unreadable-file"]


def test_a_byte_order_mark_is_no_problem(tmp_path):
    (tmp_path / "loadproof.toml").write_bytes(b"\xef\xbb\xbf[run]\r\nusers = 1\r\n")
    file, problems = read(tmp_path)
    assert (file.table, problems) == ({"run": {"users": 1}}, [])


def test_no_dotenv_is_no_variables(tmp_path):
    assert read_dotenv(tmp_path, []) == {}


def test_a_folder_called_dotenv_is_somebodys_virtual_environment(tmp_path):
    (tmp_path / ".env").mkdir()
    assert read_dotenv(tmp_path, []) == {}


def test_dotenv_lines_are_read_as_shells_read_them(tmp_path):
    text = """\
# a comment with a 'quote and KEY=no
PLAIN=value
export EXPORTED = spaced out\t
COMMENTED=value # a comment
HASH=a#b
SINGLE='word $for "word" # kept' # gone
DOUBLE="line\\nnext \\"quoted\\" \\\\ back"
EMPTY=
EMPTY_QUOTED=''
EQUALS=a=b=c
OPEN="never closed
LINES="one
two"
not a line
=nothing
LAST=x"""
    assert dotenv(tmp_path, text) == {
        "PLAIN": "value",
        "EXPORTED": "spaced out",
        "COMMENTED": "value",
        "HASH": "a#b",
        "SINGLE": 'word $for "word" # kept',
        "DOUBLE": 'line\nnext "quoted" \\ back',
        "EMPTY": "",
        "EMPTY_QUOTED": "",
        "EQUALS": "a=b=c",
        "OPEN": '"never closed',
        "LINES": "one\ntwo",
        "LAST": "x",
    }


def test_dotenv_takes_windows_line_ends_and_the_last_of_two(tmp_path):
    assert dotenv(tmp_path, "A=1\r\nB='2'\r\nA=3\r\n") == {"A": "3", "B": "2"}


def test_locusts_own_files_are_known_the_last_one_winning(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / ".locust.conf").write_text("users = 1\nspawn-rate: 2\n")
    (tmp_path / "locust.conf").write_text("# users = 9\n[section]\nusers 3 # three\n--run-time = '5m'\nheadless\n")
    (tmp_path / "pyproject.toml").write_text('[tool.locust]\nhost = "http://x"\nrun-time = 60\ntags = ["a"]\n')
    assert read_locust_configuration(tmp_path, str(home)) == {
        "users": ("3", "locust.conf: users"),
        "spawn-rate": ("2", "~/.locust.conf: spawn-rate"),
        "run-time": ("60", "pyproject.toml: tool.locust.run-time"),
        "host": ("http://x", "pyproject.toml: tool.locust.host"),
    }


def test_a_broken_file_of_locust_is_locusts_to_complain_about(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.locust\n")
    assert read_locust_configuration(tmp_path, None) == {}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("Bearer ${TOKEN}", "Bearer abc"),
        ("${TOKEN}-${TOKEN}", "abc-abc"),
        ("${MISSING:-dev}", "dev"),
        ("${EMPTY:-dev}", "dev"),
        ("${EMPTY}", ""),
        ("${MISSING:-}", ""),
        ("${TOKEN:-dev}", "abc"),
        ("$${TOKEN}", "${TOKEN}"),
        ("$TOKEN $ 5$", "$TOKEN $ 5$"),
    ],
)
def test_variables_are_filled_in(text, expanded):
    assert expand(text, {"TOKEN": "abc", "EMPTY": ""}) == expanded


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(BadValueError, match="the environment variable API_TOKEN is not set") as caught:
        expand("Bearer ${API_TOKEN}", {})
    assert caught.value.slug == "missing-variable"


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "${A:x}"])
def test_a_reference_that_names_nothing_is_refused(text):
    with pytest.raises(BadValueError, match="names no variable"):
        expand(text, {"A": "1"})


def test_names_of_variables_are_known_without_their_defaults():
    assert variable_names("${A:-secret} $${B} ${C}") == ("A", "C")


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("${}:-Aa_1 "), max_size=12))
def test_any_text_is_expanded_or_refused(text):
    try:
        outcome = type(expand(text, {"A": "1"})).__name__
    except BadValueError as error:
        outcome = error.slug
    assert outcome in ("str", "bad-value", "missing-variable")

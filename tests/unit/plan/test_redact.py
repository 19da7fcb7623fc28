import json
import tomllib

import pytest

from loadproof.plan import LocustTarget, Options, Plan, effective_plan, load_plan, redacted
from loadproof.plan.redact import is_secret_name, redact_arguments, redact_text

TOML = r"""
thresholds = ["p95(response_time){name=\"/a\"} < 500ms", "error_rate < 1%"]
[run]
users = 5
[services.pkd]
base_url = "http://hunter2:hunter2@localhost:8088/api"
headers = { Authorization = "Bearer hunter2", X-Plain = "${MY_SECRET}", X-Session-Token = "hunter2", Accept = "x/y" }
auth = ["me", "hunter2"]
proxy = "http://u:hunter2@proxy:3128"
wait = "20ms"
start = "make run PASSWORD=hunter2"
expect = [200, 409]
thresholds = ["throughput > 5/s"]
[[services.pkd.requests]]
path = "/login?api_key=hunter2&page=2"
method = "POST"
name = "log in"
weight = 2
json = { user = "me", password = "hunter2", deep = [{ token = "hunter2" }] }
[[services.pkd.requests]]
path = "/form"
weight = 1.5
headers = { Cookie = "hunter2" }
body = "user=me&password=hunter2"
"""


@pytest.fixture
def load(tmp_path):
    def load_here(toml, target="pkd", **options):
        (tmp_path / "loadproof.toml").write_text(toml)
        (tmp_path / "locustfile.py").touch()
        return load_plan(Options(target=target, cwd=tmp_path, environ={"MY_SECRET": "hunter2"}, **options))

    return load_here


def test_no_secret_of_a_service_is_shown(load):
    plan = load(TOML, locust_args=("--api-key", "hunter2", "--my-token=hunter2", "-L", "INFO"))
    assert "hunter2" in repr(plan)
    assert "hunter2" not in json.dumps(redacted(plan))
    assert "hunter2" not in effective_plan(plan)
    target = redacted(plan)["target"]
    assert target["headers"] == {"Authorization": "***", "X-Plain": "***", "X-Session-Token": "***", "Accept": "x/y"}
    assert target["base_url"] == "http://***@localhost:8088/api"
    assert target["auth"] == ["me", "***"]
    assert target["requests"][0]["path"] == "/login?api_key=***&page=2"
    assert target["requests"][0]["json_body"] == {"user": "me", "password": "***", "deep": [{"token": "***"}]}
    assert target["requests"][1]["body"] == "user=me&password=***"
    assert redacted(plan)["locust_args"][-5:] == ["--api-key", "***", "--my-token=***", "-L", "INFO"]


def test_an_address_from_a_secret_variable_is_shown_nowhere(load, tmp_path):
    (tmp_path / "locust.conf").write_text("host = http://other\n")
    plan = load('[services.pkd]\nbase_url = "http://${MY_SECRET}.example"\nrequests = ["/"]\n')
    assert plan.host == "http://hunter2.example"
    assert "hunter2" not in json.dumps(redacted(plan))
    assert "hunter2" not in effective_plan(plan)


def test_a_redacted_plan_is_plain_json(load):
    document = redacted(load(TOML))
    assert json.loads(json.dumps(document)) == document
    assert document["results"] == "reports/performance"


def test_the_effective_plan_reads_back_as_the_same_plan(load):
    toml = """
thresholds = ['p95(response_time){name="/a\\\\b"} < 500ms']
[run]
run_time = "90s"
samples = "10/s"
[services."p.k-d"]
base_url = "http://localhost:8088"
headers = { "X-Q" = "say \\"hi\\" é", Accept = "${ACCEPT:-a/b}" }
timeout = "1.5s"
requests = [
    { path = "/", weight = 1, json = { "a b" = [1, 2.5, true, "x\\u007f"], c = {} } },
    { path = "/b", weight = 0.5, method = "PUT", body = "", expect = [409], headers = { A = "b" } },
]
"""
    plan = load(toml, target="p.k-d", rps="60/m", strict=True)
    again = load(effective_plan(plan), target="p.k-d")
    assert again.target == plan.target
    same = ("name", "users", "spawn_rate", "run_time", "rps", "samples", "strict", "results", "locust_args")
    assert [getattr(again, field) for field in same] == [getattr(plan, field) for field in same]
    assert {rule.text for rule in again.thresholds} == {rule.text for rule in plan.thresholds}


def test_each_value_stands_beside_its_origin(load):
    text = effective_plan(load(TOML, target="locustfile.py", users="7"))
    assert 'locustfile = "locustfile.py"  # TARGET\n' in text
    assert "users = 7  # --users\n" in text
    assert "# run_time: not set, left to Locust\n" in text
    assert '    "error_rate < 1%",  # loadproof.toml: thresholds[1]\n' in text
    assert "# Locust's arguments: -f locustfile.py\n" in text


def test_the_plan_of_nothing_is_shown():
    plan = Plan(name="empty", target=LocustTarget(locustfile="a.py"))
    document = tomllib.loads(effective_plan(plan))
    assert document["thresholds"] == []
    assert document["run"]["name"] == "empty"
    assert redacted(plan)["users"] is None


def test_nothing_in_a_plan_can_break_its_lines():
    plan = Plan(
        name="n\nusers = 9",
        target=LocustTarget(locustfile="a.py"),
        locust_args=("--x", "a\nusers = 8"),
        sources={"name": "--name\nusers = 7"},
    )
    assert "users" not in tomllib.loads(effective_plan(plan))["run"]


def test_json_that_toml_cannot_hold_stands_in_a_comment():
    target = {"name": "s", "base_url": "http://h", "requests": [{"path": "/", "json_body": {"a": None}}]}
    text = effective_plan(Plan.model_validate({"name": "n", "target": target}))
    assert "# json, which TOML cannot hold: {'a': None}\n" in text
    assert tomllib.loads(text)["services"]["s"]["requests"] == [{"path": "/", "method": "GET"}]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("GET http://host/a failed", "GET http://host/a failed"),
        ("http://me:pw@host:80/a@b", "http://***@host:80/a@b"),
        ("see https://tok@host, http://u:p@w@other/", "see https://***@host, http://***@other/"),
        ("/a?access_token=abc&x=1#f", "/a?access_token=***&x=1#f"),
        ("grant=1&client_secret=s p", "grant=1&client_secret=*** p"),
        ('{"access_token": "a\\"b", "x": 1}', '{"access_token": "***", "x": 1}'),
        ('{"pin_key":1234}', '{"pin_key":"***"}'),
        ("{'password': 'x', 'a': 'b'}", "{'password': \"***\", 'a': 'b'}"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("invalid bearer abcdefghij.kl", "invalid bearer ***"),
        ("Set-Cookie: a=b; c=d\nX: y", "Set-Cookie: ***\nX: y"),
        ("the tokens ran out", "the tokens ran out"),
        ("Basic Authentication required", "Basic Authentication required"),
        ("Basic dXNlcjpwYXNz", "Basic ***"),
    ],
)
def test_secrets_in_free_text_are_told_by_their_place(text, shown):
    assert redact_text(text) == shown


@pytest.mark.parametrize("name", ["Authorization", "cookie", "X-Api-Key", "set-cookie", "proxy-authorization"])
def test_headers_that_authenticate_are_secret(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["DB_PASSWORD", "api_key", "Token", "PWD", "clientSecret"])
def test_names_that_sound_secret_are_secret(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["Accept", "host", "users", ""])
def test_other_names_are_not_secret(name):
    assert not is_secret_name(name)


def test_the_values_of_secret_options_are_hidden():
    words = [
        "-u",
        "5",
        "--api-key",
        "a",
        "b",
        "-t",
        "1s",
        "--pass=c=d",
        "-H",
        "http://u:p@h",
        "--secret",
        "--flag",
        "X",
    ]
    assert redact_arguments(words) == [
        *(
            "-u",
            "5",
            "--api-key",
            "***",
            "***",
            "-t",
            "1s",
            "--pass=***",
            "-H",
            "http://***@h",
            "--secret",
            "--flag",
            "X",
        ),
    ]


def test_redacting_long_hostile_text_is_quick():
    for text in ("x" * 20_000, "token" * 4_000, '"key' * 5_000, "http://" * 3_000, "=".join(["pass"] * 5_000)):
        redact_text(text)

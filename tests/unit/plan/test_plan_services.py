import tomllib
from pathlib import Path

import pytest

from loadproof.plan.files import PlanFile
from loadproof.plan.model import RequestSpec
from loadproof.plan.services import read_services


def read(toml, tmp_path=Path("/nowhere"), variables=None):
    table = tomllib.loads(toml)
    problems = []
    file = PlanFile(label="loadproof.toml", table=table)
    return read_services(table.get("services"), file, tmp_path, variables or {}, problems), problems


def body(lines, *, base_url='base_url = "http://localhost:8088"\n', requests='requests = ["/"]\n'):
    return f"[services.pkd]\n{base_url}\n{lines}\n{requests}"


def problem(toml, **surroundings):
    _, problems = read(toml, **surroundings)
    assert len(problems) == 1, problems
    return problems[0]


def test_no_table_is_no_services():
    assert read("") == ({}, [])


def test_what_is_left_out_has_the_models_defaults():
    services, problems = read(body(""))
    assert problems == []
    service = services["pkd"].service
    assert service.name == "pkd"
    assert service.base_url == "http://localhost:8088"
    assert service.requests == (RequestSpec(path="/"),)
    assert (service.timeout, service.wait, service.verify) == (30, 0.1, True)
    assert (service.proxy, service.auth, service.start, service.ca_file, service.client_cert) == (None,) * 5
    assert (services["pkd"].users, services["pkd"].run_time, services["pkd"].thresholds) == (None, None, ())
    assert services["pkd"].sources == {
        "services.pkd.base_url": "loadproof.toml: services.pkd.base_url",
        "services.pkd.requests": "loadproof.toml: services.pkd.requests",
    }


def test_every_key_is_read(tmp_path):
    (tmp_path / "ca.pem").touch()
    (tmp_path / "me.pem").touch()
    toml = body(
        """
        headers = {Accept = "x/y"}
        timeout = "5s"
        wait = 0
        verify = false
        ca_file = "ca.pem"
        client_cert = "me.pem"
        proxy = "http://proxy:3128"
        auth = ["u", "p"]
        start = "make run"
        thresholds = ["error_rate < 2%"]
        users = 7
        run_time = "2m"
        """,
        base_url='base_url = "https://host/api/"',
    )
    services, problems = read(toml, tmp_path)
    assert problems == []
    declared, service = services["pkd"], services["pkd"].service
    assert service.base_url == "https://host/api"
    assert service.headers == {"Accept": "x/y"}
    assert (service.timeout, service.wait, service.verify) == (5, 0, False)
    assert (service.ca_file, service.client_cert) == (Path("ca.pem"), Path("me.pem"))
    assert (service.proxy, service.auth, service.start) == ("http://proxy:3128", ("u", "p"), "make run")
    assert (declared.users, declared.run_time) == (7, 120)
    assert [(rule.text, rule.source) for rule in declared.thresholds] == [
        ("error_rate < 2%", "loadproof.toml: services.pkd.thresholds[0]")
    ]


def test_requests_are_lines_or_tables():
    toml = body(
        "",
        requests="""requests = [
            "/docs", "post /items", "GET https://elsewhere/x",
            {path = "/a", method = "put", name = "a", headers = {X = "1"}, json = {n = [1, 2.5, true]}, expect = 409},
            {path = "/b", body = ""},
        ]""",
    )
    services, problems = read(toml)
    assert problems == []
    assert services["pkd"].service.requests == (
        RequestSpec(path="/docs"),
        RequestSpec(path="/items", method="POST"),
        RequestSpec(path="https://elsewhere/x"),
        RequestSpec(
            path="/a", method="PUT", name="a", headers={"X": "1"}, json_body={"n": [1, 2.5, True]}, expect=(409,)
        ),
        RequestSpec(path="/b", body=""),
    )


def test_a_request_that_says_nothing_else_expects_what_the_service_expects():
    services, _ = read(body("expect = [200, 404]", requests='requests = ["/", {path = "/x", expect = [201]}]'))
    assert [request.expect for request in services["pkd"].service.requests] == [(200, 404), (201,)]


def test_weights_are_all_or_none():
    weighted = 'requests = [{path = "/", weight = 3}, {path = "/b", weight = 0.5}]'
    assert [spec.weight for spec in read(body("", requests=weighted))[0]["pkd"].service.requests] == [3, 0.5]
    found = problem(body("", requests='requests = [{path = "/", weight = 3}, "/b"]'))
    assert (found.slug, found.where) == ("mixed-weights", "loadproof.toml: services.pkd.requests")


@pytest.mark.parametrize("requests", ["", "requests = []"])
def test_a_service_without_requests_has_nothing_to_ask(requests):
    found = problem(body("", requests=requests))
    assert (found.slug, found.where) == ("no-requests", "loadproof.toml: services.pkd.requests")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:8088", "did you mean http://localhost:8088?"),
        ("ftp://host", "http://"),
        ("http://", "http://"),
        ("http://host:99999", "is not a web address"),
        ("http://[::1", "is not a web address"),
        ("http://host/?a=1", "must end before '?'"),
        ("http://ho st", "http://"),
        ("http://u:hunter2@", "http://***@"),
    ],
)
def test_a_base_url_needs_a_scheme_and_a_host(url, says):
    found = problem(body("", base_url=f'base_url = "{url}"'))
    assert (found.slug, found.where) == ("base-url", "loadproof.toml: services.pkd.base_url")
    assert says in str(found)
    assert "hunter2" not in str(found)


def test_a_missing_base_url_is_a_problem():
    found = problem(body("", base_url=""))
    assert (found.slug, found.where) == ("base-url", "loadproof.toml: services.pkd.base_url")


@pytest.mark.parametrize(
    ("line", "slug", "key", "says"),
    [
        ("tiemout = 3", "unknown-key", "tiemout", "did you mean timeout?"),
        ("profile = 3", "bad-value", "profile", "must be a text"),
        ("warmup = 'atuo'", "bad-value", "warmup", "did you mean auto?"),
        ("timeout = 'soon'", "bad-duration", "timeout", "'soon' is not a duration"),
        ("timeout = 0", "bad-duration", "timeout", "above zero"),
        ("wait = -1", "bad-duration", "wait", "-1 is not a duration"),
        ("wait = true", "bad-duration", "wait", "a boolean is not a duration"),
        ("verify = 'perhaps'", "bad-value", "verify", "true or false"),
        ("headers = 3", "bad-value", "headers", "must be a table of texts, and is a number"),
        ("headers = {A = 3}", "bad-value", "headers.A", "must be a text"),
        ('headers = {"A B" = "x"}', "bad-value", "headers", "'A B' is not a header's name"),
        (r'headers = {A = "x\ny"}', "bad-value", "headers.A", "line break"),
        ('headers = {A = "→"}', "bad-value", "headers.A", "no header can carry"),
        ("auth = ['u']", "bad-value", "auth", "a user name and a password"),
        ("auth = 'u:p'", "bad-value", "auth", "a list of texts, and is a text"),
        ("proxy = 'proxy:3128'", "base-url", "proxy", "http://"),
        ("expect = [99]", "bad-value", "expect", "from 100 to 599"),
        ("expect = []", "bad-value", "expect", "from 100 to 599"),
        ("start = ''", "bad-value", "start", "and is empty"),
        ("users = 0", "bad-value", "users", "a whole number from 1"),
        ("users = 1.5", "bad-value", "users", "a whole number from 1"),
        ("run_time = 1.5", "bad-duration", "run_time", "whole seconds"),
        ("thresholds = 'error_rate < 1%'", "bad-value", "thresholds", "a list of texts"),
        ("thresholds = ['eror_rate < 1%']", "unknown-metric", "thresholds[0]", "error_rate"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_by_its_key_path(line, slug, key, says):
    found = problem(body(line))
    assert (found.slug, found.where) == (slug, f"loadproof.toml: services.pkd.{key}")
    assert says in str(found)


@pytest.mark.parametrize(
    ("request_", "key", "says"),
    [
        ('"GET /a b"', "", "is not a request"),
        ('"docs"', "", "a path starts with /"),
        ('"GE(T /"', "", "is not an HTTP method"),
        ("3", "", "must be a table, and is a number"),
        ("{}", "", "has no path"),
        ('{path = "a"}', ".path", "a path starts with /"),
        ('{path = "/", weight = 0}', ".weight", "above zero"),
        ('{path = "/", jsn = 1}', ".jsn", "did you mean json?"),
        ('{path = "/", json = 1, body = "x"}', "", "both json and body"),
        ('{path = "/", json = {at = 2020-01-01}}', ".json", "JSON has no word for"),
        ('{path = "/", body = 3}', ".body", "must be a text"),
    ],
)
def test_a_wrong_request_is_named_by_its_number(request_, key, says):
    found = problem(body("", requests=f'requests = ["/", {request_}]'))
    assert found.where == f"loadproof.toml: services.pkd.requests[1]{key}"
    assert says in str(found)


def test_all_problems_of_a_service_are_told_at_once():
    _, problems = read("[services.pkd]\nbase_url = 'x'\nwait = 'y'\nzzz = 1\n[services.b]\nverify = 3\n")
    assert sorted((p.slug, p.where.split(": ")[1]) for p in problems) == [
        ("bad-duration", "services.pkd.wait"),
        ("bad-value", "services.b.verify"),
        ("base-url", "services.b.base_url"),
        ("base-url", "services.pkd.base_url"),
        ("no-requests", "services.b.requests"),
        ("no-requests", "services.pkd.requests"),
        ("unknown-key", "services.pkd.zzz"),
    ]


@pytest.mark.parametrize("name", ["a/b", "a,b", "load.py", "", "-x", "a b"])
def test_a_name_that_no_target_can_say_is_refused(name):
    _, problems = read(f'[services."{name}"]\nbase_url = "http://x"\nrequests = ["/"]\n')
    assert [(p.slug, p.where) for p in problems] == [("bad-value", "loadproof.toml: services")]


def test_services_that_are_no_table_are_a_problem():
    assert problem("services = 3").what == "must be a table, and is a number"
    assert problem("services = {pkd = 3}\n").where == "loadproof.toml: services.pkd"


def test_variables_are_filled_in_and_their_names_remembered():
    toml = body(
        'headers = {X-Auth = "v ${MY_TOKEN}", Y = "${Y:-y}"}\nauth = ["${WHO}", "${PW}"]\nproxy = "http://${P}"',
        base_url='base_url = "http://${HOST:-localhost}:80"',
    )
    services, problems = read(toml, variables={"MY_TOKEN": "t", "WHO": "me", "PW": "pw", "P": "proxy:1"})
    assert problems == []
    service = services["pkd"].service
    assert service.base_url == "http://localhost:80"
    assert service.headers == {"X-Auth": "v t", "Y": "y"}
    assert (service.auth, service.proxy) == (("me", "pw"), "http://proxy:1")
    sources = services["pkd"].sources
    assert sources["services.pkd.headers.X-Auth"] == "loadproof.toml: services.pkd.headers.X-Auth with ${MY_TOKEN}"
    assert sources["services.pkd.auth"] == "loadproof.toml: services.pkd.auth with ${WHO}"


def test_a_missing_variable_or_file_counts_only_for_the_service_that_is_run(tmp_path):
    services, problems = read(body('headers = {A = "${NOPE}"}\nca_file = "nope.pem"'), tmp_path)
    assert problems == []
    assert services["pkd"].service is None
    found = services["pkd"].problems_if_run
    assert [(p.slug, p.where.split(": ")[1]) for p in found] == [
        ("missing-variable", "services.pkd.headers.A"),
        ("missing-file", "services.pkd.ca_file"),
    ]


def test_what_a_variable_held_is_never_shown():
    _, problems = read(
        body(r'headers = {A = "x${KEY}"}', base_url='base_url = "${KEY}"'), variables={"KEY": "hunter2\n\n1"}
    )
    assert [p.slug for p in problems] == ["base-url", "bad-value"]
    assert "hunter2" not in str(problems)
    assert "${KEY}" in problems[0].what

"""What the document promises and a look at the files can show."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from loadproof.suites.events.parts import TARGET
from loadproof.suites.events.target.perf_data import PerfData
from loadproof.suites.parts import in_order
from suite_copies import suite_folder

ROOT = suite_folder("events")
FOLDER = ROOT / "tests" / "performance"

FILES = [
    "__init__.py",
    "README.md",
    "locustfile.py",
    "config.py",
    ".env.example",
    ".env.test",
    "docker-compose-test.yaml",
    "clients/__init__.py",
    "clients/api_client.py",
    "clients/mailpit_client.py",
    "scenarios/__init__.py",
    "scenarios/base.py",
    "scenarios/auth_scenarios.py",
    "scenarios/discovery_scenarios.py",
    "scenarios/dashboard_scenarios.py",
    "scenarios/rsvp_scenarios.py",
    "scenarios/ticket_scenarios.py",
    "scenarios/questionnaire_scenarios.py",
    "data/__init__.py",
    "data/generators.py",
]

SETTINGS = {
    "LOCUST_BACKEND_URL": "http://localhost:8000/api",
    "LOCUST_MAILPIT_URL": "http://localhost:8025",
    "LOCUST_DEFAULT_PASSWORD": "password123",
    "LOCUST_NUM_PRESEEDED_USERS": "100",
    "LOCUST_EMAIL_POLL_TIMEOUT": "10",
    "LOCUST_EMAIL_POLL_INTERVAL": "0.5",
    "LOCUST_REQUEST_TIMEOUT": "30",
}

COMMANDS = """
uv add --dev locust
python src/manage.py bootstrap_perf_tests
python src/manage.py bootstrap_perf_tests --reset
locust -f locustfile.py --host=http://localhost:8000/api
locust -f locustfile.py --host=http://localhost:8000/api --headless -u 100 -r 10 --run-time 5m
--csv=results/perf_test
--class RSVPUser
--class RSVPUser --class FreeTicketUser
--class RSVPUser --class FreeTicketUser --class PWYCTicketUser --class QuestionnaireUser
docker compose -f docker-compose-test.yaml --env-file .env.test up -d
docker compose -f docker-compose-test.yaml ps
docker compose -f docker-compose-test.yaml logs web
docker compose -f docker-compose-test.yaml logs celery
docker compose -f docker-compose-test.yaml down
docker compose -f docker-compose-test.yaml down -v
docker exec revel_perf_web python manage.py migrate
docker exec revel_perf_web python manage.py bootstrap
docker exec revel_perf_web python manage.py bootstrap_perf_tests
docker exec revel_perf_clamav clamdscan --version
docker exec revel_perf_pgbouncer pg_isready -h localhost -p 6432
""".strip().splitlines()


@pytest.fixture(scope="module")
def compose():
    return YAML(typ="safe").load(FOLDER / "docker-compose-test.yaml")


@pytest.fixture(scope="module")
def generators():
    """The suite's ``data/generators.py``, which nothing else may import by so general a name."""
    spec = importlib.util.spec_from_file_location("events_generators", FOLDER / "data" / "generators.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_document_stands_in_the_readme(command):
    assert f"`{command}`" in (ROOT / "README.md").read_text() or f"`... {command}`" in (ROOT / "README.md").read_text()


def test_s3_10_the_environment_file_is_that_of_the_compose_file():
    given = variables(FOLDER / ".env.test")
    used = set(re.findall(r"\$\{(\w+)", (FOLDER / "docker-compose-test.yaml").read_text()))
    assert set(given) <= used
    assert used - set(given) == {"LOADPROOF_SOURCE"}


def test_s3_12_the_compose_file_has_the_services_on_their_ports(compose):
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert ports == {
        "web": ["127.0.0.1:8000:8000"],
        "celery": [],
        "beat": [],
        "postgres": [],
        "pgbouncer": [],
        "redis": [],
        "mailpit": ["127.0.0.1:8025:8025", "127.0.0.1:1025:1025"],
        "clamav": [],
    }
    assert "--workers 4 --threads 2" in compose["services"]["web"]["command"]
    assert "--concurrency 4" in compose["services"]["celery"]["command"]
    assert compose["services"]["postgres"]["image"].startswith("postgis/postgis:17")
    assert {service["container_name"] for service in compose["services"].values()} == {
        f"revel_perf_{name}" for name in ports
    }


def test_s3_12_the_real_parts_are_those_of_the_document():
    parts = {part.name: part for part in TARGET.real}
    assert set(parts) == {"web", "celery", "beat", "postgres", "pgbouncer", "redis", "mailpit"}
    assert (parts["web"].port, parts["mailpit"].port, parts["pgbouncer"].port) == (8000, 8025, 6432)
    assert ("--workers", "4") in zip(parts["web"].command, parts["web"].command[1:], strict=False)
    assert parts["web"].environ["THREADS"] == "2"
    assert ("--concurrency", "4") in zip(parts["celery"].command, parts["celery"].command[1:], strict=False)
    assert (parts["celery"].port, parts["beat"].port) == (None, None)


def test_s3_12_the_embedded_parts_listen_where_the_document_says():
    parts = {part.name: part for part in TARGET.embedded}
    assert {name: part.port for name, part in parts.items()} == {"mailpit": 8025, "web": 8000}
    script = parts["mailpit"].command[2].format(port=8025, python="x").replace("exec", "echo")
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "x -m loadproof.kit.servers.inbox --smtp-port 1025 --port 8025\n"


def test_s3_13_the_environment_differs_from_production_as_said():
    given = variables(FOLDER / ".env.test")
    assert (given["DEBUG"], given["SILK_PROFILER"]) == ("True", "False")
    assert (given["SYSTEM_TESTING"], given["DISABLE_THROTTLING"]) == ("True", "True")


def test_s3_14_locust_comes_with_loadproof():
    assert any(re.match(r"locust\b", needed) for needed in metadata.requires("loadproof"))


@pytest.mark.parametrize(("name", "default"), SETTINGS.items())
def test_s3_18_to_24_every_setting_has_its_default(name, default):
    assert f"| `{name}` | `{default}` |" in (FOLDER / "README.md").read_text()
    assert variables(FOLDER / ".env.example")[name] == default
    tree = ast.parse((FOLDER / "config.py").read_text())
    (declared,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and any(isinstance(k.value, ast.Constant) and k.value.value == name for k in node.keywords)
    ]
    value = declared.args[0].args[0] if isinstance(declared.args[0], ast.Call) else declared.args[0]
    assert str(value.value).removesuffix(".0") == default


def variables(path):
    """Names and values in a file of variables."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_s3_25_the_organization_has_its_slug(stage):
    assert stage.get("/events/perf-test-org/event/perf-rsvp-event").json()["organization"]["slug"] == "perf-test-org"


@pytest.mark.parametrize("who", ["perf-admin", "perf-staff"])
def test_s3_26_and_s3_27_admin_and_staff_sign_in(stage, who):
    body = {"email": f"{who}@test.com", "password": "password123"}
    assert stage.post("/auth/token/pair", body).status_code == 200


def test_s3_28_there_are_a_hundred_verified_users_unless_said_otherwise(stage):
    assert PerfData().users == 100
    assert PerfData().password == "password123"
    for number in range(stage.data.users):
        body = {"username": f"perf-user-{number}@test.com", "password": "password123"}
        assert stage.post("/auth/token/pair", body).status_code == 200


def test_s3_29_to_33_the_five_events_are_what_the_document_says(stage):
    events = {slug: stage.get(f"/events/perf-test-org/event/{slug}").json() for slug in (
        "perf-rsvp-event",
        "perf-rsvp-limited-event",
        "perf-ticket-free-event",
        "perf-ticket-pwyc-event",
        "perf-questionnaire-event",
    )}  # fmt: skip
    seen = {slug: (one["requires_ticket"], one["max_attendees"], one["waitlist_open"]) for slug, one in events.items()}
    assert seen == {
        "perf-rsvp-event": (False, 0, False),
        "perf-rsvp-limited-event": (False, 50, True),
        "perf-ticket-free-event": (True, 0, False),
        "perf-ticket-pwyc-event": (True, 0, False),
        "perf-questionnaire-event": (False, 0, False),
    }
    status = stage.get(f"/events/{events['perf-questionnaire-event']['id']}/my-status", stage.sign_in()).json()
    assert len(status["questionnaires"]) == 1


@pytest.mark.parametrize("name", FILES)
def test_s3_44_every_file_of_the_document_is_there(name):
    assert (FOLDER / name).is_file()


def test_s3_49_each_part_starts_after_those_that_it_needs():
    order = [part.name for part in in_order(TARGET.real)]
    assert order.index("postgres") < order.index("pgbouncer") < order.index("web") < order.index("celery")
    pooler = next(part for part in TARGET.real if part.name == "pgbouncer")
    assert pooler.ready.command[0] == "pg_isready"


def test_the_makefile_has_the_targets_of_the_later_version():
    said = subprocess.run(["make", "help"], cwd=FOLDER, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^[\w-]+", said, re.MULTILINE) == [
        "help",
        "setup",
        "shutdown",
        "build",
        "seed",
        "test",
        "test-500",
        "clean-results",
    ]
    dry = subprocess.run(["make", "--dry-run", "test-500"], cwd=FOLDER, capture_output=True, text=True, check=True)
    assert "LOCUST_NUM_PRESEEDED_USERS=500" in dry.stdout
    assert "--csv=results/perf_test_500 --html=results/perf_test_500.html" in dry.stdout


def test_the_table_of_proofs_names_tests_that_exist():
    readme = (ROOT / "README.md").read_text()
    tests = Path(__file__).parents[3]
    modules = {path.name: path.read_text() for path in tests.rglob("test_events_*.py")}
    for module in set(re.findall(r"`(test_events_\w+\.py)`", readme)):
        assert module in modules
    everything = "\n".join(modules.values())
    for name in re.findall(r"`(test_\w+?)(?:_?\.\.\.)?`", readme):
        assert name.removesuffix(".py") in everything or f"{name}.py" in modules


def test_no_two_newcomers_have_one_address(generators):
    addresses = {generators.registration("x")["email"] for _ in range(2000)}
    assert len(addresses) == 2000
    assert all(re.fullmatch(r"locust-new-\d+_[0-9a-f]{16}@test\.com", one) for one in addresses)


def test_a_chosen_price_has_two_decimals_and_stays_within_its_bounds(generators):
    prices = [generators.chosen_price(5.0, 5.03) for _ in range(500)]
    assert set(prices) == {"5.00", "5.01", "5.02", "5.03"}


QUESTION = {"id": "q", "options": [{"id": "o"}]}


@pytest.mark.parametrize(
    "structure",
    [
        {"multiple_choice_questions": [QUESTION], "sections": []},
        {"multiple_choice_questions": [], "sections": [{"multiple_choice_questions": [QUESTION]}]},
        {"questionnaire": {"multiplechoicequestion_questions": [QUESTION], "sections": []}},
    ],
    ids=["flat", "in_a_section", "nested"],
)
def test_answers_are_found_in_either_shape(generators, structure):
    assert generators.answers(structure)["multiple_choice_answers"] == [{"question_id": "q", "options": ["o"]}]


def test_a_questionnaire_without_questions_is_no_silent_submission(generators):
    with pytest.raises(ValueError, match="no multiple-choice question"):
        generators.answers({"multiple_choice_questions": [], "sections": []})


def test_names_come_without_faker_too(generators):
    script = (
        "import sys; sys.modules['faker'] = None; sys.path.insert(0, sys.argv[1])\n"
        "from data.generators import ticket_order\nprint(ticket_order()['tickets'][0]['guest_name'])"
    )
    said = subprocess.run([sys.executable, "-c", script, FOLDER], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"\w+ \w+\n", said)

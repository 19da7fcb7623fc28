"""What starts the backend, by Loadproof and by Docker, says the same to the same programs."""

from __future__ import annotations

import re
import shlex

import pytest
from ruamel.yaml import YAML

from loadproof.suites.async_requests.parts import API_PORT, TARGET
from loadproof.suites.async_requests.target import __main__ as api
from loadproof.suites.async_requests.target import celery_queue
from loadproof.suites.parts import in_order
from suite_copies import suite_folder

PARSERS = {"request-api": api._parser(), "worker": celery_queue._parser()}
REAL = {part.name: part for part in TARGET.real}


def options_of(words, name):
    """What a program reads of the words behind ``-m MODULE``."""
    return PARSERS[name].parse_args(list(words)[list(words).index("-m") + 2 :])


def filled(part):
    ports = {each.name: each.port for each in TARGET.real}
    words = (
        word.format(python="python", folder=f"/targets/{part.name}", port=part.port, ports=ports)
        for word in part.command
    )
    return list(words)


@pytest.fixture(scope="module")
def services():
    return YAML(typ="safe").load(suite_folder("async_requests") / "docker-compose.yml")["services"]


def command(services, name):
    """A command as compose runs it where no variable is set."""
    return shlex.split(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", services[name]["command"]))


def test_docker_starts_the_parts_that_loadproof_starts(services):
    assert set(services) == set(REAL)


def test_they_start_in_an_order_in_which_each_finds_what_it_needs(services):
    assert [part.name for part in in_order(TARGET.real)] == ["redis", "request-api", "worker"]
    assert {name: set(each.get("depends_on", ())) for name, each in services.items()} == {
        name: set(part.needs) for name, part in REAL.items()
    }


@pytest.mark.parametrize("name", ["request-api", "worker"])
def test_both_meet_at_one_broker_and_one_file(services, name):
    ours, docker = options_of(filled(REAL[name]), name), options_of(command(services, name), name)
    assert ours.broker == docker.broker == f"redis://127.0.0.1:{REAL['redis'].port}/0"
    assert str(ours.database.resolve()) == "/targets/request-api/requests.db"
    assert str(docker.database) == "/var/tmp/requests.db"


def test_jobs_take_as_long_and_are_as_many_at_a_time(services):
    (embedded,) = TARGET.embedded
    own = options_of(filled(embedded), "request-api")
    real = options_of(filled(REAL["request-api"]), "request-api")
    docker = options_of(command(services, "request-api"), "request-api")
    assert own.job_seconds == real.job_seconds == docker.job_seconds == 0.1
    workers = [options_of(filled(REAL["worker"]), "worker"), options_of(command(services, "worker"), "worker")]
    assert [own.concurrency, *(each.concurrency for each in workers)] == [4, 4, 4]


def test_the_api_listens_where_the_document_has_it(services):
    assert API_PORT == 8000
    assert options_of(command(services, "request-api"), "request-api").port == API_PORT
    assert {part.port for part in (*TARGET.embedded, REAL["request-api"])} == {API_PORT}


def test_the_original_is_one_job_at_a_time_of_five_seconds():
    options = PARSERS["request-api"].parse_args([])
    assert (options.job_seconds, options.concurrency, options.failing_share, options.broker) == (5.0, 1, 0.0, None)

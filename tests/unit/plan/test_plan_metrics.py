"""Where Prometheus finds a run: the port, its address and the grace, by the usual layers."""

from __future__ import annotations

import pytest

from loadproof.errors import UsageError
from loadproof.plan import Options, load_plan


@pytest.fixture
def load(tmp_path):
    (tmp_path / "shop.py").write_text("")

    def plan_of(toml="", environ=None, **options):
        (tmp_path / "loadproof.toml").write_text(toml)
        return load_plan(Options(target="shop.py", cwd=tmp_path, environ=environ or {}, **options))

    return plan_of


def metrics(plan):
    return plan.metrics_port, plan.metrics_host, plan.metrics_grace


def test_nothing_listens_unless_it_is_asked_for_and_then_on_loopback(load):
    assert metrics(load()) == (None, "127.0.0.1", None)
    assert metrics(load(metrics_port="9090")) == (9090, "127.0.0.1", None)


def test_the_option_wins_over_the_environment_and_that_over_the_file(load):
    toml = '[run]\nmetrics_port = 9001\nmetrics_host = "0.0.0.0"\nmetrics_grace = "30s"\n'
    environ = {"LOADPROOF_METRICS_PORT": "9002"}
    assert metrics(load(toml)) == (9001, "0.0.0.0", 30.0)
    plan = load(toml, environ)
    assert metrics(plan) == (9002, "0.0.0.0", 30.0)
    assert plan.sources["metrics_port"] == "LOADPROOF_METRICS_PORT"
    assert metrics(load(toml, environ, metrics_port="9003", metrics_host="::1", metrics_grace="0")) == (9003, "::1", 0)


def test_none_takes_back_what_the_file_says(load):
    assert load("[run]\nmetrics_port = 9001\n", metrics_port="none").metrics_port is None


@pytest.mark.parametrize("port", ["65536", "-1", "http", "80.5", ""])
def test_what_is_no_port_is_refused_with_its_place(load, port):
    with pytest.raises(UsageError) as caught:
        load(metrics_port=port)
    assert [(each.slug, each.where) for each in caught.value.problems] == [("bad-value", "--metrics-port")]


def test_python_says_the_same_with_numbers(tmp_path):
    (tmp_path / "shop.py").write_text("")
    plan = load_plan("shop.py", cwd=tmp_path, environ={}, metrics_port=9090, metrics_host="::1", metrics_grace=5.0)
    assert metrics(plan) == (9090, "::1", 5.0)

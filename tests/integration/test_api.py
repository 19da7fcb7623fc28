"""The Python API: the same path as the command line, and the caller's process stays as it was."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

import loadproof

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/ok")
"""


@pytest.fixture
def plan(tmp_path, service, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "locustfile.py").write_text(SUITE)
    return loadproof.load_plan("locustfile.py", host=service.url, users=3, spawn_rate=3, run_time="2s")


def test_run_plan_gives_a_judged_and_saved_result(plan, service):
    result = loadproof.run_plan(plan)
    assert result.outcome is loadproof.Outcome.PASS
    assert result.exit_code == 0
    assert result.record.samples + result.unfinished == service.seen.total()
    again = loadproof.RunResult.load(result.directory)
    assert again.record.to_json() == result.record.to_json()
    assert again.verdicts == result.verdicts
    assert loadproof.render_html(again) == loadproof.render_html(result)
    verdict = loadproof.evaluate(plan.thresholds[0], again)
    assert verdict in result.verdicts


def test_the_caller_is_not_patched(tmp_path, service):
    (tmp_path / "locustfile.py").write_text(SUITE)
    script = f"""
import socket, sys, loadproof
before = socket.socket
plan = loadproof.load_plan("locustfile.py", host={service.url!r}, users=2, run_time="1s")
assert loadproof.run_plan(plan).exit_code == 0
assert socket.socket is before
assert not {{"gevent", "locust"}} & set(sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr


def test_it_works_inside_asyncio_beside_other_tasks(plan):
    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.05)
                ticks += 1

        ticking = asyncio.create_task(tick())
        result = await asyncio.to_thread(loadproof.run_plan, plan)
        ticking.cancel()
        return result, ticks

    result, ticks = asyncio.run(main())
    assert result.exit_code == 0
    assert ticks > 10


def test_a_target_that_is_not_there_raises(plan, service):
    service.close()
    with pytest.raises(loadproof.RunError) as caught:
        loadproof.run_plan(plan)
    assert "does not answer" in str(caught.value)
    assert caught.value.exit_code == 3

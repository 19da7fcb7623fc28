"""What the swap of Locust's sessions relies on; a new Locust must break a test, not a user."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

(LOCUST,) = find_spec("locust").submodule_search_locations
(PYTEST_PLUGIN,) = find_spec("pytest_locust").submodule_search_locations


def importers(name):
    """Where Locust binds a name by ``from … import``, with the indentation of the import."""
    found = set()
    for folder in (Path(LOCUST), Path(PYTEST_PLUGIN)):
        for path in folder.rglob("*.py"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if re.match(rf"\s*from\s+\S+\s+import\s+.*\b{name}\b", line):
                    found.add((path.relative_to(folder).as_posix(), line.startswith(" ")))
    return found


def test_locust_binds_its_http_session_where_we_bind_ours():
    assert importers("HttpSession") == {("user/users.py", False), ("plugin.py", True)}


def test_locust_binds_its_fast_session_where_we_bind_ours():
    # The plugin imports it when a test asks for the fixture, and so finds ours.
    assert {where for where in importers("FastHttpSession") if not where[1]} == set()


def test_a_user_makes_its_client_from_the_name_that_we_bind():
    text = (Path(LOCUST) / "user/users.py").read_text(encoding="utf-8")
    assert re.search(r"self\.client = HttpSession\(", text)
    text = (Path(LOCUST) / "contrib/fasthttp.py").read_text(encoding="utf-8")
    assert re.search(r"self\.client: FastHttpSession = FastHttpSession\(", text)


def test_locust_hands_options_that_it_does_not_know_on_to_workers_before_their_test_starts():
    text = (Path(LOCUST) / "runners.py").read_text(encoding="utf-8")
    worker = text[text.index("class WorkerRunner") :]
    copied = worker.index("vars(self.environment.parsed_options).update(custom_args_from_master)")
    assert copied < worker.index("self.environment.events.test_start.fire")
    assert 'job["timestamp"] <= self.last_received_spawn_timestamp' in worker


def test_locust_sleeps_between_tasks_where_we_put_ours():
    text = (Path(LOCUST) / "user/task.py").read_text(encoding="utf-8")
    assert re.search(r"def _sleep\(self, seconds\):\n        gevent\.sleep\(seconds\)", text)
    assert "self._sleep(self.wait_time())" in text


def test_locust_counts_requests_in_the_listener_that_we_turn_away():
    text = (Path(LOCUST) / "runners.py").read_text(encoding="utf-8")
    init = text[text.index("class Runner:") :]
    assert re.search(r"def on_request\(request_type, name, response_time, response_length, exception=None", init)
    assert "self.environment.events.request.add_listener(on_request)" in init
    assert init.index("self.environment.events.request.add_listener(on_request)") < init.index("    def __del__")

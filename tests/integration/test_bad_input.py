"""Bad input: one clear message that says where, exit 2 (3 where the target or the script is at fault), nothing sent."""

from __future__ import annotations

import pytest

from commandline import loadproof

USER = "from locust import HttpUser, task\n\nclass U(HttpUser):\n    @task\n    def t(self):\n        self.client.get('/ok')\n"


def run(cwd, *words, files=None, timeout=30):
    for name, text in (files or {}).items():
        (cwd / name).write_text(text)
    ended = loadproof(cwd, "run", *words, timeout=timeout)
    assert not (cwd / "reports").exists(), "something was run"
    return ended


@pytest.mark.parametrize(
    ("words", "files", "code", "said"),
    [
        (["--userz", "3"], {"locustfile.py": USER}, 2, ["--userz", "--users"]),
        (["nothing.py"], {}, 2, ["nothing.py", "missing-file"]),
        ([], {}, 2, ["locustfile.py"]),
        ([], {"locustfile.py": "import nonsense_module\n"}, 3, ["locustfile.py:1", "nonsense_module"]),
        ([], {"locustfile.py": "class U(\n"}, 3, ["locustfile.py", "SyntaxError"]),
        (["-t", "1s", "-H", "http://127.0.0.1:9"], {"locustfile.py": "x = 1\n"}, 2, ["No User class found"]),
        (["-t", "1s", "--class", "Other", "-H", "http://127.0.0.1:9"], {"locustfile.py": USER}, 2, ["Other"]),
        (["-t", "1s"], {"locustfile.py": USER}, 2, ["no host", "U", "--host"]),
        (["-t", "sometime"], {"locustfile.py": USER}, 2, ["sometime"]),
        (["--threshold", "p95(respnse_time) < 1s"], {"locustfile.py": USER}, 2, ["respnse_time", "response_time"]),
        (["pkd"], {"loadproof.toml": "[services.pkd\n"}, 2, ["loadproof.toml", "toml-syntax"]),
        (["pkd"], {"loadproof.toml": '[services.pkd]\nbase_urll = "http://x"\n'}, 2, ["services.pkd.base_urll", "base_url"]),
        (["pkd"], {"loadproof.toml": '[services.pkd]\nbase_url = "127.0.0.1:8088"\nrequests = ["/"]\n'}, 2, ["services.pkd.base_url"]),
        (["pkd"], {"loadproof.toml": '[services.pkd]\nbase_url = "http://127.0.0.1:9"\nrequests = ["/"]\n'}, 3, ["Service pkd is not running on port 9"]),
        (["pkd"], {"loadproof.toml": '[services.pkd]\nbase_url = "http://127.0.0.1:9"\nrequests = ["/"]\nstart = "make run-pkd"\n'}, 3, ["make run-pkd"]),
        (["pdk"], {"loadproof.toml": '[services.pkd]\nbase_url = "http://127.0.0.1:9"\nrequests = ["/"]\n'}, 2, ["pdk", "pkd"]),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_what_and_where(tmp_path, words, files, code, said):
    ended = run(tmp_path, *words, files=files)
    assert ended.code == code, ended.out + ended.err
    for text in said:
        assert text in ended.err
    assert "Traceback" not in ended.err.replace("Traceback (most recent call last):\n  File", "") or code == 3
    assert "This is a bug" not in ended.err


def test_several_problems_are_shown_together(tmp_path):
    toml = 'thresholds = ["p95(latency) < 1s"]\n[run]\nusres = 3\nrun_time = "soon"\n'
    ended = run(tmp_path, "--threshold", "nonsense", files={"loadproof.toml": toml, "locustfile.py": USER})
    assert ended.code == 2
    for text in ("latency", "usres", "soon", "nonsense"):
        assert text in ended.err


def test_a_taken_port_of_the_web_interface_is_named(tmp_path, service):
    port = service.url.rpartition(":")[2]
    ended = run(tmp_path, "--ui", "--web-port", port, "-H", service.url, files={"locustfile.py": USER})
    assert ended.code == 3
    assert port in ended.err


def test_every_slug_that_is_shown_has_an_entry_in_the_manual():
    import re
    from pathlib import Path

    root = Path(__file__).parents[2]
    raised = set()
    ours = [path for path in (root / "src").rglob("*.py") if "target" not in path.parts]  # their slugs are of events
    for path in ours:
        raised |= set(re.findall(r'slug="([a-z-]+)"|Problem\(\s*"([a-z-]+)"', path.read_text()))
    slugs = {a or b for a, b in raised}
    headings = set(re.findall(r"^## `?([a-z-]+)`?$", (root / "docs/messages.md").read_text(), re.MULTILINE))
    assert len(slugs) > 10
    assert slugs <= headings, slugs - headings


def test_help_shows_brackets_as_they_are_written(tmp_path):
    ended = loadproof(tmp_path, "run", "--help")
    assert ended.code == 0
    assert "[tool.loadproof]" in ended.out
    assert "[services.pkd_service]" in ended.out


def test_an_unknown_option_from_python_is_refused_with_the_nearest_one():
    import loadproof as package

    with pytest.raises(package.UsageError, match="did you mean users"):
        package.load_plan("locustfile.py", usrs=3)


def test_a_host_without_a_scheme_is_refused_with_the_right_one(tmp_path):
    ended = run(tmp_path, "-t", "1s", "-H", "127.0.0.1:80", files={"locustfile.py": USER})
    assert ended.code == 2
    assert "http://127.0.0.1:80" in ended.err

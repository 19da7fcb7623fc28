"""Every Python example of the kit's page compiles, and every name that it takes from the kit is there."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    import loadproof.kit
    import loadproof.kit.polling  # which loads Locust, as most names do

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "kit.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SECTIONS = [
    *("Polling and flows", "Expectations", "Feeders", "Accounts", "Coordination", "Phases"),
    *("Tokens", "Inbox", "Settings", "Ledger and cleanup", "Seeding"),
]
SOURCES = [
    Path(loadproof.kit.__file__).with_name(f"{name}.py")
    for name in ("polling", "expectations", "feeders", "accounts", "coordination", "desk", "phases")
]


def test_the_page_has_a_section_for_each_part_in_their_order():
    assert re.findall(r"^## (.*)$", PAGE, re.MULTILINE) == SECTIONS
    assert len(EXAMPLES) >= 7


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_compiles_and_its_names_are_there(example):
    imported = [node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.ImportFrom)]
    for statement in imported:
        if statement.module.startswith("loadproof"):
            module = importlib.import_module(statement.module)
            assert [alias.name for alias in statement.names if not hasattr(module, alias.name)] == []
    compile(example, "kit.md", "exec")


def test_every_problem_that_these_parts_speak_of_has_an_entry_in_the_manual():
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    raised = set(re.findall(r'(?:slug=|Problem\()"([a-z-]+)"', code))
    headings = re.findall(r"^## ([a-z-]+)$", (DOCS / "messages.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert raised == {"no-share", "no-answer", "bad-rows", "feeder-empty", "no-account", "bad-phases"}
    assert raised <= set(headings)

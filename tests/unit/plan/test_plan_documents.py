import re
from pathlib import Path

import pytest

import loadproof.plan
from loadproof.errors import UsageError
from loadproof.plan import Options, defaults, load_plan, metrics, thresholds
from loadproof.plan.thresholds import parse_threshold

DOCS = Path(__file__).parents[3] / "docs"
SOURCE = Path(loadproof.plan.__file__).parent
SLUG = re.compile(r'(?:slug=|_SLUG = |Problem\(\s*|_add\(\s*|_error\(\s*|BadValueError\(\s*)"([a-z]+(?:-[a-z]+)+)"')


def whole_blocks(document, kind):
    text = (DOCS / document).read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def blocks(kind):
    return [line for block in whole_blocks("thresholds.md", kind) for line in block.splitlines()]


def test_the_manual_shows_rules_of_every_kind():
    assert len(blocks("rules")) > 15
    assert len(blocks("refused")) > 10


@pytest.mark.parametrize("rule", blocks("rules"))
def test_every_rule_of_the_manual_is_read(rule):
    assert parse_threshold(rule, source="thresholds.md").text == rule


@pytest.mark.parametrize("line", blocks("refused"))
def test_every_rule_that_the_manual_refuses_is_refused_for_that_reason(line):
    rule, slug = line.rsplit(maxsplit=1)
    with pytest.raises(UsageError) as caught:
        parse_threshold(rule, source="thresholds.md")
    assert caught.value.slug == slug


def test_the_grammar_in_the_manual_names_what_the_parser_takes():
    grammar = "\n".join(blocks("ebnf"))
    words = set(re.findall(r'"([a-z_]+)"', grammar))
    known = (metrics.METRICS, thresholds._AGGREGATIONS, thresholds._LEVELS, thresholds._MODIFIERS)
    keys = {key for spec in metrics.METRICS.values() for key in spec.keys}
    for table in (*known, keys):
        assert set(table) <= words
    assert set(thresholds._OPERATORS) == set(re.findall(r'"([<>=!]+)"', grammar.partition("operator    =")[2]))


def test_the_manual_has_a_row_for_every_metric():
    text = (DOCS / "thresholds.md").read_text(encoding="utf-8")
    for metric in metrics.METRICS:
        assert f"| `{metric}` |" in text


def test_the_manual_lists_the_default_rules():
    text = (DOCS / "thresholds.md").read_text(encoding="utf-8")
    for rule in defaults.default_thresholds("service", rps_limited=False):
        assert f"| `{rule.text}` |" in text


@pytest.mark.parametrize("toml", whole_blocks("load.md", "toml"))
def test_every_file_in_the_manual_of_load_is_read(toml, tmp_path):
    (tmp_path / "locustfile.py").touch()
    (tmp_path / "loadproof.toml").write_text(toml, encoding="utf-8")
    kinds = [kind for kind in ("stress", "capacity") if f"[{kind}]" in toml]
    for search in kinds or [None]:
        plan = load_plan(Options(target="locustfile.py", search=search, cwd=tmp_path, environ={}))
        assert (plan.search is not None) == bool(kinds)
        if search:
            assert plan.thresholds
    for name in re.findall(r"\[profiles\.(\w+)\]", toml):
        assert load_plan(Options(load_profile=name, target="locustfile.py", cwd=tmp_path, environ={})).scenarios
    if "[services.shop]" in toml:
        assert load_plan(Options(target="shop", cwd=tmp_path, environ={})).run_time == 600


def test_every_problem_of_a_plan_has_an_entry_in_the_manual():
    raised = {slug for path in SOURCE.glob("*.py") for slug in SLUG.findall(path.read_text(encoding="utf-8"))}
    headings = re.findall(r"^## ([a-z-]+)$", (DOCS / "messages.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert len(raised) > 15
    assert raised <= set(headings)

"""Compiled templates: kept where modules are, and never in the way."""

from __future__ import annotations

import sys

import jinja2
import pytest

from loadproof.report.compiled import CompiledBeside


@pytest.fixture
def render(tmp_path, monkeypatch):
    """Renders a text as a template of a folder, by an environment that knows nothing yet, and counts compilations."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "__pycache__").mkdir()
    compiled = []

    def rendered(text):
        cache = CompiledBeside(tmp_path)
        environment = jinja2.Environment(
            autoescape=True, loader=jinja2.DictLoader({"page": text}), bytecode_cache=cache
        )
        compiling = environment.compile
        environment.compile = lambda *args, **options: compiled.append(text) or compiling(*args, **options)
        return environment.get_template("page").render(name="<b>")

    rendered.compiled = compiled
    rendered.folder = tmp_path / "__pycache__"
    return rendered


def test_a_template_is_compiled_once_for_each_of_its_texts(render):
    assert [render("Hello {{ name }}"), render("Hello {{ name }}")] == ["Hello &lt;b&gt;"] * 2
    assert render.compiled == ["Hello {{ name }}"]
    assert render("Bye {{ name }}") == "Bye &lt;b&gt;"
    assert len(render.compiled) == 2


@pytest.mark.parametrize("content", [b"", b"j2", b"rubbish" * 100])
def test_a_broken_file_is_compiled_anew(render, content):
    render("Hello {{ name }}")
    (file,) = render.folder.iterdir()
    whole = file.read_bytes()
    for broken in (content, whole[: len(whole) // 2]):
        file.write_bytes(broken)
        assert render("Hello {{ name }}") == "Hello &lt;b&gt;"
        assert file.read_bytes() == whole


def test_a_folder_that_is_not_there_costs_a_compilation_and_no_run(render):
    render.folder.rmdir()
    assert [render("Hello {{ name }}"), render("Hello {{ name }}")] == ["Hello &lt;b&gt;"] * 2
    assert len(render.compiled) == 2


def test_nothing_is_kept_where_python_keeps_nothing(render, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    render("Hello {{ name }}")
    assert list(render.folder.iterdir()) == []

import types

import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust import argument_parser
    from locust.runners import WorkerRunner

    from loadproof.load import default_options


def names_in(code):
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= names_in(constant)
    return found


def test_workers_of_this_locust_ask_for_each_option_anew():
    assert "default_args_dict" in names_in(WorkerRunner.handle_message.__code__)


def test_the_answer_is_the_same_and_reckoned_once(monkeypatch):
    asked = []
    original = argument_parser.default_args_dict
    monkeypatch.setattr(argument_parser, "default_args_dict", lambda: asked.append(1) or original())
    default_options.install()
    answers = [argument_parser.default_args_dict() for _ in range(3)]
    assert answers[0] == original()
    assert answers[1] is answers[2] is answers[0]
    assert len(asked) == 1

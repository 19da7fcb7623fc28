"""Names, addresses, orders and answers, as people would type them."""

from __future__ import annotations

import random
from itertools import count
from typing import Any
from uuid import uuid4

try:
    from faker import Faker
except ImportError:  # it belongs to an extra; the load is the same with duller names
    _faker = None
else:
    _faker = Faker()

_FIRST_NAMES = ("Ada", "Alan", "Barbara", "Edsger", "Grace", "Ken", "Margaret", "Tony")
_LAST_NAMES = ("Dijkstra", "Hamilton", "Hoare", "Hopper", "Liskov", "Lovelace", "Thompson", "Turing")
_newcomers = count(1)


def first_name() -> str:
    """A first name."""
    return _faker.first_name() if _faker else random.choice(_FIRST_NAMES)


def last_name() -> str:
    """A last name."""
    return _faker.last_name() if _faker else random.choice(_LAST_NAMES)


def preseeded_accounts(number: int) -> list[dict[str, str]]:
    """The accounts that ``bootstrap_perf_tests`` made, as rows of a pool."""
    return [{"email": f"perf-user-{one}@test.com"} for one in range(number)]


def registration(password: str) -> dict[str, Any]:
    """Somebody new: no two are alike, in whatever worker and run."""
    return {
        "email": f"locust-new-{next(_newcomers)}_{uuid4().hex[:16]}@test.com",
        "password1": password,
        "password2": password,
        "first_name": first_name(),
        "last_name": last_name(),
        "accept_toc_and_privacy": True,
    }


def ticket_order() -> dict[str, Any]:
    """One ticket, for somebody."""
    return {"tickets": [{"guest_name": f"{first_name()} {last_name()}"}]}


def chosen_price(lowest: float, highest: float) -> str:
    """A price within the bounds, in cents."""
    return f"{random.randint(round(lowest * 100), round(highest * 100)) / 100:.2f}"


def answers(structure: dict[str, Any]) -> dict[str, Any]:
    """A filled-in questionnaire: one option of every multiple-choice question, whichever shape the structure has.

    Args:
        structure: As the platform answers it: flat, or nested under ``questionnaire``.

    Raises:
        ValueError: It has no question that could be answered.
    """
    nested = structure.get("questionnaire") or {}
    flat = [structure, *structure.get("sections", []), *nested.get("sections", [])]
    questions = [one for part in flat for one in part.get("multiple_choice_questions", [])]
    questions = questions or nested.get("multiplechoicequestion_questions", [])
    if not questions:
        raise ValueError("the questionnaire has no multiple-choice question")
    return {
        "status": "ready",
        "multiple_choice_answers": [
            {"question_id": question["id"], "options": [random.choice(question["options"])["id"]]}
            for question in questions
        ],
        "free_text_answers": [],
        "file_upload_answers": [],
    }

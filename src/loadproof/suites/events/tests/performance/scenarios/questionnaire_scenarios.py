"""People who are asked before they get in."""

from __future__ import annotations

from typing import Any

from clients.api_client import Rules
from config import QUESTIONNAIRE_EVENT
from data.generators import answers
from locust import task
from locust.exception import RescheduleTask
from scenarios.base import EventUser

CONFLICTS = {"maximum number of attempts": "no attempt is left"}


def _first(status: dict[str, Any]) -> str | None:
    """The questionnaire of an event, by whichever key the platform tells it."""
    listed = status.get("questionnaires") or []
    missing = status.get("questionnaires_missing") or status.get("questionnaires_pending_review") or []
    return listed[0]["id"] if listed else missing[0] if missing else None


def _asks(status: dict[str, Any]) -> str | None:
    # Without this, a platform that names none would be a flow that silently never runs.
    return None if _first(status) else "my-status names no questionnaire, so none can be submitted"


class QuestionnaireUser(EventUser):
    """Fills in a questionnaire."""

    weight = 5
    slug = QUESTIONNAIRE_EVENT

    @task(2)
    def status(self) -> None:
        """See how one stands."""
        self.my_status()

    @task(1)
    def submit(self) -> None:
        """Find the questionnaire, read it, and hand in answers."""
        status = self.my_status(rules=Rules(check=_asks))
        if status is None:
            return
        path = f"/events/{self.event()}/questionnaire/{_first(status)}"
        structure = self.api.get(path, "/events/{id}/questionnaire/{qid}")
        if structure is None:
            raise RescheduleTask
        body = {"questionnaire_id": _first(status), **answers(structure)}
        name = "/events/{id}/questionnaire/{qid}/submit [BOTTLENECK]"
        self.api.post(f"{path}/submit", body, name, Rules(conflicts=CONFLICTS))

    @task(1)
    def questionnaire_flow(self) -> None:
        """See how one stands, then do the same."""
        with self.flow("questionnaire_flow"):
            self.my_status()
            self.submit()

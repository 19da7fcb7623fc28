"""What events ask, and what people answer."""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadproof.suites.events.target.platform import Caller, Refused, Wired
from loadproof.suites.events.target.tables import Option, Question, Questionnaire, Submission

routes = APIRouter(prefix="/api")


class Choice(BaseModel):
    """What somebody chose for one question."""

    question_id: UUID
    options: list[UUID]


class Answers(BaseModel):
    """A filled-in questionnaire; its id may be missing, because the path says it too."""

    questionnaire_id: UUID | None = None
    status: Literal["draft", "ready"] = "ready"
    multiple_choice_answers: list[Choice] = []
    free_text_answers: list[dict[str, Any]] = []
    file_upload_answers: list[dict[str, Any]] = []


@routes.get("/events/{event_id}/questionnaire/{questionnaire_id}")
def show_questionnaire(event_id: UUID, questionnaire_id: UUID, _user: Caller, platform: Wired) -> dict[str, Any]:
    """The questions, in the platform's own flat shape and in the nested one that its first load test reads."""
    with platform.database.read() as session:
        questionnaire = _known_questionnaire(session, event_id, questionnaire_id)
        questions = [_question_shape(question, options) for question, options in _questions(session, questionnaire)]
    return {
        "id": str(questionnaire.id),
        "name": questionnaire.name,
        "evaluation_mode": questionnaire.evaluation_mode,
        "multiple_choice_questions": questions,
        "free_text_questions": [],
        "file_upload_questions": [],
        "sections": [],
        "questionnaire": {
            "id": str(questionnaire.id),
            "multiplechoicequestion_questions": questions,
            "freetextquestion_questions": [],
            "sections": [],
        },
    }


@routes.post("/events/{event_id}/questionnaire/{questionnaire_id}/submit")
def submit(event_id: UUID, questionnaire_id: UUID, answers: Answers, user: Caller, platform: Wired) -> dict[str, Any]:
    """Hand in answers: every mandatory question answered, with options of its own."""
    if answers.questionnaire_id not in {None, questionnaire_id}:
        raise HTTPException(400, "questionnaire_id is not that of the path.")
    with platform.database.write() as session:
        questionnaire = _known_questionnaire(session, event_id, questionnaire_id)
        if answers.status == "ready":
            _check_answers(session, questionnaire, answers)
        attempts = session.scalar(
            select(func.count())
            .select_from(Submission)
            .where(Submission.questionnaire_id == questionnaire_id, Submission.user_id == user.id)
        )
        if (attempts or 0) >= questionnaire.max_attempts:
            reason = f"You have reached the maximum number of attempts: {questionnaire.max_attempts}"
            raise Refused(400, {"detail": reason, "code": "attempts"})
        submission = Submission(
            questionnaire_id=questionnaire_id,
            user_id=user.id,
            status=answers.status,
            answers=[choice.model_dump(mode="json") for choice in answers.multiple_choice_answers],
        )
        session.add(submission)
        session.flush()
    return {
        "id": str(submission.id),
        "questionnaire_id": str(questionnaire_id),
        "status": submission.status,
        "submitted_at": submission.submitted_at.isoformat(),
    }


def _known_questionnaire(session: Session, event_id: UUID, questionnaire_id: UUID) -> Questionnaire:
    questionnaire = session.get(Questionnaire, questionnaire_id)
    if questionnaire is None or questionnaire.event_id != event_id:
        raise HTTPException(404, "Questionnaire not found.")
    return questionnaire


def _questions(session: Session, questionnaire: Questionnaire) -> list[tuple[Question, list[Option]]]:
    asked = select(Question).where(Question.questionnaire_id == questionnaire.id).order_by(Question.position)
    questions = session.scalars(asked).all()
    offered = session.scalars(
        select(Option).where(Option.question_id.in_([one.id for one in questions])).order_by(Option.position)
    ).all()
    return [(question, [one for one in offered if one.question_id == question.id]) for question in questions]


def _question_shape(question: Question, options: list[Option]) -> dict[str, Any]:
    return {
        "id": str(question.id),
        "question": question.text,
        "is_mandatory": question.mandatory,
        "order": question.position,
        "options": [{"id": str(option.id), "option": option.text} for option in options],
    }


def _check_answers(session: Session, questionnaire: Questionnaire, answers: Answers) -> None:
    chosen = {choice.question_id: choice.options for choice in answers.multiple_choice_answers}
    questions = _questions(session, questionnaire)
    if unknown := set(chosen) - {question.id for question, _ in questions}:
        raise HTTPException(400, f"Questions of another questionnaire: {sorted(map(str, unknown))}")
    for question, options in questions:
        given = chosen.get(question.id, [])
        if question.mandatory and not given:
            raise HTTPException(400, f"Missing mandatory answers: {question.id}")
        if set(given) - {option.id for option in options}:
            raise HTTPException(400, f"Options of another question: {question.id}")

"""Performance tests of the events platform: eight kinds of users, in the proportions of their weights."""

from __future__ import annotations

import os
from pathlib import Path

from checks import check_before_load
from error_log import log_errors
from scenarios.auth_scenarios import ExistingUserLogin, NewUserRegistration
from scenarios.dashboard_scenarios import DashboardUser
from scenarios.discovery_scenarios import EventBrowser
from scenarios.questionnaire_scenarios import QuestionnaireUser
from scenarios.rsvp_scenarios import RSVPUser
from scenarios.ticket_scenarios import FreeTicketUser, PWYCTicketUser
from selection import take_classes

from loadproof.result.ledgers import LEDGERS_VARIABLE

USERS = [
    EventBrowser,
    ExistingUserLogin,
    DashboardUser,
    RSVPUser,
    FreeTicketUser,
    PWYCTicketUser,
    QuestionnaireUser,
    NewUserRegistration,
]

take_classes([user.__name__ for user in USERS])
check_before_load()
if LEDGERS_VARIABLE not in os.environ:  # `loadproof run` keeps every failure in its results.csv
    log_errors(Path("logs"))

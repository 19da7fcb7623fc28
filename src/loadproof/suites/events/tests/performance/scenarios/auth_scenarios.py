"""People who sign in, and people who sign up."""

from __future__ import annotations

from clients.api_client import Rules
from clients.mailpit_client import MailpitClient
from config import settings
from data.generators import registration
from locust import task
from scenarios.base import AuthenticatedUser, PerfUser


class ExistingUserLogin(AuthenticatedUser):
    """Signs in, again and again."""

    weight = 20

    @task
    def login(self) -> None:
        """Sign in, and see who one is."""
        self.api.sign_in()
        self.api.get("/account/me")


class NewUserRegistration(PerfUser):
    """Signs up, and opens the link in the mail."""

    weight = 5

    def on_start(self) -> None:
        """Know the inbox."""
        super().on_start()
        self._mails = MailpitClient()

    @task
    def sign_up(self) -> None:
        """From the form to the first page as somebody who is known."""
        body = registration(settings.password.get_secret_value())
        if self.api.post("/account/register", body, rules=Rules(statuses=(200, 201))) is None:
            return
        token = self._mails.verification_token(body["email"])
        if token is None:
            return
        verified = self.api.post("/account/verify", {"token": token})
        if verified is not None:
            self.api.get_as(verified["token"]["access"], "/account/me")

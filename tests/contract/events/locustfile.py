"""A suite of the events platform as teams have it: plain Locust, Faker, and nothing of Loadproof.

It keeps what such suites do, mistakes included: no class has a weight, users share a few accounts at random, a failed
login ends the whole run, and lists are read from ``items``.
"""

import os
import random
import re
import time

import requests
from faker import Faker
from locust import HttpUser, between, task

PASSWORD = os.environ.get("LOCUST_DEFAULT_PASSWORD", "password123")
PEOPLE = int(os.environ.get("LOCUST_NUM_PRESEEDED_USERS", "100"))
MAILPIT = os.environ.get("LOCUST_MAILPIT_URL", "http://localhost:8025")
POLL_TIMEOUT = float(os.environ.get("LOCUST_EMAIL_POLL_TIMEOUT", "10"))
POLL_INTERVAL = float(os.environ.get("LOCUST_EMAIL_POLL_INTERVAL", "0.5"))
ORGANIZATION = "perf-test-org"
TOKEN = re.compile(r"\?token=([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")
fake = Faker()


class Mailpit:
    """Finds mails over Mailpit's API."""

    def __init__(self):
        self.session = requests.Session()

    def token_for(self, address):
        deadline = time.time() + POLL_TIMEOUT
        while time.time() < deadline:
            found = self.session.get(f"{MAILPIT}/api/v1/search", params={"query": f"to:{address}", "limit": 50})
            for message in found.json()["messages"]:
                recipients = [to["Address"] for to in message["To"]]
                if address in recipients and "verify" in message["Subject"].lower():
                    body = self.session.get(f"{MAILPIT}/api/v1/message/{message['ID']}").json()
                    match = TOKEN.search(body["Text"]) or TOKEN.search(body["HTML"])
                    self.session.delete(f"{MAILPIT}/api/v1/messages", json={"ids": [message["ID"]]})
                    return match.group(1)
            time.sleep(POLL_INTERVAL)
        return None


class Visitor(HttpUser):
    abstract = True
    wait_time = between(
        float(os.environ.get("CONTRACT_WAIT_FROM", "1")), float(os.environ.get("CONTRACT_WAIT_TO", "3"))
    )

    def on_start(self):
        self.headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Language": "en"}

    def get(self, path, name=None, **options):
        return self.client.get(path, name=name or path, headers=self.headers, **options)

    def post(self, path, body, name=None, **options):
        return self.client.post(path, json=body, name=name or path, headers=self.headers, **options)

    def log_in(self, address):
        body = {"username": address, "password": PASSWORD}
        answer = self.post("/auth/token/pair", body, "/auth/token/pair [login]")
        if answer.status_code != 200:
            self.environment.runner.quit()
            return
        self.headers["Authorization"] = f"Bearer {answer.json()['access']}"


class Member(Visitor):
    abstract = True
    slug = ""

    def on_start(self):
        super().on_start()
        self.log_in(f"perf-user-{random.randint(0, PEOPLE - 1)}@test.com")
        self.event = None
        if self.slug:
            path = f"/events/{ORGANIZATION}/event/{self.slug}"
            self.event = self.get(path, "/events/{org}/event/{slug} [detail]").json()["id"]

    def my_status(self):
        return self.get(f"/events/{self.event}/my-status", "/events/{id}/my-status [BOTTLENECK]").json()


class EventBrowser(Visitor):
    def on_start(self):
        super().on_start()
        self.events = []

    @task(5)
    def browse(self):
        answer = self.get("/events/?page=1&page_size=20", "/events/ [list]")
        self.events = [event["id"] for event in answer.json().get("items", [])]

    @task(3)
    def detail(self):
        if self.events:
            self.get(f"/events/{random.choice(self.events)}", "/events/{id} [detail]")

    @task(2)
    def tiers(self):
        if self.events:
            self.get(f"/events/{random.choice(self.events)}/tickets/tiers", "/events/{id}/tickets/tiers")


class ExistingUserLogin(Visitor):
    @task
    def login(self):
        self.log_in(f"perf-user-{random.randint(0, PEOPLE - 1)}@test.com")
        self.get("/account/me")


class DashboardUser(Member):
    @task(3)
    def events(self):
        self.get("/dashboard/events")

    @task(2)
    def organizations(self):
        self.get("/dashboard/organizations")

    @task(2)
    def tickets(self):
        self.get("/dashboard/tickets")

    @task(1)
    def rsvps(self):
        self.get("/dashboard/rsvps")

    @task(1)
    def full(self):
        self.events()
        self.organizations()
        self.tickets()
        self.rsvps()


class RSVPUser(Member):
    slug = "perf-rsvp-event"

    @task(3)
    def status(self):
        self.my_status()

    @task(2)
    def rsvp(self):
        name = "/events/{id}/rsvp/<status> [BOTTLENECK]"
        answer = self.post(f"/events/{self.event}/rsvp/{random.choice(['no', 'yes', 'maybe', 'yes'])}", None, name)
        assert answer.json()["event_id"] == self.event

    @task(1)
    def flow(self):
        self.my_status()
        self.rsvp()


class TicketBuyer(Member):
    abstract = True
    price_type = ""

    def on_start(self):
        super().on_start()
        tiers = self.get(f"/events/{self.event}/tickets/tiers", "/events/{id}/tickets/tiers").json()
        self.tier = next(tier for tier in tiers if tier["price_type"] == self.price_type)

    def order(self):
        return {"tickets": [{"guest_name": fake.name()}]}

    @task(2)
    def check(self):
        self.my_status()

    @task(1)
    def flow(self):
        self.my_status()
        self.checkout()


class FreeTicketUser(TicketBuyer):
    slug = "perf-ticket-free-event"
    price_type = "fixed"

    @task(1)
    def checkout(self):
        name = "/events/{id}/tickets/{tier}/checkout [BOTTLENECK]"
        self.post(f"/events/{self.event}/tickets/{self.tier['id']}/checkout", self.order(), name)


class PWYCTicketUser(TicketBuyer):
    slug = "perf-ticket-pwyc-event"
    price_type = "pwyc"

    @task(1)
    def checkout(self):
        price = random.uniform(float(self.tier["pwyc_min"]), float(self.tier["pwyc_max"]))
        body = self.order() | {"price_per_ticket": f"{price:.2f}"}
        name = "/events/{id}/tickets/{tier}/checkout/pwyc [BOTTLENECK]"
        self.post(f"/events/{self.event}/tickets/{self.tier['id']}/checkout/pwyc", body, name)


class QuestionnaireUser(Member):
    slug = "perf-questionnaire-event"

    @task(2)
    def status(self):
        self.my_status()

    @task(1)
    def submit(self):
        found = self.my_status().get("questionnaires")
        if not found:
            return
        path = f"/events/{self.event}/questionnaire/{found[0]['id']}"
        structure = self.get(path, "/events/{id}/questionnaire/{qid}").json()["questionnaire"]
        answers = [
            {"question_id": question["id"], "options": [random.choice(question["options"])["id"]]}
            for question in structure["multiplechoicequestion_questions"]
        ]
        body = {
            "status": "ready",
            "multiple_choice_answers": answers,
            "free_text_answers": [],
            "file_upload_answers": [],
        }
        self.post(f"{path}/submit", body, "/events/{id}/questionnaire/{qid}/submit [BOTTLENECK]")

    @task(1)
    def flow(self):
        self.status()
        self.submit()


class NewUserRegistration(Visitor):
    number = 0

    @task
    def sign_up(self):
        NewUserRegistration.number += 1
        address = f"locust-new-{NewUserRegistration.number}_{random.randint(1000, 9999)}@test.com"
        names = {"first_name": fake.first_name(), "last_name": fake.last_name()}
        passwords = {"password1": PASSWORD, "password2": PASSWORD, "accept_toc_and_privacy": True}
        self.headers.pop("Authorization", None)
        answer = self.post("/account/register", {"email": address, **names, **passwords})
        if answer.status_code not in {200, 201}:
            return
        token = Mailpit().token_for(address)
        if token:
            verified = self.post("/account/verify", {"token": token})
            self.headers["Authorization"] = f"Bearer {verified.json()['token']['access']}"
            self.get("/account/me")

"""Load on the API that manages a fleet of kafkas: lists, searches, single kafkas and their metrics.

Unless ``PERF_TEST_GET_ONLY`` is FALSE, nothing but GET is sent. Else each worker creates some kafkas, keeps them for
most of the test, and removes them, and nothing else, before its end.
"""

from __future__ import annotations

import logging
import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any

from fleet_api import Answer, FleetApi
from left_for_later import LeftForLater
from locust import HttpUser, constant_pacing, events, task
from locust.exception import CatchResponseError
from locust.runners import MasterRunner, WorkerRunner
from mix import draw_action, draw_search, new_name
from plain_calls import KAFKAS, SERVICE_ACCOUNTS, PlainApi, find_lost, remove_entry
from settings import FleetSettings
from timeline import CLEANUP, HOLD_OFF, SWEEP, timeline
from worker import Worker

import loadproof
from loadproof.errors import ExitCode, RunError
from loadproof.kit import Ledger
from loadproof.kit.tokens import BrokerTokens

if TYPE_CHECKING:
    from creation import Creations
    from removal import Removals

    from loadproof.result.ledgers import Entry

_log = logging.getLogger(__name__)

SETTINGS = FleetSettings.load()
PHASES = timeline(SETTINGS)
TOKENS = BrokerTokens(SETTINGS.token_url)
LEFT = LeftForLater(SETTINGS.token_url)

AT_THE_END = 3.0
"""Seconds for removing what is left when a test ends early; Loadproof waits five for a worker's last words."""

GONE_WITHIN = 30.0
"""Seconds that ``loadproof cleanup`` waits for a kafka to be gone."""


def plain_api(host: str, base_path: str, timeout: float = 30.0) -> PlainApi:
    """The API outside of a run."""
    return PlainApi(f"{host}{base_path}", TOKENS, insecure=SETTINGS.insecure, timeout=timeout)


def remover(resource: str) -> Any:
    """How ``loadproof cleanup`` removes what a ledger holds."""

    def remove(entry: Entry) -> bool:
        api = plain_api(str(entry.facts["host"]), str(entry.facts["base_path"]))
        return remove_entry(api, resource, entry, within=GONE_WITHIN)

    return remove


KAFKA_LEDGER = Ledger("kafka", remove=remover(KAFKAS))
ACCOUNT_LEDGER = Ledger("service_account", remove=remover(SERVICE_ACCOUNTS))

here = Worker(SETTINGS, KAFKA_LEDGER, ACCOUNT_LEDGER)
"""What this process knows of the test that goes on."""


class UnknownFateError(Exception):
    """A creation was not answered, so nobody knows whether it was made."""


class QuickstartUser(HttpUser):  # type: ignore[misc]
    """Somebody who looks at kafkas, and where asked to also creates and removes some."""

    wait_time = constant_pacing(0.5)
    host = SETTINGS.route_host

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.random = Random()
        self.client.verify = not SETTINGS.insecure
        self.api = FleetApi(self.client, TOKENS, SETTINGS.base_path)

    @task  # type: ignore[untyped-decorator]
    def main_task(self) -> None:
        """Do the one thing that is due; else send one of the mix."""
        phase = PHASES.now()
        if SETTINGS.creates and self.do_what_is_due(phase):
            return
        if phase != HOLD_OFF:
            getattr(self, draw_action(self.random))()

    def do_what_is_due(self, phase: str) -> bool:
        """Remove, create, or look after one thing; False where nothing is due."""
        if self.remove_one(phase):
            return True
        if phase in (CLEANUP, SWEEP):
            return False
        if not here.prepopulation.is_over:
            if here.prepopulation.begin():
                self.create_kafka(here.prepopulation, keep=False)
                self.remove_one(phase)
            return True  # until all are made, users wait: it comes before the test
        if here.creates and here.creation.begin():
            self.create_kafka(here.creation, keep=True)
            return True
        return self.look_after_one()

    # The mix

    def list_kafkas(self) -> None:
        """All kafkas; now and then, remember which."""
        answer = self.api.list_kafkas()
        if here.wants_to_see and answer.is_success:
            here.seen([str(item["id"]) for item in answer.body["items"]])

    def search_kafkas(self) -> None:
        """Some kafkas."""
        self.api.search_kafkas(draw_search(self.random))

    def list_providers(self) -> None:
        """Where kafkas can be."""
        self.api.cloud_providers()

    def list_regions(self) -> None:
        """The same, of one provider."""
        self.api.regions()

    def list_service_accounts(self) -> None:
        """All service accounts."""
        self.api.service_accounts()

    def look_at_kafka(self) -> None:
        """One kafka and its metrics: an own one if there is any, else one that a list has shown."""
        own = here.own_kafka(self.random)
        identity = own or here.seen_kafka(self.random)
        if identity is None:
            self.list_kafkas()
            return
        self.api.kafka(identity, is_own=own is not None)
        self.api.metrics(identity, is_own=own is not None)

    # What is created

    def create_kafka(self, creations: Creations, *, keep: bool) -> None:
        """Create one; ``creations`` has let us in, and is told what came of it."""
        name = new_name()
        try:
            self.api.get_in()
        except BaseException:
            creations.failed()
            raise
        try:
            with KAFKA_LEDGER.attempt(name=name, keep=keep, **self.whereabouts()) as attempt:
                answer = self.api.create_kafka(name)
                identity = self.identity_of(answer, name)
                if identity is not None:
                    attempt.created(identity)
                else:
                    attempt.refused()
        except UnknownFateError:
            creations.lost()
            return
        except BaseException:  # also when this user is stopped meanwhile
            creations.lost()
            raise
        if identity is not None:
            creations.made()
            self.note_kafka(identity, keep=keep)
        elif answer.status in (403, 429):
            here.stop(creations, f"POST /kafkas was answered {answer.status}")
        else:
            creations.failed()

    def identity_of(self, answer: Answer, name: str) -> str | None:
        """What the service calls a kafka that was just asked for; None where it made none.

        Raises:
            UnknownFateError: It may have made one.
        """
        if answer.is_success or 0 < answer.status < 500:
            return answer.identity
        found = self.api.search_kafkas(f"name%20%3D%20{name}")
        identity = found.named(name)
        # Without an answer the service may still be at it: not finding it says nothing.
        if identity is None and (not answer.status or not found.is_success):
            raise UnknownFateError
        return identity

    def note_kafka(self, identity: str, *, keep: bool) -> None:
        """Remember a kafka that is to stay."""
        if keep:
            here.watch.add(identity)
            LEFT.kafka(identity)

    def look_after_one(self) -> bool:
        """See whether a kafka is ready, and then make a service account for it; False where none is due for a look."""
        identity = here.watch.take()
        if identity is None:
            return False
        answer = self.api.kafka(identity, is_own=True)
        status = answer.body.get("status")
        if status in ("ready", "failed") or answer.status == 404:
            age = here.watch.settled(identity)
            if age is not None:
                self.report_settled(age, None if status == "ready" else f"the kafka is {status or 'gone'}")
        if status == "ready":
            self.leave_credentials(str(answer.body.get("bootstrapServerHost", "")))
        return True

    def report_settled(self, age: float, failure: str | None) -> None:
        """Count how long a kafka took from its creation until it was seen to be ready, as a flow."""
        self.environment.events.request.fire(
            request_type="FLOW",
            name="kafka until ready",
            response_time=age * 1000,
            response_length=0,
            response=None,
            context=self.context(),
            exception=None if failure is None else CatchResponseError(failure),
            start_time=time.time() - age,
            url=None,
        )

    def leave_credentials(self, bootstrap: str) -> None:
        """Make a service account, give it a fresh secret, and leave it for whoever uses the kafka."""
        name = f"perf-{new_name()}"
        with ACCOUNT_LEDGER.attempt(name=name, keep=True, **self.whereabouts()) as attempt:
            made = self.api.create_service_account(name)
            if made.identity is not None:
                attempt.created(made.identity)
            elif 0 < made.status < 500:
                attempt.refused()
        if made.identity is None:
            return
        LEFT.service_account(made.identity)
        told = self.api.reset_credentials(made.identity).body
        if told:
            LEFT.config(bootstrap, str(told["clientID"]), str(told["clientSecret"]))

    def whereabouts(self) -> dict[str, str]:
        """Where what is created now will be found."""
        return {"host": str(self.host), "base_path": SETTINGS.base_path}

    # What is removed

    def remove_one(self, phase: str) -> bool:
        """Do one step of one removal; False where none is due."""
        for removals, step in (
            (here.kafka_removals, self.remove_kafka),
            (here.account_removals, self.remove_account),
        ):
            entry = removals.claim(lambda entry: here.may_go(phase, entry))
            if entry is not None:
                try:
                    step(entry)
                except BaseException:  # also when this user is stopped meanwhile
                    removals.refused(entry)
                    raise
                return True
        return False

    def remove_kafka(self, entry: Entry) -> None:
        """Delete a kafka, or see whether it is gone, or find it first."""
        removals = here.kafka_removals
        if entry.id is None:
            self.find_lost(entry, self.api.search_kafkas(f"name%20%3D%20{entry.facts['name']}"), KAFKA_LEDGER, removals)
        elif removals.is_accepted(entry):
            if self.api.is_kafka_gone(entry.id).status == 404:
                removals.gone(entry)
            else:
                removals.still_there(entry)
        else:
            answer = self.api.delete_kafka(entry.id)
            if answer.is_success:
                removals.accepted(entry)
            # A 404 may come from anybody on the way: looking at it tells whether it is gone.
            elif answer.outcome == "expected" and self.api.is_kafka_gone(entry.id).status == 404:
                removals.gone(entry)
            else:
                removals.refused(entry)

    def remove_account(self, entry: Entry) -> None:
        """Delete a service account, or find it first."""
        removals = here.account_removals
        if entry.id is None:
            self.find_lost(entry, self.api.service_accounts(), ACCOUNT_LEDGER, removals)
            return
        answer = self.api.delete_service_account(entry.id)
        (removals.refused if answer.outcome == "failure" else removals.gone)(entry)

    def find_lost(self, entry: Entry, found: Answer, ledger: Ledger, removals: Removals) -> None:
        """Look whether something exists whose creation was never answered."""
        if not found.is_success:
            removals.refused(entry)
            return
        identity = found.named(str(entry.facts["name"]))
        if identity is not None:
            ledger.created(identity, **entry.facts)
        removals.gone(entry)


@events.init.add_listener  # type: ignore[untyped-decorator]
def refuse_foreign_databases(environment: Any, **_: object) -> None:
    """Never fill the database of another machine by accident; say what is set and does nothing."""
    if isinstance(environment.runner, WorkerRunner) or getattr(environment.parsed_options, "worker", False):
        return
    for line in SETTINGS.in_vain():
        _log.warning(line)
    why = SETTINGS.refused_host(environment.host or SETTINGS.route_host or "")
    if why is not None:
        sys.stderr.write(f"❌ {why}\n")
        sys.exit(ExitCode.USAGE)


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def begin(**_: object) -> None:
    """A test begins in this process."""
    here.begin()


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def end(environment: Any, **_: object) -> None:
    """The users are gone: remove what they had no time for, and count what is left for ``loadproof cleanup``."""
    if isinstance(environment.runner, MasterRunner):
        return
    if SETTINGS.creates and SETTINGS.cleanup:
        ask_for_the_end_of_the_rest()
    left, going = here.left()
    if not SETTINGS.cleanup:
        left = going = 0
    loadproof.measure("left_behind", left)
    loadproof.measure("still_being_deleted", going)
    if left or going:
        _log.warning(
            "%d things of this run are left in the service, and %d are still being deleted: loadproof cleanup",
            left,
            going,
        )


def ask_for_the_end_of_the_rest() -> None:
    """Ask the service to delete what nobody has asked for yet, within a few seconds."""
    deadline = time.monotonic() + AT_THE_END
    for ledger, removals, resource in (
        (KAFKA_LEDGER, here.kafka_removals, KAFKAS),
        (ACCOUNT_LEDGER, here.account_removals, SERVICE_ACCOUNTS),
    ):
        for entry in ledger.remaining():
            if removals.is_accepted(entry):
                continue
            if time.monotonic() >= deadline:
                return
            ask_for_the_end_of(entry, removals, resource)


def ask_for_the_end_of(entry: Entry, removals: Removals, resource: str) -> None:
    """Delete one thing, in no statistics: the test is over."""
    api = plain_api(str(entry.facts["host"]), str(entry.facts["base_path"]), timeout=AT_THE_END)
    try:
        identity = entry.id or find_lost(api, resource, entry)
        why_not = None if identity is None else api.delete(resource, identity)
    except (OSError, ValueError, RunError):
        return
    if identity is None or (why_not is None and resource == SERVICE_ACCOUNTS):
        removals.gone(entry)
    elif why_not is None:
        removals.hand_over(entry)

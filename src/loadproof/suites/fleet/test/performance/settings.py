"""Every parameter of the performance tests, by the names that the team's document gives them."""

from __future__ import annotations

from urllib.parse import urlsplit

from loadproof.kit import Minutes, SecretStr, Settings, StrictBoolean, Url, setting
from loadproof.kit.servers.issuer import is_loopback

SECONDS = 60.0
"""Of a minute, unless ``PERF_TEST_MINUTE`` says otherwise."""

CLEANUP_MINUTES, SWEEP_MINUTES = 1.5, 1.0
"""How long before the end of a run kafkas begin to be removed, and from when on everything that is left is."""


class ApiSettings(Settings):
    """How the API is reached, below its address."""

    base_path: str = setting(
        "/api/managed-services-api/v1",
        env="PERF_TEST_BASE_API_URL",
        aliases=("BASE_API_URL",),
        help="path of the API below its address",
    )
    token_url: Url = setting(
        "http://127.0.0.1:8099/ocm_token", env="PERF_TEST_TOKEN_URL", help="where short-lived tokens are had"
    )
    insecure: StrictBoolean = setting(default=False, env="PERF_TEST_INSECURE", help="accept any certificate of the API")


class FleetSettings(ApiSettings):
    """What the locustfile looks at."""

    route_host: Url | None = setting(
        None, env="PERF_TEST_ROUTE_HOST", help="address of the API, with its scheme and without a slash at its end"
    )
    get_only: StrictBoolean = setting(
        default=True, env="PERF_TEST_GET_ONLY", help="send nothing but GET, from start to end"
    )
    prepopulate: StrictBoolean = setting(
        default=False,
        env="PERF_TEST_PREPOPULATE_DB",
        help="create and delete kafkas before the test, to fill the database",
    )
    prepopulate_kafkas: int = setting(
        500,
        env="PERF_TEST_PREPOPULATE_DB_KAFKA_PER_WORKER",
        at_least=0,
        help="kafkas that each worker creates and deletes before the test",
    )
    prepopulate_confirmed: str = setting(
        "",
        env="PERF_TEST_PREPOPULATE_DB_CONFIRM",
        help="name of the host whose database may be filled although it is not this machine",
    )
    post_wait: int = setting(
        1, env="PERF_TEST_KAFKA_POST_WAIT_TIME", at_least=0, help="seconds between two creations of one worker"
    )
    kafkas: int = setting(
        0, env="PERF_TEST_KAFKAS_PER_WORKER", at_least=0, help="kafkas that each worker creates and keeps"
    )
    hold_off: int = setting(
        0,
        env="PERF_TEST_HIT_ENDPOINTS_HOLD_OFF",
        at_least=0,
        help="minutes at the start in which kafkas are created and nothing else is sent",
    )
    cleanup: StrictBoolean = setting(
        default=True, env="PERF_TEST_CLEANUP", help="remove before the end what the run created"
    )
    single_worker: StrictBoolean = setting(
        default=False, env="PERF_TEST_SINGLE_WORKER_KAFKA_CREATE", help="one worker alone creates kafkas"
    )
    minute: float = setting(
        SECONDS,
        env="PERF_TEST_MINUTE",
        at_least=1,
        help="seconds that a minute of all these parameters lasts: fewer to try the suite itself out",
    )

    @property
    def creates(self) -> bool:
        """Whether the run creates anything."""
        return not self.get_only and bool(self.kafkas or (self.prepopulate and self.prepopulate_kafkas))

    def in_vain(self) -> list[str]:
        """What is set and does nothing, for people."""
        asked = [("PERF_TEST_PREPOPULATE_DB", self.prepopulate), ("PERF_TEST_KAFKAS_PER_WORKER", self.kafkas)]
        return [
            f"{name} does nothing, because PERF_TEST_GET_ONLY is TRUE"
            for name, given in asked
            if given and self.get_only
        ]

    def refused_host(self, host: str) -> str | None:
        """Why this host's database is not filled; None where it may be, or shall not be."""
        name = urlsplit(host).hostname or ""
        if self.get_only or not self.prepopulate or is_loopback(name):
            return None
        if not name:
            return "PERF_TEST_PREPOPULATE_DB would fill a database of which nobody has said where it is"
        if name == self.prepopulate_confirmed:
            return None
        return (
            f"PERF_TEST_PREPOPULATE_DB would fill the database of {name}, which is not this machine; "
            f"if that is meant, set PERF_TEST_PREPOPULATE_DB_CONFIRM={name}"
        )


class RunSettings(FleetSettings):
    """What ``make test/performance`` looks at beyond that."""

    offline_token: SecretStr | None = setting(
        None, env="OCM_OFFLINE_TOKEN", help="long-living token that short-lived ones are had for"
    )
    users: int = setting(150, env="PERF_TEST_USERS", at_least=1, help="users of each worker")
    workers: int = setting(25, env="PERF_TEST_WORKERS_NUMBER", at_least=1, help="processes that make the load")
    run_time: Minutes = setting(120 * SECONDS, env="PERF_TEST_RUN_TIME", help="how long the test lasts, in minutes")
    spawn_rate: int = setting(
        1, env="PERF_TEST_USER_SPAWN_RATE", at_least=1, help="users that are started each second, over all workers"
    )
    additional_options: str = setting("", env="ADDITIONAL_LOCUST_OPTS", help="more options of Locust or Loadproof")

    @property
    def all_users(self) -> int:
        """Users of all workers together."""
        return self.users * self.workers

    @property
    def seconds(self) -> float:
        """How long the test lasts."""
        return self.run_time / SECONDS * self.minute

    def refused_run_time(self) -> str | None:
        """Why the test is too short for what it is to do; None where it is not."""
        needed = self.hold_off + (CLEANUP_MINUTES if self.creates and self.cleanup else 0.0)
        minutes = self.run_time / SECONDS
        if minutes > needed:
            return None
        return (
            f"PERF_TEST_RUN_TIME is {minutes:g}m, and the hold-off and the removal of what is created take "
            f"{needed:g} minutes of it: make the run longer"
        )

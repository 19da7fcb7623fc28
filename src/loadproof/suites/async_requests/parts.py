"""What ``loadproof target up async_requests`` starts: the API, and with ``--real`` Redis and a Celery worker."""

from __future__ import annotations

from loadproof.suites.parts import Accepts, Demo, Part, Succeeds, Target

API_PORT = 8000
"""Where the document has the request API."""

_TARGET = "loadproof.suites.async_requests.target"
_BROKER = "redis://127.0.0.1:{ports[redis]}/0"
_CONCURRENCY = "4"

# Four workers of a tenth of a second: enough for the 50 users of the document. The original's one worker of 5 s is
# `-- --job-seconds 5 --concurrency 1`.
_API = ("{python}", "-m", _TARGET, "--port", "{port}", "--job-seconds", "0.1", "--concurrency", _CONCURRENCY)

TARGET = Target(
    name="async_requests",
    embedded=(Part(name="request-api", command=_API, port=API_PORT, takes_options=True),),
    real=(
        Part(
            name="redis",
            command=("redis-server", "--bind", "127.0.0.1", "--port", "{port}", "--dir", "{folder}"),
            port=16379,
            ready=Accepts(),
            package="redis-server",
        ),
        Part(
            name="request-api",
            command=(*_API, "--broker", _BROKER, "--database", "{folder}/requests.db"),
            port=API_PORT,
            needs=("redis",),
            takes_options=True,
        ),
        Part(
            name="worker",
            command=(
                *("{python}", "-m", f"{_TARGET}.celery_queue", "--broker", _BROKER),
                *("--database", "{folder}/../request-api/requests.db", "--concurrency", _CONCURRENCY),
            ),
            ready=Succeeds(("{python}", "-m", "celery", "--broker", _BROKER, "inspect", "ping", "--timeout", "2")),
            needs=("redis", "request-api"),
        ),
    ),
    environ={"LOCUST_HOST": "http://localhost:{ports[request-api]}"},
    demo=Demo(locustfile="performance-test/locustfile.py"),
)

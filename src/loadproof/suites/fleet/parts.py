"""What ``loadproof target up fleet`` starts: the API with the issuer of its tokens, and the token server."""

from __future__ import annotations

from loadproof.suites.parts import Demo, Part, Target

API_PORT, TOKEN_PORT = 8000, 8099
"""Where the API listens, and the token server, as the suite's document has it."""

_ISSUER = "http://127.0.0.1:{ports[api]}/auth/realms/redhat-external/protocol/openid-connect/token"

TARGET = Target(
    name="fleet",
    embedded=(
        Part(
            name="api",
            command=("{python}", "-m", "loadproof.suites.fleet.target", "--port", "{port}"),
            port=API_PORT,
            takes_options=True,
        ),
        Part(
            name="token_api",
            command=("{python}", "-m", "loadproof.kit.servers.broker", "--port", "{port}", "--folder", "{folder}"),
            port=TOKEN_PORT,
            environ={"OCM_OFFLINE_TOKEN": "of-the-embedded-issuer", "LOADPROOF_ISSUER_URL": _ISSUER},
            needs=("api",),
        ),
    ),
    environ={
        "PERF_TEST_ROUTE_HOST": "http://127.0.0.1:{ports[api]}",
        "PERF_TEST_TOKEN_URL": "http://127.0.0.1:{ports[token_api]}/ocm_token",
    },
    demo=Demo(
        locustfile="test/performance/locustfile.py",
        options=("--users", "20", "--spawn-rate", "20", "--run-time", "30s"),
    ),
)

"""What ``loadproof target up services`` starts: the three services, on the ports that the document names."""

from __future__ import annotations

from loadproof.suites.parts import Demo, Part, Target

PORTS = {"pkd_service": 8088, "document_processing": 8080, "ui_app": 8000}
"""Where each service listens, as the document has it."""


def port_variable(service: str) -> str:
    """The environment variable that names another port of a service, for its start and for its tests."""
    return f"{service.upper()}_PORT"


TARGET = Target(
    name="services",
    embedded=tuple(
        Part(
            name=name,
            command=("{python}", "-m", "loadproof.suites.services.target", name, "--port", "{port}"),
            port=port,
            takes_options=True,
        )
        for name, port in PORTS.items()
    ),
    environ={port_variable(name): f"{{ports[{name}]}}" for name in PORTS},
    demo=Demo(locustfile="pkd_service", options=("--users", "10", "--run-time", "15s")),
)

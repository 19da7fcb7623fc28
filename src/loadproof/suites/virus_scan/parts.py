"""What ``loadproof target up virus_scan`` starts: the scanning service, and with ``--real`` clamd behind it."""

from __future__ import annotations

from loadproof.suites.parts import Demo, Part, Succeeds, Target

WEB_PORT = 80
"""Where the document has the service."""

_TARGET = "loadproof.suites.virus_scan.target"
_WEB = ("{python}", "-m", _TARGET, "--port", "{port}")
_CLAMD = ("{python}", "-m", f"{_TARGET}.clamd")
_EXAMPLE = ("{python}", "-m", f"{_TARGET}.example")

TARGET = Target(
    name="virus_scan",
    embedded=(Part(name="web", command=_WEB, port=WEB_PORT, after=(_EXAMPLE,), takes_options=True),),
    real=(
        Part(
            name="clamd",
            command=("clamd", "--foreground", "--config-file={folder}/clamd.conf"),
            once=((*_CLAMD, "prepare", "{folder}"),),
            ready=Succeeds((*_CLAMD, "ping", "{folder}")),
            package="clamav-daemon",
        ),
        Part(
            name="web",
            command=(*_WEB, "--clamd", "{folder}/../clamd/clamd.sock"),
            port=WEB_PORT,
            needs=("clamd",),
            after=(_EXAMPLE,),
            takes_options=True,
        ),
    ),
    environ={"LOCUST_HOST": "http://localhost:{ports[web]}"},
    demo=Demo(locustfile="perf/locustfile.py"),
)

"""Locust as it is, for ``loadproof locust``: no wire, no supervisor; only our sessions under its users."""

from __future__ import annotations


def run_locust() -> int:
    """Run ``locust.main.main()`` with ``sys.argv``; in a forked worker too, so whoever calls must exit with the code.

    Returns:
        Locust's exit code. ``SystemExit`` with a text is printed as Python would.
    """
    import locust  # noqa: F401, PLC0415 - patches the standard library: before anything that uses sockets

    from loadproof.http import session  # noqa: PLC0415
    from loadproof.load import default_options, waiting  # noqa: PLC0415

    session.install("fast")
    waiting.install()
    default_options.install()
    from locust.main import main  # noqa: PLC0415 - it imports plug-ins, which must find our sessions

    main()
    return 0

"""An events platform with accounts, RSVPs, tickets and questionnaires: the service that the suite ``events`` loads.

``python -m loadproof.suites.events.target --port 0`` serves it on loopback from one process on SQLite; the same code
runs on PostgreSQL, Redis, Celery and gunicorn when its settings say so.
"""

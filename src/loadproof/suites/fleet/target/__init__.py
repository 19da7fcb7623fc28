"""The fleet API, embedded: its clusters, its service accounts, and the issuer of its tokens, on SQLite.

``python -m loadproof.suites.fleet.target`` serves it in a process of its own.
"""

"""Suites that come with Loadproof: locustfiles, each with the service that they test."""

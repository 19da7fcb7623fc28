"""The request API that the suite tests, with a queue: ``python -m loadproof.suites.async_requests.target``."""

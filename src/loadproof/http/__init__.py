"""GENERATE: the HTTP client that is put under ``HttpUser``, and what its errors are called."""

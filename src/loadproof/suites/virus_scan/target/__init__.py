"""The scanning service that the suite tests: ``python -m loadproof.suites.virus_scan.target``."""

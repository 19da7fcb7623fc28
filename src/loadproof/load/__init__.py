"""GENERATE: the load process. It drives Locust, measures, and reports over the wire; it decides nothing."""

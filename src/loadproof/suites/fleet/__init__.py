"""The suite ``fleet``: load on an API that manages Kafka clusters, and a service that fulfils its contract."""

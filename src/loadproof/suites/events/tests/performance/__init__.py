"""Performance tests of the events platform."""

"""Data that users send."""

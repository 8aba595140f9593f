"""Tocsin: a serverless audit-event log with rules and notifications. Everything that functions share."""

__version__ = "0.1.0"  # written by `make release`; a test holds it to pyproject.toml

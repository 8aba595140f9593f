"""Decide whether, when and how a person is notified, from preferences, quiet hours, digests, silences and throttles."""

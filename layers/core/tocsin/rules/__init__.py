"""Rules: what is asked of an event, and which rules fire for it."""

"""Rules: their model, and the rule set that decides which rules fire for an event."""

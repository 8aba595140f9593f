"""LogReader the log: queries, the timeline, roll-ups."""

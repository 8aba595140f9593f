"""Search of the log: queries, the timeline, roll-ups."""

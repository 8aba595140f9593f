"""POST /events: the body, the checks on its way in, and what the answer says."""

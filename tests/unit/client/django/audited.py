"""Alice, a user of the Django site, as its events name her."""

ALICE = {"username": "alice", "email": "alice@example.com"}

"""Files of events: read record by record, given ids of their own, and sent so that each is stored once."""

"""HTTP: requests, responses, JSON and YAML bodies, preconditions."""

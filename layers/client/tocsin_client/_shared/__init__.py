"""What is the server's as well: which values are secret, how values become JSON, the names of actions.

`redact` with what it imports, `sanitize` and `actions` are made from the server's modules by `make shared`; `types` and
`regex` stand in for what those import there.
"""

"""The three tables. Nobody else spells a key, an index or a condition."""

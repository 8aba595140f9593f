"""The version: Tocsin's own. `make release` writes it, and a test holds it to pyproject.toml."""

__version__ = "0.1.0"

"""`tocsin`, the command line of Tocsin: it speaks the public HTTP API and nothing else of the stack."""

from __future__ import annotations


def version() -> str:
    """The installed package's version."""
    # Loaded when it is asked for: reading metadata takes longer than most of this program.
    from importlib import metadata

    try:
        return metadata.version("tocsin-cli")
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "0+source"

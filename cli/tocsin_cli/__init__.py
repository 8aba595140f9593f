"""`tocsin`, the command line of Tocsin: it speaks the public HTTP API and nothing else of the stack."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("tocsin-cli")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+source"

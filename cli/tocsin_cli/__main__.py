"""`python -m tocsin_cli` is `tocsin`."""

from tocsin_cli.main import run

if __name__ == "__main__":
    run()

"""Long jobs: what takes longer than a request may, in steps, each of which can be repeated."""

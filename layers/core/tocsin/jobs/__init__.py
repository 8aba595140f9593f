"""Long jobs: work that takes longer than a request may, done in steps that are safe to repeat."""

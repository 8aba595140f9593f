"""What is configured: the model and its published snapshots, blueprints, and the entries that the API edits."""

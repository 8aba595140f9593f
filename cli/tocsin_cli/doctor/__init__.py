"""What can be wrong with a deployed stack, looked for: by the API, and by AWS where that can be asked."""

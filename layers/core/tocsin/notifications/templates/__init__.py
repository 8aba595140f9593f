"""E-mail templates that customers write: Jinja2 in a sandbox, with a budget."""

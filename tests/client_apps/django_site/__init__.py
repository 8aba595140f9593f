"""A Django site with one model."""

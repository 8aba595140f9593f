"""A local endpoint for webhooks: shows each, verifies its signature, forwards it; and what would have been sent."""

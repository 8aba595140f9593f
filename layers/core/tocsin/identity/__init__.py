"""Who asks: users, groups, API keys, access tokens, and what they may do."""

"""Everything over HTTP but POST /events: routes, a module a subject, on Powertools' resolver."""

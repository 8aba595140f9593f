"""Everything over HTTP but POST /events: routes, a module a subject, on Powertools' resolver."""

from tocsin.api.application import Stores, application

__all__ = ["Stores", "application"]

"""Tocsin for Django (4.2 and later): sign-ins, changes of models, exceptions and suspicious requests as events.

    INSTALLED_APPS = [..., "tocsin_client.django"]
    MIDDLEWARE = ["tocsin_client.django.middleware.AuditMiddleware", ...]  # the outermost
    TOCSIN = {"URL": "https://…", "KEY": os.environ["TOCSIN_KEY"], "TRUSTED_PROXIES": 1}

| setting | |
|---|---|
| URL, KEY, APP, SPOOL, TRUSTED_PROXIES, REQUEST_ID_HEADERS | as `tocsin_client.configure`, or the environment |
| CLIENT | a dict of what else `tocsin_client.Client` takes |
| AUDIT_MODELS | False: no events of models. True by default |
| IGNORE_MODELS | beside those that always are: `"app.Model"`, `"app.*"` |
| IGNORE_FIELDS | beside those that always are: `"field"`, `"app.Model.field"` |
| IMPERSONATOR, PENDING_USER | what gives that user of a request: a callable, or where it is to be imported from |

Everything but what is bound to a request works without the middleware. `QuerySet.update`, `bulk_create` and
`bulk_update` send no signals, and so make no events.
"""

from tocsin_client.context import audit_overwrite_user
from tocsin_client.django.ignoring import audit_ignore

__all__ = ["audit_ignore", "audit_overwrite_user"]

"""Pages for people who follow a link without a key: a text and buttons, nothing loaded from anywhere."""

from __future__ import annotations

from html import escape

from aws_lambda_powertools.event_handler import Response

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{title}</title>
<style>:root {{ color-scheme: light dark }} body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 32rem;
margin: 4rem auto; padding: 0 1rem; overflow-wrap: anywhere }} button, input {{ font: inherit; padding: .5rem 1rem }}
form {{ margin: 1rem 0 }} label {{ display: block; margin: 0 0 1rem }}</style>
</head><body>{content}</body></html>
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""`default-src` stands for none of the last three: https://www.w3.org/TR/CSP3/#directive-default-src"""


def page(title: str, text: str, more: str = "", *, status: int = 200, language: str = "en") -> Response[str]:
    """A page with a title and a text, which are escaped, and `more`, which is markup. `language` is theirs."""
    return Response(
        status_code=status,
        content_type="text/html; charset=utf-8",
        headers={
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "content-security-policy": _POLICY,
        },
        body=_PAGE.format(
            language=escape(language),
            title=escape(title),
            content=f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{more}",
        ),
    )


def form(query: str, label: str, fields: str = "") -> str:
    """A form that posts to the page's own address with `query`, by a button; `fields` is markup."""
    return f'<form method="post" action="?{escape(query)}">{fields}<button>{escape(label)}</button></form>'

"""Audit records of the products that a company buys (Okta, GitHub, Slack and others), read as events."""

from __future__ import annotations

from local.audit_records import (
    Json,
    JsonObject,
    Reader,
    Reading,
    change,
    child,
    custom,
    sentence,
    text,
    words,
)
from tocsin_cli.importing import cloudtrail

# OneLogin's numbers for what happened (https://developers.onelogin.com/api-docs/1/events/event-resource).
_ONELOGIN = {
    "5": ("login", "signed in"),
    "6": ("login_failed", "failed to sign in"),
    "8": ("authorize_application", "signed in to"),
    "11": ("password_set", "had the password changed"),
    "24": ("user_write", "had a second factor removed"),
    "90": ("suspicious_request", "was refused"),
    "172": ("user_write", "had a second factor removed"),
    "240": ("secret_view", "had a password revealed"),
}

_OKTA_SUSPICIOUS = (
    "account.report_suspicious",
    "rate_limit",
    "security.threat",
    "token.detect_reuse",
    "unauth_app_access",
)


def okta(log: JsonObject) -> Reading:
    """Okta's system log. Its field names come in camel case or in lower case, by who collected them."""
    kind = text(log, "eventType", "eventtype")
    outcome = child(log, "outcome")
    failed = text(outcome, "result") in {"FAILURE", "DENY"}
    actor, client = child(log, "actor"), child(log, "client")
    username = _known(text(actor, "alternateId"))
    target = next((text(item, "displayName", "alternateId") for item in _objects(log.get("target"))), "")
    if kind.startswith(("user.session.start", "user.authentication")):
        action = "login_failed" if failed else "login"
    elif any(part in kind for part in _OKTA_SUSPICIOUS):
        action = "suspicious_request"
    elif kind == "app.oauth2.authorize.code":
        action = "authorize_application"
    elif kind.endswith("show_password"):
        action = "secret_view"
    elif kind.startswith("user.account"):
        action = "user_write"
    else:
        action = change(kind) or custom("okta", kind)
    what, why = text(log, "displayMessage", "displaymessage") or kind, text(outcome, "reason")
    return Reading(
        action=action,
        app="okta",
        message=sentence(f"{username or 'somebody'}: {what}", f"({why})" * bool(why)),
        username=username,
        user_pk=text(actor, "id"),
        email=_email(username),
        client_ip=text(client, "ipAddress"),
        model=("_".join(words(kind)[:2]), target or "unknown") if action.startswith("model_") else None,
        details={"operation": kind, "outcome": text(outcome, "result"), "target": target},
    )


def auth0(log: JsonObject) -> Reading:
    """Auth0's tenant log: {"data": {type, description, details, …}}."""
    data = child(log, "data")
    kind, what = text(data, "type"), text(data, "description")
    user = child(data, "details", "request", "auth", "user")
    username = text(user, "email") or text(data, "user_name") or text(user, "name")
    action = (
        {
            "gd_enrollment_complete": "user_write",
            "limit_wc": "login_failed",
            "signup_pwd_leak": "suspicious_request",
        }.get(kind)
        or change(what)
        or custom("auth0", what)
    )
    path = text(child(data, "details", "request"), "path")
    return Reading(
        action=action,
        app="auth0",
        message=f"{username or 'somebody'}: {what}",
        username=username,
        user_pk=text(user, "user_id") or text(data, "user_id"),
        email=_email(username),
        client_ip=text(data, "ip"),
        model=("tenant", path or "unknown") if action.startswith("model_") else None,
        details={"operation": kind, "description": what, "path": path},
    )


def github(log: JsonObject) -> Reading:
    """GitHub's audit log."""
    operation, actor = text(log, "action"), text(log, "actor")
    where = text(log, "repo", "org", "business")
    noun, _, verb = operation.partition(".")
    if verb.endswith(("_member", "_user")):
        action = "user_write"
    elif noun == "git":
        action = custom("github", operation)
    else:
        action = change(verb) or custom("github", operation)
    return Reading(
        action=action,
        app="github",
        message=sentence(f"{actor or 'somebody'}: {operation}", f"in {where}" * bool(where)),
        username=actor,
        user_pk=text(log, "actor_id"),
        client_ip=text(log, "actor_ip"),
        model=(noun, where or "unknown") if action.startswith("model_") else None,
        details={"operation": operation, "repository": text(log, "repo"), "organization": text(log, "org")},
    )


def google_workspace(log: JsonObject) -> Reading:
    """Google Workspace's activity reports: {id: {applicationName}, type, name, actor, parameters}."""
    application = text(child(log, "id"), "applicationName")
    kind, name = text(log, "type"), text(log, "name")
    actor, parameters = child(log, "actor"), child(log, "parameters")
    username = text(actor, "email") or text(parameters, "affected_email_address", "USER_EMAIL")
    if kind in {"account_warning", "email_forwarding_change"} or application == "rules":
        action = "suspicious_request"
    elif application == "logout":
        action = "logout"
    elif name == "login_success":
        action = "login"
    elif name == "FAILED_PASSWORD_ATTEMPTS_EVENT":
        action = "login_failed"
    elif application == "token":
        action = "authorize_application"
    elif application == "user_accounts" or kind == "USER_SETTINGS":
        action = "user_write"
    elif application in {"admin", "drive"}:
        action = change(name) or custom("google", application, name)
    else:
        action = custom("google", application, name)
    about = text(parameters, "doc_title", "SETTING_NAME", "app_name", "rule_name", "DOMAIN_NAME")
    return Reading(
        action=action,
        app="google_workspace",
        message=sentence(f"{username or 'somebody'}: {application}", name or kind, f"({about})" * bool(about)),
        username=username,
        user_pk=text(actor, "profileId"),
        email=_email(username),
        client_ip=text(log, "ipAddress"),
        model=(application, about or "unknown") if action.startswith("model_") else None,
        details={"operation": sentence(application, kind, name), "about": about},
    )


def slack(log: JsonObject) -> Reading:
    """Slack's audit log."""
    operation = text(log, "action")
    user, context = child(log, "actor", "user"), child(log, "context")
    username = text(user, "email", "name")
    if operation == "user_logout":
        action = "logout"
    elif operation in {"anomaly", "file_malicious_content_detected"}:
        action = "suspicious_request"
    elif operation.startswith(("role_", "permissions_", "service_owner")):
        action = "user_write"
    else:
        action = change(operation) or custom("slack", operation)
    return Reading(
        action=action,
        app="slack",
        message=f"{username or 'somebody'}: {operation}",
        username=username,
        user_pk=text(user, "id"),
        email=_email(username),
        client_ip=text(context, "ip_address"),
        model=("workspace", operation) if action.startswith("model_") else None,
        details={"operation": operation, "workspace": text(child(context, "location"), "name")},
    )


def onelogin(log: JsonObject) -> Reading:
    """OneLogin's events, by number; a few come named, as in CloudTrail."""
    number = text(log, "event_type_id")
    if not number:
        return cloudtrail.read(log)
    username, by = text(log, "user_name"), text(log, "actor_user_name")
    action, what = _ONELOGIN.get(number, (f"onelogin_event_{number}", f"had event {number}"))
    return Reading(
        action=action,
        app="onelogin",
        message=sentence(username, what, text(log, "app_name"), f"by {by}" * (by not in {"", username})),
        username=username,
        user_pk=text(log, "user_id"),
        client_ip=text(log, "ipaddr"),
        details={"operation": f"event {number}", "application": text(log, "app_name"), "by": by},
    )


def notion(log: JsonObject) -> Reading:
    """Notion's audit log: {"event": {type, actor, ip_address, details}}."""
    event = child(log, "event")
    kind, email = text(event, "type"), text(child(event, "actor", "person"), "email")
    if kind == "user.login":
        action = "login"
    elif "permissions" in kind:
        action = "user_write"
    elif kind.endswith("token_generated"):
        action = "secret_rotate"
    else:
        action = change(kind) or custom("notion", kind)
    return Reading(
        action=action,
        app="notion",
        message=f"{email or 'somebody'}: {kind}",
        username=email,
        user_pk=text(child(event, "actor"), "id"),
        email=email,
        client_ip=text(event, "ip_address"),
        model=(words(kind)[0], text(event, "workspace_id") or "unknown") if action.startswith("model_") else None,
        details={"operation": kind, "platform": text(event, "platform")},
    )


def zoom(log: JsonObject) -> Reading:
    """Zoom's operation log."""
    operator, category = text(log, "operator"), text(log, "category_type")
    what = text(log, "operation_detail")
    action = "user_write" if category == "User" else change(text(log, "action")) or custom("zoom", category)
    return Reading(
        action=action,
        app="zoom",
        message=f"{operator}: {what}",
        username=operator,
        email=_email(operator),
        model=(custom(category), what) if action.startswith("model_") else None,
        details={"operation": sentence(category, text(log, "action")), "detail": what},
    )


def duo(log: JsonObject) -> Reading:
    """Duo's administrator log."""
    operation, username, touched = text(log, "action"), text(log, "username"), text(log, "object")
    action = {"admin_login": "login", "admin_lockout": "login_failed", "user_update": "user_write"}.get(operation)
    action = action or change(operation) or custom("duo", operation)
    return Reading(
        action=action,
        app="duo",
        message=sentence(f"{username}: {operation}", f"on {touched}" * bool(touched)),
        username=username,
        model=(words(operation)[0], touched or operation) if action.startswith("model_") else None,
        details={"operation": operation, "target": touched, "description": text(log, "description")},
    )


def atlassian(log: JsonObject) -> Reading:
    """Atlassian's audit log; some of its records are shaped like GitHub's and Zendesk's."""
    operation, where = text(log, "action"), text(log, "org", "source_label")
    actor = text(log, "actor", "actor_id")
    action = change(operation) or custom("atlassian", operation)
    return Reading(
        action=action,
        app="atlassian",
        message=sentence(f"{actor or 'somebody'}: {operation}", f"of {where}" * bool(where)),
        username=actor,
        client_ip=text(log, "ip_address"),
        model=(text(log, "source_type") or "organization", where or "unknown") if action.startswith("model_") else None,
        details={"operation": operation, "change": text(log, "change_description")},
    )


READERS: dict[str, Reader] = {
    "AWS.CloudTrail": cloudtrail.read,
    "Atlassian.Audit": atlassian,
    "Auth0.Events": auth0,
    "Duo.Administrator": duo,
    "GSuite.ActivityEvent": google_workspace,
    "GitHub.Audit": github,
    "Notion.AuditLogs": notion,
    "Okta.SystemLog": okta,
    "OneLogin.Events": onelogin,
    "Slack.AuditLogs": slack,
    "Zoom.Operation": zoom,
}


def _known(name: str) -> str:
    """A user's name, empty where the product says that it does not know."""
    return "" if name == "unknown" else name


def _email(name: str) -> str:
    return name if "@" in name else ""


def _objects(value: Json) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

"""Turn an access token into the authorizer's context.

Scopes come from the token's groups, by the settings' `group_scopes`. An active configured user may also see their own
notifications; an inactive one gets no scopes. A holder with neither a listed group nor a user is authenticated, but
has no scopes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from tocsin.aws import clients
from tocsin.aws.egress import policy_of
from tocsin.aws.environment import Environment
from tocsin.identity.authenticator import Refused
from tocsin.identity.principal import Scope
from tocsin.identity.store import PeopleStore
from tocsin.identity.tokens.claims import Holder
from tocsin.identity.tokens.issuer import Issuer
from tocsin.identity.tokens.verifier import TokenVerifier
from tocsin.types import JsonObject

type GroupScopes = Callable[[], Mapping[str, tuple[str, ...]]]
"""Returns {group: scopes} from the settings in force."""


class AccessTokens:
    """Finds out who a token's holder is, and which scopes they have."""

    def __init__(
        self,
        check: TokenVerifier,
        people: PeopleStore,
        group_scopes: GroupScopes,
        *,
        username_claim: str,
        groups_claim: str,
    ) -> None:
        self._check = check
        self._people = people
        self._group_scopes = group_scopes
        self._username_claim = username_claim
        self._groups_claim = groups_claim

    def identify(self, token: str, now: datetime) -> JsonObject:
        """Return the authorizer's context: {key_id, key_name, scopes, user, person, expires}.

        Raises Refused, which says why, or Unavailable where the issuer's keys or our table can't be read.
        """
        claims, ends = self._check.check(token, now)
        holder = Holder.of(claims, username_claim=self._username_claim, groups_claim=self._groups_claim)
        user = None if holder.username is None else self._people.user(holder.username)
        if user is not None and not user.active:
            raise Refused("the user of this access token is not active")
        scopes = self._scopes(holder.groups)
        if user is not None:
            scopes.add(Scope.NOTIFICATIONS)
        return {
            "key_id": holder.id,
            "key_name": holder.name,
            "scopes": " ".join(scope for scope in Scope if scope in scopes),
            "user": "" if user is None else user.username,
            "person": holder.username or "",
            # Functions check it as well, since API Gateway may cache this answer for longer than the token is valid.
            "expires": str(ends),
        }

    def _scopes(self, groups: Iterable[str]) -> set[str]:
        granted = self._group_scopes()
        return {scope for group in groups for scope in granted.get(group, ())}


def access_tokens(environment: Environment, group_scopes: GroupScopes) -> AccessTokens:
    """Make AccessTokens from a function's environment. Raises MissingSetting without an issuer or audience."""
    environment.text("OIDC_AUDIENCE")
    return AccessTokens(
        TokenVerifier(
            Issuer(environment.text("OIDC_ISSUER"), policy_of(environment)), environment.words("OIDC_AUDIENCE")
        ),
        PeopleStore(clients.dynamodb(clients.HURRIED), environment.text("CONFIG_TABLE")),
        group_scopes,
        username_claim=environment.optional("OIDC_USERNAME_CLAIM", "preferred_username"),
        groups_claim=environment.optional("OIDC_GROUPS_CLAIM", "groups"),
    )

"""OpenID Connect access tokens: whose is this one, and what may they do?

    access_tokens  from a token to the facts that the authorizer gives: person, scopes, end
    verifier       signature and claims of one token, with PyJWT
    issuer         the issuer's keys: found, fetched, remembered, and forgotten again
    jwks           a JWK set's usable keys
    claims         what a token says of its holder

Loaded by the authorizer with the first token that it sees, never for an API key: `cryptography` and PyJWT are
in a layer of their own (layers/tokens).
"""

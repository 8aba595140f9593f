"""OpenID Connect access tokens: who the holder of a token is, and what they may do.

    access_tokens  turns a token into the authorizer's context: person, scopes, expiry
    verifier       checks the signature and claims of one token, with PyJWT
    issuer         finds, fetches and caches the issuer's keys
    jwks           selects the usable keys of a JWK set
    claims         reads the holder from a token's claims

The authorizer loads it with the first token that it gets, never for an API key: `cryptography` and PyJWT are in a
layer of their own (layers/tokens).
"""

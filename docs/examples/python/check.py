"""Checks the access token of a request, and the proof of the key that the token is bound to (RFC 9068, RFC 9449)."""

import base64
import hashlib
import json
import threading
import time
from hmac import compare_digest

import jwt

PROOF_AGE = 60  # seconds for which a proof is valid
LEEWAY = 30  # seconds by which clocks may differ


class Refused(Exception):
    """`challenge` is for `WWW-Authenticate`. After a 401 the SDK refreshes the token and repeats the request once."""

    def __init__(self, error):
        super().__init__(error)
        self.challenge = f'DPoP error="{error}", algs="ES256"'


class Checker:
    """`issuer` is the server's public_url, `audience` its setting token.audience, `origin` the origin of this API for browsers."""

    def __init__(self, issuer, audience, origin, keys_kept=300):
        self.issuer, self.audience, self.origin = issuer, audience, origin
        self.keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", lifespan=keys_kept)
        self.seen, self.lock = {}, threading.Lock()  # with several processes, keep the ids in Redis

    def check(self, method, path, headers):
        """Returns the claims: `sub` is the id of the user, `roles` are the user's roles. `headers` are those of http.server."""
        scheme, _, token = (headers.get("Authorization") or "").partition(" ")
        try:
            if jwt.get_unverified_header(token).get("typ") != "at+jwt":
                raise jwt.InvalidTokenError
            claims = jwt.decode(
                token, self.keys.get_signing_key_from_jwt(token), algorithms=["ES256"], leeway=LEEWAY,
                issuer=self.issuer, audience=self.audience, options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.PyJWTError:
            raise Refused("invalid_token") from None
        key = (claims.get("cnf") or {}).get("jkt")
        # A token that is bound to a key and has no valid proof was copied.
        if key is not None or scheme.lower() != "bearer":
            self._check_proof(method, path, headers, scheme, token, key)
        return claims

    def _check_proof(self, method, path, headers, scheme, token, key):
        try:
            (proof,) = headers.get_all("DPoP") or []
            header = jwt.get_unverified_header(proof)
            jwk = header["jwk"]
            # A proof may only contain a public key on P-256.
            if header["typ"] != "dpop+jwt" or jwk["kty"] != "EC" or jwk["crv"] != "P-256" or "d" in jwk:
                raise ValueError
            payload = jwt.decode(
                proof, jwt.PyJWK(jwk, algorithm="ES256"), algorithms=["ES256"], leeway=LEEWAY,
                options={"require": ["htm", "htu", "iat", "jti", "ath"]},
            )
            right = (
                scheme.lower() == "dpop"
                and payload["htm"] == method
                and payload["htu"] == self.origin + path.partition("?")[0]
                and abs(time.time() - payload["iat"]) <= PROOF_AGE + LEEWAY
                and payload["ath"] == _hash(token.encode())
                and compare_digest(_thumbprint(jwk), key or "")
            )
            if not right or not self._once(payload["jti"]):
                raise ValueError
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
            raise Refused("invalid_dpop_proof") from None

    def _once(self, proof):
        now = time.monotonic()
        with self.lock:
            self.seen = {old: until for old, until in self.seen.items() if until > now}
            if not isinstance(proof, str) or len(proof) > 128 or proof in self.seen:
                return False
            self.seen[proof] = now + PROOF_AGE + 2 * LEEWAY
            return True


def _hash(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _thumbprint(jwk):
    """RFC 7638: the required members in alphabetical order, no spaces."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return _hash(json.dumps(members, separators=(",", ":")).encode())

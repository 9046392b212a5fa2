// Checks the access token of a request, and the proof of the key that the token is bound to (RFC 9068, RFC 9449).

import { createHash } from "node:crypto";
import { calculateJwkThumbprint, createRemoteJWKSet, EmbeddedJWK, jwtVerify } from "jose";

/** Seconds for which a proof is valid, and seconds by which clocks may differ. */
const PROOF_AGE = 60;
const LEEWAY = 30;

export class Refused extends Error {
  constructor(error) {
    super(error);
    // For the header `WWW-Authenticate`. After a 401 the SDK refreshes the token and repeats the request once.
    this.challenge = `DPoP error="${error}", algs="ES256"`;
  }
}

/**
 * `issuer` is the server's `public_url`, `audience` its setting `token.audience`, `origin` the origin of this API as browsers see it.
 * Returns a function that takes a request of node:http and resolves with the claims: `sub` is the id of the user, `roles` are the
 * user's roles.
 */
export function checker({ issuer, audience, origin, keysKept = 300_000 }) {
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", issuer), { cacheMaxAge: keysKept });
  const seen = new Map(); // ids of used proofs and when they expire; only for one process, see `once`

  return async function check(request) {
    const [scheme, token] = (request.headers.authorization ?? "").split(" ");
    const { payload } = await jwtVerify(token ?? "", keys, {
      issuer,
      audience,
      typ: "at+jwt",
      algorithms: ["ES256"],
      clockTolerance: LEEWAY,
    }).catch(() => {
      throw new Refused("invalid_token");
    });
    const key = payload.cnf?.jkt;
    // A token that is bound to a key and has no valid proof was copied.
    if (key !== undefined || !/^bearer$/i.test(scheme)) await checkProof(request, token, key);
    return payload;
  };

  async function checkProof(request, token, key) {
    const proofs = request.headersDistinct.dpop ?? [];
    try {
      if (proofs.length !== 1 || !/^dpop$/i.test(request.headers.authorization.split(" ")[0])) throw new Error();
      const { payload, protectedHeader } = await jwtVerify(proofs[0], EmbeddedJWK, {
        typ: "dpop+jwt",
        algorithms: ["ES256"],
        maxTokenAge: PROOF_AGE,
        clockTolerance: LEEWAY,
        requiredClaims: ["htm", "htu", "iat", "jti", "ath"],
      });
      const url = new URL(request.url, origin);
      const right =
        payload.htm === request.method &&
        payload.htu === url.origin + url.pathname &&
        payload.ath === createHash("sha256").update(token).digest("base64url") &&
        (await calculateJwkThumbprint(protectedHeader.jwk)) === key;
      if (!right || !once(payload.jti)) throw new Error();
    } catch {
      throw new Refused("invalid_dpop_proof");
    }
  }

  // With several processes, keep the ids in a store that all of them use, such as Redis.
  function once(proof) {
    const now = Date.now();
    for (const [old, until] of seen) if (until < now) seen.delete(old);
    if (typeof proof !== "string" || proof.length > 128 || seen.has(proof)) return false;
    seen.set(proof, now + (PROOF_AGE + 2 * LEEWAY) * 1000);
    return true;
  }
}

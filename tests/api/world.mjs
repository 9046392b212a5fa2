// Sets up tests from outside: the real server, example APIs that accept its tokens, and users with a key (RFC 9449) but
// without the SDK.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { atEnd } from "../e2e/world.mjs";

export { eventually, signUp, somebody, startServer } from "../e2e/world.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const EXAMPLES = join(ROOT, "docs/examples");
const PYTHON = process.env.DOORWARD_PYTHON ?? join(ROOT, ".tools/python/bin/python");
const RUST = process.env.DOORWARD_EXAMPLE_API ?? join(ROOT, "target/debug/doorward-example-api");

/** The command of each example in docs/examples. */
export const APIS = {
  Node: [process.execPath, join(EXAMPLES, "node/server.js")],
  Python: [PYTHON, join(EXAMPLES, "python/server.py")],
  Rust: [RUST],
};

/** Starts an example and returns its URL. */
export async function startApi(name, issuer, settings = {}) {
  const [command, ...args] = APIS[name];
  const env = { ...process.env, PORT: "0", ISSUER: issuer, ...settings };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  const over = new Promise((resolve) => child.once("exit", resolve));
  atEnd(async () => {
    child.kill();
    await over;
  });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the ${name} example ended`)));
  });
  return /^ready: (\S+)$/.exec(line)[1];
}

/** A key and its DPoP proofs. */
export class Key {
  /** @type {CryptoKey} */
  privateKey;
  /** @type {CryptoKey} */
  publicKey;
  /** @type {import("jose").JWK} */
  jwk;
  /** @type {string} */
  thumbprint;

  static async make() {
    const key = new Key();
    Object.assign(key, await generateKeyPair("ES256", { extractable: true }));
    key.jwk = await exportJWK(key.publicKey);
    key.thumbprint = await calculateJwkThumbprint(key.jwk);
    return key;
  }

  /**
   * Returns a proof for one request. `claims` and `header` override the correct values.
   * @param {string} method
   * @param {string} url
   * @param {{ token?: string, nonce?: string, claims?: object, header?: object, by?: { privateKey: CryptoKey } }} [options]
   */
  async proof(method, url, { token, nonce, claims, header, by = this } = {}) {
    const hash = token && Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(token))).toString("base64url");
    const right = { htm: method, htu: url.split(/[?#]/)[0], iat: Math.floor(Date.now() / 1000), jti: crypto.randomUUID() };
    const payload = JSON.parse(JSON.stringify({ ...right, ath: hash, nonce, ...claims }));
    return new SignJWT(payload).setProtectedHeader({ typ: "dpop+jwt", alg: "ES256", jwk: this.jwk, ...header }).sign(by.privateKey);
  }
}

/** A user who signs in, with or without a key. */
export class Person {
  constructor(server, key) {
    this.server = server;
    this.key = key;
  }

  /**
   * Sends a request with a proof. Repeats it once with the nonce that the server asks for.
   * @param {string} method
   * @param {string} path
   * @param {{ headers?: Record<string, string>, body?: BodyInit, token?: string }} [options]
   */
  async send(method, path, { headers = {}, body, token } = {}) {
    const url = this.server.url + path;
    for (let tries = 0; ; tries += 1) {
      const proof = this.key && { dpop: await this.key.proof(method, url, { token, nonce: this.nonce }) };
      const authorization = token && { authorization: `${this.key ? "DPoP" : "Bearer"} ${token}` };
      const answer = await fetch(url, { method, body, headers: { ...headers, ...proof, ...authorization } });
      this.nonce = answer.headers.get("dpop-nonce") ?? this.nonce;
      const text = await answer.clone().text();
      if (tries || answer.status < 400 || !/use_dpop_nonce/i.test(text)) return answer;
    }
  }

  async signIn(credentials) {
    const headers = { "content-type": "application/json" };
    const answer = await this.send("POST", "/v1/login", { headers, body: JSON.stringify(credentials) });
    assert.equal(answer.status, 200, await answer.clone().text());
    return (this.tokens = await answer.json());
  }

  async refresh() {
    const form = { grant_type: "refresh_token", client_id: "doorward", refresh_token: this.tokens.refresh_token };
    const answer = await this.send("POST", "/v1/token", { body: new URLSearchParams(form) });
    assert.equal(answer.status, 200, await answer.clone().text());
    return (this.tokens = await answer.json());
  }

  /** The headers for a call to another API. */
  async headersFor(method, url, changes) {
    const token = this.tokens.access_token;
    if (!this.key) return { authorization: `Bearer ${token}` };
    return { authorization: `DPoP ${token}`, dpop: await this.key.proof(method, url, { token, ...changes }) };
  }
}

// The accounts of the demo provider: three fixed ones (e-mail address verified, not verified, none), and those that a visitor
// types in.

import { createHash } from "node:crypto";

/** The accounts on the sign-in screen, in this order. */
export const PEOPLE = [
  { name: "Ada Lovelace", email: "ada@example.com", email_verified: true },
  { name: "Grace Hopper", email: "grace@example.com", email_verified: false },
  { name: "Alan Turing" },
];

const known = new Map();
for (const person of PEOPLE) enrol(person);

/**
 * Adds an account and returns its id (`sub`). The id is derived from the name, so it is the same after a restart.
 * @param {{ name: string, email?: string, email_verified?: boolean }} person
 */
export function enrol({ name, email, email_verified }) {
  const sub = createHash("sha256").update(name).digest("hex").slice(0, 21);
  const [given_name, ...others] = name.split(" ");
  known.set(sub, {
    sub,
    name,
    given_name,
    family_name: others.join(" ") || undefined,
    email,
    email_verified: email ? email_verified : undefined,
  });
  return sub;
}

/** The OpenID claims of an account. */
export const claimsOf = (sub) => known.get(sub);

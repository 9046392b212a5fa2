// Who has an account at the demo provider: a few who differ in what is known of their e-mail address, and whoever is typed in.

import { createHash } from "node:crypto";

/** On the sign-in screen, in this order. */
export const PEOPLE = [
  { name: "Ada Lovelace", email: "ada@example.com", email_verified: true },
  { name: "Grace Hopper", email: "grace@example.com", email_verified: false },
  { name: "Alan Turing" },
];

const known = new Map();
for (const person of PEOPLE) enrol(person);

/**
 * Takes up somebody; the same name is the same person, also after a new start. Gives the id that apps get.
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

/** What apps are told of somebody. */
export const claimsOf = (sub) => known.get(sub);

// The name of a user in the header and on pages. A user who signed up by device may have none.

/** @type {(user: { email?: string, username?: string, phone_number?: string }) => string} */
export const nameOf = ({ email, username, phone_number }) => email ?? username ?? phone_number ?? "A device";

/** A letter instead of a picture. */
export const initialOf = (name) => name.match(/[\p{L}\p{N}]/u)?.[0].toUpperCase() ?? "";

// What to call somebody of whom nothing may be known but the device.

/** @type {(user: { email?: string, username?: string, phone_number?: string }) => string} */
export const nameOf = ({ email, username, phone_number }) => email ?? username ?? phone_number ?? "A device";

/** Stands for a picture. */
export const initialOf = (name) => name.match(/[\p{L}\p{N}]/u)?.[0].toUpperCase() ?? "";

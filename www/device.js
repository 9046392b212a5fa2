// The device id with which this browser signs in. It is as secret as a password: it alone opens the account.

const KEY = "demo-device";

export function deviceId() {
  const id = localStorage.getItem(KEY) ?? crypto.randomUUID();
  localStorage.setItem(KEY, id);
  return id;
}

// The id that this browser signs in by. Whoever knows it is this device: it is as secret as a password.

const KEY = "demo-device";

export function deviceId() {
  const id = localStorage.getItem(KEY) ?? crypto.randomUUID();
  localStorage.setItem(KEY, id);
  return id;
}

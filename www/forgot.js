import { AuthClient } from "/pkg/index.js";

const auth = new AuthClient();

document.querySelector("#forgot").addEventListener("submit", auth.forgotPassword);

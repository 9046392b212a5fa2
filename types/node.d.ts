import type { AddressInfo } from "node:net";

declare module "node:net" {
  // No server in this repository listens on a Unix socket.
  interface Server {
    address(): AddressInfo;
  }
}

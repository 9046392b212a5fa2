import type { AddressInfo } from "node:net";

declare module "node:net" {
  // No server here listens at a path.
  interface Server {
    address(): AddressInfo;
  }
}

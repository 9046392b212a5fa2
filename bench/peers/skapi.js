import { Skapi } from "skapi-js";
export const construct = () => new Skapi("ap21benchBench", "00000000-0000-4000-8000-000000000000");

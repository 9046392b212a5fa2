import test from "node:test";
import { axeFindsNothing } from "./axe.mjs";

test("axe finds nothing on any page in light colours", () => axeFindsNothing("light"));

import test from "node:test";
import { axeFindsNothing } from "./axe.mjs";

// In the dark only the colours are others.
test("axe finds nothing on any page in dark colours", () => axeFindsNothing("dark", ["color-contrast", "link-in-text-block"]));

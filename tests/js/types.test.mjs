// The declared face is the real one: it type-checks as it is meant to be used, and has the same names.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Realtime } from "./fakes.mjs";

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const declared = readFileSync(file("../../static/js/realtime.d.ts"), "utf8");

test("what is meant to be written type-checks, and what is not does not", () => {
  const tsc = createRequire(import.meta.url).resolve("typescript/package.json").replace("package.json", "bin/tsc");
  const given = ["--noEmit", "--strict", "--types", "", "--lib", "es2015,dom", file("types/use.ts")];
  execFileSync(process.execPath, [tsc, ...given], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
});

test("every public method and property is declared, and nothing else is", () => {
  const body = declared.match(/^declare class Realtime \{\n([^]*?)^\}/m)[1];
  const names = new Set([...body.matchAll(/^ {2}(?:readonly )?(\w+)[:(<]/gm)].map((match) => match[1]));
  names.delete("constructor");
  const own = Object.keys(new Realtime({ page: null }));
  const real = [...own, ...Object.keys(Realtime.prototype)].filter((name) => name[0] !== "_" && name !== "options");
  assert.deepEqual([...names].sort(), real.sort());
});

test("every option is declared, and nothing else is", () => {
  const body = declared.match(/interface Options \{\n([^]*?)\n {2}\}/)[1];
  const names = [...body.matchAll(/^ {4}(\w+)\?:/gm)].map((match) => match[1]);
  assert.deepEqual(names.sort(), Object.keys(Realtime.fill({})).sort());
});

// What the reference says of the client is true: its size, its options and their defaults, its events.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { Realtime } from "./fakes.mjs";

const at = (path) => new URL(`../../${path}`, import.meta.url);
const reference = readFileSync(at("docs/reference/browser-client.md"), "utf8");
const files = readdirSync(at("static/js")).filter((name) => /^realtime.*\.js$/.test(name));
const PARTS = ["io", "WebSocket", "EventSource", "XMLHttpRequest", "crypto", "page", "clock", "random"];

test("the size is told", () => {
  const texts = files.map((name) => readFileSync(at(`static/js/${name}`)));
  const kilobytes = (sizes) => sizes.reduce((a, b) => a + b, 0) / 1000;
  const [, count, plain, packed] = reference.match(/(\d+) files, (\d+) kB with their comments, (\d+) kB as gzip/);
  const real = [files.length, kilobytes(texts.map((t) => t.length)), kilobytes(texts.map((t) => gzipSync(t).length))];
  assert.equal(Number(count), real[0]);
  assert.ok(Math.abs(plain - real[1]) < 2, `${real[1]} kB`);
  assert.ok(Math.abs(packed - real[2]) < 1, `${real[2]} kB`);
});

test("every option is listed with its default", () => {
  const listed = [...reference.matchAll(/^\| `(\w+)` \| `([^`]*)` \|/gm)].map(([, name, value]) => [name, value]);
  const options = Realtime.fill({});
  PARTS.forEach((name) => delete options[name]);
  assert.deepEqual(
    Object.fromEntries(listed.map(([name, value]) => [name, JSON.parse(value)])),
    options,
  );
});

test("every event that the client tells is listed, in the types too", () => {
  const source = files.map((name) => readFileSync(at(`static/js/${name}`), "utf8")).join("\n");
  const inner = new Set(["realtime.ready", "realtime.heartbeat", "realtime.message", "realtime.js"]);
  const named = [...source.matchAll(/'(realtime\.\w+)'/g)].map((match) => match[1]);
  const told = new Set(named.filter((event) => !inner.has(event)));
  const types = readFileSync(at("static/js/realtime.d.ts"), "utf8");
  for (const event of told) {
    assert.ok(reference.includes(`\`${event}\``), event);
    assert.ok(types.includes(`"${event}":`), event);
  }
});

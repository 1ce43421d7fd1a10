// What the lab says of a run, in words and in files.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
const Lab = require("../../static/js/lab-settings.js");
for (const part of ["verdict", "export"]) require(`../../static/js/lab-${part}.js`);

const FIGURES = {
  messages: 100, lost: 0, doubled: 0, disordered: 0, p50: 5, p95: 9, p99: 10, most: 11, requests: 1, sent: 100,
  received: 900, bytes: 1000, overhead: 50, reconnects: 0, replayed: 0, changes: 0, recovery: null,
};

/** Spaces that do not break are spaces here. */
function plain(text) { return text.replace(/\u00a0/g, " "); }

function verdict(lanes, about = {}) {
  return Lab.verdict({
    settings: { rate: 10, size: 64, seconds: 10 }, accepted: 100, ended: null, ...about,
    lanes: Object.entries(lanes).map(([lane, change]) => ({
      lane, state: "connected", reason: "", disturbed: [], ...FIGURES, ...change,
    })),
  }).map(plain);
}

test("the quickest and the cheapest are named, with the slowest and the dearest", () => {
  assert.deepEqual(verdict({ websocket: { p50: 1, overhead: 40 }, poll: { p50: 50, overhead: 400, requests: 12 } }), [
    "WebSocket was the quickest: half of the messages took no longer than 1.0 ms, 99 of 100 no longer than 10 ms. " +
      "The slowest was Long poll with 50 ms at half, 50 times as long.",
    "WebSocket was the cheapest: 40 B on the wire beside each message of 64 B. The dearest was Long poll with 400 B, " +
      "in 12 requests.",
    "Both lanes got all 100 messages, each once and in order.",
  ]);
});

test("differences too small to count are ties", () => {
  const [quick, cheap] = verdict({ websocket: { p50: 1 }, sse: { p50: 1.4 }, poll: { p50: 50, overhead: 300 } });
  assert.match(quick, /^WebSocket and Native SSE were the quickest, with no difference that counts: half/);
  assert.match(quick, /than 1\.4 ms, 99/);
  assert.match(cheap, /^WebSocket and Native SSE were the cheapest: about 50 B/);
  const same = verdict({ websocket: {}, sse: { p50: 5.4 }, poll: {} });
  assert.match(same[0], /^All three were equally quick/);
  assert.match(same[1], /^All three cost the same/);
});

test("what was compressed may cost less than its messages, and that is said", () => {
  const said = verdict({ websocket: { overhead: 40 }, polling: { overhead: -210, requests: 9 } });
  assert.match(said[1], /^Socket\.IO polling was the cheapest: 210 B saved, for it compresses, on each message/);
  assert.equal(plain(Lab.size(-210)), "−210 B");
});

test("a lane that did not work is compared with nobody, nor is the speed of one that was disturbed", () => {
  const said = verdict({
    websocket: { p50: 9 },
    poll: { p50: 1, overhead: 1, disturbed: ["cut", "frozen"], reconnects: 2, recovery: 1300, replayed: 7 },
    sse: { state: "failed", reason: "it did not connect in time", messages: 0, p50: null },
  });
  assert.match(said[0], /^WebSocket: half of the messages/);
  assert.ok(said.includes("Native SSE did not work here: it did not connect in time."));
  assert.ok(said.includes("Both lanes got all 100 messages, each once and in order."));
  assert.ok(said.includes("Long poll lost its connection twice and had everything again after at most 1.30 s; " +
    "7 messages came from the log."));
  assert.ok(said.some((one) => one.startsWith("Long poll was cut and frozen by hand")));
});

test("a lane that has not come back is named", () => {
  const said = verdict({ websocket: {}, polling: { state: "reconnecting" }, sse: { state: "reconnecting" } });
  assert.ok(said.includes("Socket.IO polling and Native SSE were not connected at the end."));
  assert.ok(!verdict({ websocket: {} }).some((one) => one.includes("not connected")));
});

test("what is to be said of several lanes is said once", () => {
  const switched = { disturbed: ["switched"], changes: 2 };
  const said = verdict({ websocket: switched, sse: switched, poll: { disturbed: ["cut"], changes: 1, lost: 1 } });
  assert.deepEqual(said.filter((one) => /transport|by hand/.test(one)), [
    "WebSocket and Native SSE changed their transport twice while messages flowed, and lost nothing.",
    "Long poll changed its transport once while messages flowed.",
    "WebSocket and Native SSE were switched by hand, so that their speed and cost are compared with nobody’s.",
    "Long poll was cut by hand, so that its speed and cost are compared with nobody’s.",
  ]);
});

test("who lost, doubled or disordered anything is named, and so is who did not", () => {
  const said = verdict({
    websocket: { lost: 3, messages: 97, reconnects: 1, recovery: 900 }, sse: { doubled: 1, disordered: 2 }, poll: {},
  });
  assert.ok(said.includes("WebSocket lost 3 of 100 messages."));
  assert.ok(said.includes("Native SSE got 1 twice and got 2 out of order."));
  assert.ok(said.includes("Long poll got everything, once and in order."));
  assert.ok(said.some((one) => one.startsWith("WebSocket lost its connection once and was back after 900 ms")));
  assert.ok(!said.some((one) => one.includes("each once and in order")));
});

test("a run without messages, and one that ended early, say so", () => {
  assert.deepEqual(verdict({ websocket: {} }, { accepted: 0, ended: "forbidden" }), [
    "The run ended early: forbidden.", "Nothing was published, so there is nothing to compare.",
  ]);
  assert.deepEqual(verdict({ websocket: { messages: 0, p50: null } }), ["WebSocket did not work here."]);
  assert.match(verdict({ websocket: {} }, { ended: "it was stopped" })[0], /^The run ended early: it was stopped\.$/);
});

// ---- exports ----

function report(change = {}) {
  return Lab.report(
    { settings: { rate: 10, size: 64, seconds: 10, lanes: ["sse"] }, began: "2026-01-01T00:00:00Z", browser: "b",
      server: "s", doubt: 0.12345, accepted: 100, refused: 0, ended: null },
    [{ key: "sse", state: "connected", reason: "", transport: "sse", disturbed: ["cut", "frozen"],
      figures: { ...FIGURES, p50: 1.23456, ...change }, points: [{ at: 0.5, p50: 1.23456, p99: null, count: 3 }] }],
  );
}

test("JSON has everything, in numbers", () => {
  const read = JSON.parse(Lab.json(report()));
  assert.equal(read.lanes[0].p50, 1.235);
  assert.deepEqual(read.lanes[0].points, [{ at: 0.5, p50: 1.235, p99: null, count: 3 }]);
  assert.equal(read.clock.doubt, 0.123);
  assert.deepEqual(read.settings, { rate: 10, size: 64, seconds: 10, lanes: ["sse"] });
});

test("CSV has a line for each lane, nothing where there is nothing, and no formula", () => {
  const told = report();
  told.began = '=1+"1",2';
  const [head, line, rest] = Lab.csv(told).split("\r\n");
  assert.equal(rest, "");
  const names = head.split(",");
  assert.ok(names.includes("p50_ms") && names.includes("bytes") && names.includes("overhead_bytes"));
  assert.ok(line.startsWith("sse,connected,100,0,0,0,1.235,"));
  assert.ok(line.endsWith(`,100,cut frozen,10,64,10,"'=1+""1"",2"`));
  assert.ok(line.includes(",0,,100,"), "no recovery is an empty cell");
});

test("people read units", () => {
  assert.deepEqual([null, 0.04, 9.94, 9.96, 999, 999.7, 12345].map(Lab.ms).map(plain),
    ["–", "0.0 ms", "9.9 ms", "10 ms", "999 ms", "1.00 s", "12.35 s"]);
  assert.deepEqual([null, 12.3, 999.6, 12345, 123456, 9999999].map(Lab.size).map(plain),
    ["–", "12 B", "1.0 kB", "12.3 kB", "123 kB", "10.0 MB"]);
  const [names, cells] = Lab.table(report({ messages: 1234567 }));
  assert.equal(names.length, cells.length);
  assert.deepEqual(cells.slice(0, 5).map(plain), ["Native SSE", "1.2 ms", "9.0 ms", "10 ms", "1\u202f234\u202f567"]);
});

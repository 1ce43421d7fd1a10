// The lab's arithmetic: settings, quantiles, what came and what did not, what is fed and when.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { FakeClock } from "./fakes.mjs";

const require = createRequire(import.meta.url);
const Lab = require("../../static/js/lab-settings.js");
for (const part of ["wire", "tally", "feeder"]) require(`../../static/js/lab-${part}.js`);

const LANES = ["websocket", "polling", "sse", "polyfill", "poll"];

test("whatever an address says, the settings are within their limits", () => {
  const usual = { rate: 20, size: 256, seconds: 20, lanes: LANES, run: false };
  assert.deepEqual(Lab.settings(""), usual);
  assert.deepEqual(Lab.settings("?rate=x&size=&seconds=NaN&lanes=none&run=yes&%E0%A4%A=1"), usual);
  assert.deepEqual(Lab.settings("?rate=1e9&size=1&seconds=-4&lanes=poll,sse&run=1"), {
    rate: 500, size: 16, seconds: 1, lanes: ["sse", "poll"], run: true,
  });
});

test("the address that says some settings is read as the same settings", () => {
  for (const lanes of [LANES, ["websocket"], ["sse", "poll"]]) {
    const settings = { rate: 7, size: 1000, seconds: 33, lanes, run: false };
    assert.deepEqual(Lab.settings(Lab.query(settings)), settings);
  }
});

test("quantiles are exact to two percent, at every size", () => {
  const histogram = new Lab.Histogram();
  assert.equal(histogram.quantile(0.5), null);
  for (let ms = 1; ms <= 1000; ms += 1) histogram.add(ms);
  for (const share of [0.01, 0.5, 0.95, 0.99]) {
    assert.ok(Math.abs(histogram.quantile(share) / (share * 1000) - 1) < 0.02, String(share));
  }
  assert.equal(histogram.quantile(1), 1000);
  assert.equal(histogram.quantile(0), 1);
  const single = new Lab.Histogram();
  single.add(-3);
  assert.deepEqual([single.quantile(0.5), single.quantile(0.99)], [0, 0], "never below zero: clocks are estimated");
});

test("what is missing, doubled and out of order is known by the ids", () => {
  const tally = new Lab.Tally();
  for (const id of ["9-0", "10-0", "12-0", "11-0", "12-0", "12-1"]) tally.got(id, 10, 0, 5);
  const accepted = ["9-0", "10-0", "11-0", "12-0", "12-1", "13-0"];
  const figures = tally.figures(accepted, { requests: 2, sent: 30, received: 90 });
  const { messages, lost, doubled, disordered, bytes, overhead } = figures;
  assert.deepEqual({ messages, lost, doubled, disordered }, { messages: 5, lost: 1, doubled: 1, disordered: 1 });
  assert.deepEqual({ bytes, overhead }, { bytes: 120, overhead: 14 });
});

test("what was sent before the lane was back is a replay, and recovery lasts until the last of it", () => {
  const tally = new Lab.Tally();
  tally.got("1-0", 1, 900, 901);
  tally.lost(1000);
  tally.lost(1100); // it is still away
  tally.back(1500);
  tally.got("2-0", 1, 1200, 1600);
  tally.got("3-0", 1, 1400, 1640);
  tally.got("4-0", 1, 1700, 1701);
  tally.back(1800); // it was back
  let { reconnects, replayed, recovery } = tally.figures([], { sent: 0, received: 0 });
  assert.deepEqual({ reconnects, replayed, recovery }, { reconnects: 1, replayed: 2, recovery: 640 });
  tally.lost(3000);
  tally.got("5-0", 1, 3100, 3890); // WebSocket is back when its replay is here
  tally.back(3900);
  tally.got("6-0", 1, 3950, 3951);
  ({ reconnects, replayed, recovery } = tally.figures([], { sent: 0, received: 0 }));
  assert.deepEqual({ reconnects, replayed, recovery }, { reconnects: 2, replayed: 3, recovery: 900 });
});

test("a point of the chart has what came since the last one", () => {
  const tally = new Lab.Tally();
  tally.got("1-0", 1, 0, 8);
  tally.point(0.5);
  tally.point(1);
  assert.deepEqual(tally.points.map(({ at, count }) => [at, count]), [[0.5, 1], [1, 0]]);
  assert.equal(tally.points[0].p50, 8);
  assert.equal(tally.points[1].p50, null);
});

function feeding(settings, answers) {
  const clock = new FakeClock(), asked = [];
  let count = 0;
  const feeder = new Lab.Feeder({ time: "/t", feed: "/f" }, (method, path, body, cb) => {
    asked.push(body);
    const answer = answers(asked.length, body);
    clock.setTimeout(() => {
      if (answer) return cb(answer.refused || null, answer.ids && answer);
      cb(null, { ids: Array.from({ length: body.count }, () => `${(count += 1)}-0`), error: null });
    }, body.seconds * 1000 + 20);
  }, clock);
  const ends = [];
  feeder.run("lab-x", settings, (error) => ends.push(error));
  return { clock, asked, feeder, ends };
}

test("a run is fed to the last message, in slices of half a second, however slow the way", () => {
  const { clock, asked, feeder, ends } = feeding({ rate: 50, seconds: 3, size: 64 }, () => null);
  clock.tick(2000);
  assert.deepEqual(ends, []);
  clock.tick(2000);
  assert.deepEqual(ends, [null]);
  assert.equal(feeder.accepted.length, 150);
  assert.equal(asked.reduce((sum, body) => sum + body.count, 0), 150);
  asked.forEach((body, i) => assert.equal(body.first, asked.slice(0, i).reduce((sum, one) => sum + one.count, 0)));
  assert.ok(asked.every((body) => body.seconds <= 0.5 && body.count >= 1 && body.size === 64));
});

test("at one message a second nothing is asked for before it is due", () => {
  const { clock, asked, ends } = feeding({ rate: 1, seconds: 3, size: 64 }, () => null);
  clock.tick(5000);
  assert.deepEqual(asked.map((body) => body.count), [1, 1, 1]);
  assert.deepEqual(ends, [null]);
});

test("what may pass is tried again, what may not ends the run", () => {
  const busy = { refused: { code: "rate_limited", message: "busy", retry: true, retryAfter: 1000 } };
  const once = feeding({ rate: 10, seconds: 1, size: 64 }, (nth) => (nth === 2 ? busy : null));
  once.clock.tick(5000);
  assert.deepEqual([once.ends, once.feeder.accepted.length], [[null], 10]);
  const no = { code: "forbidden", message: "no", retry: false };
  const never = feeding({ rate: 10, seconds: 1, size: 64 }, () => ({ refused: no }));
  never.clock.tick(5000);
  assert.deepEqual(never.ends, [no]);
  const away = { code: "bus_unavailable", message: "away" };
  const half = { ids: ["1-0"], error: away };
  const partly = feeding({ rate: 10, seconds: 1, size: 64 }, (nth) => (nth === 1 ? half : null));
  partly.clock.tick(5000);
  assert.deepEqual([partly.ends, partly.feeder.refused, partly.asked[1].first], [[null], 1, 1]);
});

test("a server that is away for some seconds is waited for, and what was due is made up for", () => {
  const away = { refused: { code: "no_connection", message: "gone", retry: true, retryAfter: 0 } };
  const world = feeding({ rate: 10, seconds: 5, size: 64 }, (nth) => (nth > 2 && nth < 25 ? away : null));
  world.clock.tick(30_000);
  assert.deepEqual([world.ends, world.feeder.accepted.length], [[null], 50]);
  const gone = feeding({ rate: 10, seconds: 5, size: 64 }, () => away);
  gone.clock.tick(14_000);
  assert.deepEqual(gone.ends, []);
  gone.clock.tick(3_000);
  assert.deepEqual(gone.ends, [away.refused]);
  const stopped = feeding({ rate: 10, seconds: 5, size: 64 }, () => away);
  stopped.clock.tick(1_000);
  stopped.feeder.stop();
  stopped.clock.tick(1_000);
  assert.deepEqual(stopped.ends, [null]);
});

test("the clocks are compared by the shortest exchange, and its half is the doubt", () => {
  const clock = new FakeClock(), trips = [40, 4, 60, 8, 8, 8, 8, 8, 8];
  let cb = null;
  const feeder = new Lab.Feeder({ time: "/lab/time" }, (_method, _path, _body, done) => { cb = done; }, clock);
  const ends = [];
  feeder.learn((error) => ends.push(error));
  for (const trip of trips) {
    clock.tick(trip / 4);
    const now = clock.now() + 5000; // the server is 5 s ahead, and was asked after a quarter of the way
    clock.tick(trip - trip / 4);
    cb(null, { now, head: 309 });
  }
  assert.deepEqual(ends, [null]);
  assert.equal(feeder.doubt, 2);
  assert.ok(Math.abs(feeder.offset - 5000) <= 2);
  assert.equal(Lab.heads.request, 300);
});

test("a message says its number and when it was sent", () => {
  const feeder = new Lab.Feeder({}, null, new FakeClock());
  feeder.began = 1000;
  assert.deepEqual(feeder.read(`${(77).toString(36)}.${(12345).toString(36)}.xxx`), { number: 77, sent: 2234.5 });
  for (const strange of ["", "x", "..", null, 7, { a: 1 }]) assert.equal(feeder.read(strange), null);
});

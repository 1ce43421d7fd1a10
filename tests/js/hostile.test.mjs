// What a page, a browser or a server does that nobody would expect: the client goes on all the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser } from "./browser.mjs";
import { overWebSocket, QUICK, streaming } from "./clients.mjs";
import { FakeEventSource, FakePage, Realtime, world } from "./fakes.mjs";

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await null;
};

function broken() {
  throw new Error("a page's mistake");
}

/** Run the timers; the mistakes that they bring to the console are counted. */
function consoled(w, ms = 0) {
  for (let count = 0; ; count++) {
    try {
      w.clock.tick(ms);
      return count;
    } catch (error) {
      assert.match(error.message, /a page's mistake/);
    }
  }
}

for (const [transport, answered] of [
  ["websocket", (w) => (w.socket().accept(), w.ok(w.socket().asked("join")[0], { cursor: "10-0" }))],
  ["sse", (w) => (w.xhr().answer(200, { messages: [], cursor: "10-0" }), w.source().ready({ cursor: "10-0" }))],
  ["poll", (w) => w.xhr().answer(200, { messages: [], cursor: "10-0" })],
]) {
  test(`a callback of join() that throws is told on the console, and does not end ${transport}`, () => {
    const w = world({ transports: [transport], ...QUICK });
    w.rt.join("a", broken);
    w.rt.connect();
    answered(w);
    assert.deepEqual([w.rt.state, w.rt.transport], ["connected", transport]);
    assert.equal(consoled(w), 1);
  });
}

test("a callback of publish() that throws does not hold up what is to be sent next", () => {
  const w = overWebSocket();
  w.rt.publish("a", 1, broken);
  w.rt.publish("a", 2);
  w.ok(w.socket().asked("publish")[0], { id: "11-0" });
  assert.deepEqual(w.socket().asked("publish").map((sent) => sent.body.data), [1, 2]);
  assert.equal(consoled(w), 1);
});

test("callbacks that throw when the page closes the connection leave nothing open", () => {
  const w = overWebSocket();
  w.rt.join("b", broken);
  w.rt.publish("a", 1, broken);
  w.rt.leave("a", broken);
  w.rt.switchTo("websocket", broken);
  w.rt.presence("a", broken);
  w.rt.publish("a", 1, { transient: true }, broken);
  w.rt.close();
  assert.equal(w.rt.state, "closed");
  assert.ok(w.socket().closed);
  assert.deepEqual(w.rt.outbox(), []);
  assert.ok(consoled(w) >= 4);
});

test("leave, join and leave at once: what was said last holds, and each is answered", () => {
  const w = overWebSocket();
  const told = [];
  w.rt.leave("a", () => told.push("left"));
  w.rt.join("a", (error) => told.push(error ? error.code : "joined"));
  w.rt.leave("a", (error) => told.push(error ? error.code : "left again"));
  w.socket().asked("leave")[0].ack({ ok: true });
  const joins = w.socket().asked("join");
  if (joins.length > 1) w.ok(joins[1], { cursor: "11-0" });
  for (const request of w.socket().asked("leave").slice(1)) request.ack({ ok: true });
  assert.deepEqual(told, ["left", "left", "left again"]);
  w.socket().event("message", 1, "12-0");
  w.socket().drop();
  w.clock.tick(100);
  w.socket().accept();
  assert.deepEqual(w.socket().asked("join"), [], "the room is not followed any more");
});

test("a server that asks for a year's patience is asked again after five minutes, and not at once", () => {
  const w = world({ transports: ["poll"], ...QUICK });
  w.rt.join("a");
  w.rt.connect();
  w.xhr().answer(503, { error: { code: "unavailable", message: "" } }, { "Retry-After": "31536000" });
  w.clock.tick(299999);
  assert.equal(w.xhrs.length, 1);
  w.clock.tick(1);
  assert.equal(w.xhrs.length, 2);
});

test("an event stream's `retry` beyond what a timer holds is as long as one holds", () => {
  const delays = [];
  const parser = new Realtime.Parser("", () => {}, (ms) => delays.push(ms));
  parser.feed("retry: 99999999999\nretry: " + "9".repeat(400) + "\nretry: 5\n");
  assert.deepEqual(delays, [2147483647, 2147483647, 5]);
});

/** A page whose browser has locks and channels, of one kind or another. */
function shared(locks, BroadcastChannel) {
  const page = Object.assign(new FakePage(), { BroadcastChannel, Promise, EventSource: FakeEventSource });
  page.navigator = { locks };
  return streamingStart({ page });
}

function streamingStart(options) {
  const w = world({ transports: ["sse"], ...QUICK, ...options });
  w.rt.join("a");
  w.rt.connect();
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  return w;
}

test("where locks are refused, as in a sandboxed frame, a tab has a stream of its own at once", async () => {
  const request = () => Promise.reject(Object.assign(new Error("no"), { name: "SecurityError" }));
  const w = shared({ request }, new Browser().BroadcastChannel);
  await settle();
  assert.equal(w.sources.length, 1);
  assert.match(w.source().full, /^\/events\?room=a&after=10-0&heartbeat=event$/);
  w.source().ready({ cursor: "10-0" });
  assert.equal(w.rt.transport, "sse");
  w.source().message("message", 1, "11-0");
  assert.deepEqual(w.log.messages, ["11-0"]);
  w.clock.tick(10000);
  await settle();
  assert.equal(w.sources.length, 1, "and nobody asks for a place any more");
});

test("so it is where channels are refused, time and again", () => {
  const refused = class {
    constructor() {
      throw new Error("The operation is insecure.");
    }
  };
  const w = shared({ request: () => new Promise(() => {}) }, refused);
  w.source().ready({ cursor: "10-0" });
  assert.equal(w.rt.transport, "sse");
  w.rt.close();
  w.rt.connect();
  w.source().ready({ cursor: "10-0" });
  assert.deepEqual([w.sources.length, w.rt.transport], [2, "sse"]);
});

test("a room whose name is no text of Unicode is refused by the server, and holds nobody up", () => {
  const w = streaming();
  w.rt.join("\ud800", (error) => w.log.errors.push(error));
  assert.equal(w.xhr().url, "/rooms/%EF%BF%BD/messages?limit=1");
  w.xhr().answer(400, { error: { code: "invalid_room", message: "" } });
  w.rt.publish("x\udc00y", 1);
  assert.equal(w.xhr().url, "/rooms/x%EF%BF%BDy/messages");
  w.rt.publish("\ud83d\ude00", 1);
  assert.equal(w.xhr().url, "/rooms/%F0%9F%98%80/messages");
});

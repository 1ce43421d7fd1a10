// Which transport, and when: fallback in time, coming back, and the page's view of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./fakes.mjs";

/** A page with one room, connected over WebSocket at position 10-0. */
function overWebSocket(options) {
  const w = world(options);
  w.rt.join("a");
  w.rt.connect();
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  return w;
}

/** A page with one room whose WebSocket is refused, connected over SSE at position 10-0. */
function overSse(options) {
  const w = world(options);
  w.rt.join("a");
  w.rt.connect();
  w.socket().refuse();
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  w.source().ready({ cursor: "10-0" });
  return w;
}

test("WebSocket first; the page sees each state", () => {
  const w = overWebSocket();
  assert.deepEqual(w.log.states, ["connecting", "connected:websocket"]);
  assert.equal(w.rt.state, "connected");
  assert.equal(w.rt.transport, "websocket");
  assert.deepEqual(w.socket().options.transports, ["websocket"]);
  assert.equal(w.socket().options.reconnection, false);
  assert.equal(w.socket().options.forceNew, true);
  w.clock.tick(60000);
  assert.equal(w.rt.state, "connected", "no deadline is left behind");
  assert.equal(w.sources.length, 0);
});

for (const [what, start] of [
  ["never answers the handshake (black hole)", () => {}],
  ["is open but never says CONNECT", (socket) => socket.event("realtime.unknown")],
  ["never acknowledges the join", (socket) => socket.accept()],
]) {
  test(`a WebSocket that ${what} is given up after 3 s`, () => {
    const w = world();
    w.rt.join("a", { history: 50 });
    w.rt.connect();
    start(w.socket());
    w.clock.tick(2999);
    assert.equal(w.xhrs.length, 0);
    w.clock.tick(1);
    assert.ok(w.socket().closed);
    assert.equal(w.xhr().url, "/rooms/a/messages?limit=50");
    w.xhr().answer(200, { messages: [{ id: "9-0", event: "message", data: 1 }], cursor: "10-0" });
    assert.equal(w.source().url, "/events?room=a&after=10-0");
    w.source().ready({ cursor: "10-0" });
    assert.deepEqual(w.log.states, ["connecting", "connected:sse"]);
    assert.deepEqual(w.log.messages, ["9-0"]);
    assert.ok(w.clock.now() < 5000);
  });
}

test("a WebSocket that is refused is left at once", () => {
  const w = world();
  w.rt.join("a");
  w.rt.connect();
  w.socket().refuse();
  assert.equal(w.xhrs.length, 1);
  assert.equal(w.log.errors[0].transport, "websocket");
});

test("a long replay is a sign of life", () => {
  const w = world();
  w.rt.join("a", { history: 50 });
  w.rt.connect();
  w.socket().accept();
  for (let i = 1; i <= 5; i++) {
    w.clock.tick(2500);
    w.socket().event("message", {}, `${i}-0`);
  }
  w.ok(w.socket().asked("join")[0], { cursor: "5-0" });
  assert.deepEqual(w.log.states, ["connecting", "connected:websocket"]);
});

test("without socket.io-client, without WebSocket or without it in the order, SSE is all there is", () => {
  for (const options of [{ io: null }, { WebSocket: null }, { transports: ["sse"] }]) {
    const w = world(options);
    w.rt.join("a");
    w.rt.connect();
    assert.equal(w.sockets.length, 0);
    assert.equal(w.xhrs.length, 1);
  }
});

test("a browser with nothing at all is told so", () => {
  const w = world({ io: null, EventSource: null });
  const joins = [];
  w.rt.join("a", (error) => joins.push(error.code));
  w.rt.connect();
  assert.deepEqual(w.log.errors.map((e) => e.code), ["no_transport"]);
  assert.deepEqual(joins, ["no_transport"]);
  assert.equal(w.rt.state, "closed");
});

test("a WebSocket that worked and broke is tried again first, then SSE from the same position", () => {
  const w = overWebSocket();
  w.socket().event("message", {}, "11-0");
  w.socket().drop();
  assert.equal(w.rt.state, "reconnecting");
  w.clock.tick(500);
  assert.equal(w.sockets.length, 2);
  w.socket().refuse();
  assert.equal(w.xhrs.length, 0, "a room that was joined before needs no GET");
  assert.equal(w.source().url, "/events?room=a&after=11-0");
  w.source().ready({ cursor: "11-0" });
  w.source().message("message", {}, "11-0");
  w.source().message("message", {}, "12-0");
  assert.deepEqual(w.log.messages, ["11-0", "12-0"], "the last id is kept across the switch, doubles are dropped");
  assert.deepEqual(w.log.recovered, [{ cursor: "11-0", transport: "sse" }]);
});

test("what never worked does not stand in the way of what did", () => {
  const w = overSse();
  w.source().fail(2);
  w.clock.tick(500);
  assert.equal(w.sockets.length, 1, "SSE comes first now");
  assert.equal(w.sources.length, 2);
  w.source().fail(2);
  assert.equal(w.sockets.length, 2, "then the others, in case the network has changed");
});

test("rounds without success wait longer each time, and a stable connection makes the wait short again", () => {
  const w = overWebSocket({ transports: ["websocket"], reconnectSchedule: [100, 1000, 10000, 20000] });
  w.clock.tick(60000);
  w.socket().drop();
  for (const wait of [100, 1000, 10000, 20000, 20000]) {
    const before = w.sockets.length;
    w.clock.tick(wait - 1);
    assert.equal(w.sockets.length, before);
    w.clock.tick(1);
    assert.equal(w.sockets.length, before + 1);
    w.socket().refuse();
  }
  w.clock.tick(20000);
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  w.socket().drop(); // lived for an instant only: neither as short as after a good one nor as long as before
  w.clock.tick(9999);
  assert.equal(w.rt.state, "reconnecting");
  const tried = w.sockets.length;
  w.clock.tick(1);
  assert.equal(w.sockets.length, tried + 1);
});

test("connect() while waiting tries at once; connect() while connected does nothing", () => {
  const w = overWebSocket({ transports: ["websocket"] });
  w.rt.connect();
  assert.equal(w.sockets.length, 1);
  w.socket().drop();
  w.rt.connect();
  assert.equal(w.sockets.length, 2);
  w.clock.tick(60000);
  w.rt.close();
});

test("the page can show a countdown", () => {
  const w = world({ transports: ["websocket"] });
  const waits = [];
  w.rt.on("realtime.state", (now) => waits.push(now.retryIn));
  w.rt.join("a");
  w.rt.connect();
  w.socket().refuse();
  assert.deepEqual(waits, [null, 500]);
});

test("close() stops everything, and connect() goes on from the same position", () => {
  const w = overWebSocket();
  const failed = [];
  w.rt.publish("a", 1, (error) => failed.push(error.code));
  w.rt.close();
  assert.equal(w.rt.state, "closed");
  assert.deepEqual(failed, ["closed"]);
  assert.equal(w.clock.timers.size, 0);
  w.sockets[0].event("message", {}, "11-0");
  assert.deepEqual(w.log.messages, [], "a closed connection says nothing any more");
  w.rt.connect();
  w.socket().accept();
  assert.deepEqual(w.socket().asked("join")[0].body, { room: "a", after: "10-0" });
});

test("a listener that throws stops neither the others nor the stream", () => {
  const w = overWebSocket();
  const heard = [];
  w.rt.on("x", () => {
    throw new Error("listener");
  });
  w.rt.on("x", (data) => heard.push(data));
  w.socket().event("x", 1, "11-0");
  assert.throws(() => w.clock.tick(1), /listener/);
  w.socket().event("x", 2, "12-0");
  assert.deepEqual(heard, [1, 2]);
});

test("off takes one listener, or all of an event", () => {
  const w = overWebSocket();
  const heard = [];
  const one = () => heard.push("one");
  w.rt.on("x", one).on("x", () => heard.push("two")).off("x", one);
  w.socket().event("x", 1, "11-0");
  w.rt.off("x");
  w.socket().event("x", 1, "12-0");
  assert.deepEqual(heard, ["two"]);
});

// Networks that hold back, fall silent, come and go; machines that sleep.

import assert from "node:assert/strict";
import { test } from "node:test";
import { QUICK, accept, open, overWebSocket, streaming } from "./clients.mjs";
import { FakePage, world } from "./fakes.mjs";

const codes = (w) => w.log.errors.map((error) => error.code);

test("every stream asks for heartbeats that it can see", () => {
  assert.equal(streaming().source().full, "/events?room=a&after=10-0&heartbeat=event");
});

test("a stream that shows nothing for two heartbeats is given up", () => {
  const w = streaming();
  for (let i = 0; i < 10; i++) {
    w.clock.tick(1000);
    w.source().beat();
  }
  w.clock.tick(1500);
  w.source().message("message", {}, "11-0");
  w.clock.tick(1999);
  assert.equal(w.rt.state, "connected", "a message is a sign of life too");
  w.clock.tick(1);
  assert.deepEqual(codes(w), ["silent"]);
  w.clock.tick(100);
  assert.equal(w.sources.length, 2);
});

test("a stream that is held back is asked for padding, and then left for long poll", () => {
  const w = streaming();
  w.clock.tick(2000);
  w.clock.tick(100);
  assert.match(w.source().full, /&padding=16384$/);
  open(w);
  assert.deepEqual([w.rt.state, w.rt.transport], ["connected", "sse"]);
  w.clock.tick(2000);
  w.clock.tick(100);
  w.xhr().answer(200, { messages: [{ id: "11-0", event: "message", data: 1 }], cursor: "11-0" });
  w.xhr().answer(200, { messages: [], cursor: "11-0" });
  assert.deepEqual([w.rt.state, w.rt.transport], ["connected", "poll"]);
  assert.deepEqual(w.log.messages, ["11-0"]);
});

test("heartbeats that arrive in bunches were held back", () => {
  const w = streaming();
  w.clock.tick(1000);
  w.source().beat();
  for (let i = 0; i < 3; i++) {
    w.clock.tick(1900);
    w.source().beat();
    w.source().beat();
  }
  assert.deepEqual(codes(w), ["bunched"]);
});

test("one delay of the network is no proof of anything", () => {
  const w = streaming();
  w.clock.tick(1900);
  w.source().beat();
  w.source().beat();
  for (let i = 0; i < 20; i++) {
    w.clock.tick(1000);
    w.source().beat();
  }
  assert.deepEqual(codes(w), []);
});

test("what was held back is trusted again only once its heartbeats come", () => {
  const w = streaming({ probeSchedule: [1000] });
  w.clock.tick(2100);
  open(w);
  w.clock.tick(2100);
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  assert.equal(w.rt.transport, "poll");
  w.clock.tick(4000);
  assert.equal(w.sources.length, 3);
  open(w);
  w.clock.tick(2000);
  assert.deepEqual([w.rt.transport, w.source().readyState], ["poll", 2], "opened, but then nothing came");
  w.clock.tick(4000);
  assert.equal(w.sources.length, 4);
  open(w);
  w.clock.tick(900);
  w.source().beat();
  assert.equal(w.rt.transport, "sse");
});

test("a stream that never says ready is left for long poll", () => {
  const w = world({ transports: ["sse", "poll"], ...QUICK });
  w.rt.join("a");
  w.rt.connect();
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  w.clock.tick(10000);
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  assert.equal(w.rt.transport, "poll");
});

test("a machine that slept blames nobody, and what was silent is renewed at once", () => {
  const w = streaming();
  w.clock.time += 60000; // the timers stood still
  w.clock.tick(0);
  assert.deepEqual(codes(w), ["slept"]);
  w.clock.tick(100);
  assert.doesNotMatch(w.source().full, /padding/);

  const socket = overWebSocket();
  socket.clock.time += 60000;
  socket.clock.tick(0);
  assert.equal(socket.sockets.length, 2, "beside the one that may be dead");
  assert.equal(socket.sockets[0].closed, false);
  accept(socket);
  assert.deepEqual([socket.sockets[0].closed, socket.rt.state], [true, "connected"]);
  assert.deepEqual(socket.log.states, ["connecting", "connected:websocket"], "nothing to be seen");
});

test("a connection that slept and can have no successor is dead", () => {
  const w = overWebSocket();
  w.clock.time += 60000;
  w.clock.tick(0);
  w.socket().refuse();
  assert.equal(w.rt.state, "reconnecting");
});

test("a connection that has just given a sign of life is left alone", () => {
  const page = new FakePage();
  const w = overWebSocket({ page });
  w.clock.tick(19000);
  w.socket().event("other", 1, "11-0");
  w.clock.tick(19000);
  page.happen("visibilitychange");
  page.happen("pageshow", { persisted: false });
  assert.equal(w.sockets.length, 1);
  page.happen("pageshow", { persisted: true });
  assert.equal(w.sockets.length, 2, "but not one out of the back/forward cache");
});

test("a page that is put aside holds no connection, and has one at once when it is shown again", () => {
  const page = new FakePage();
  const w = overWebSocket({ page, reconnectSchedule: [30000] });
  page.happen("pagehide", { persisted: false });
  assert.equal(w.socket().closed, false, "one that goes for good needs nothing");
  page.happen("pagehide", { persisted: true });
  assert.deepEqual([w.socket().closed, w.rt.state, codes(w)], [true, "reconnecting", ["aside"]]);
  page.happen("pageshow", { persisted: true });
  accept(w);
  assert.deepEqual([w.sockets.length, w.rt.state], [2, "connected"]);
});

test("offline is believed at once, online at once, and publishes wait for it in order", () => {
  const page = new FakePage();
  const w = overWebSocket({ page, reconnectSchedule: [30000] });
  const ids = [];
  page.happen("offline");
  assert.deepEqual([w.rt.state, codes(w)], ["reconnecting", ["offline"]]);
  for (const n of [1, 2]) w.rt.publish("a", n, (error, result) => ids.push(result.id));
  assert.deepEqual(w.rt.outbox().map((one) => [one.data, one.state]), [[1, "waiting"], [2, "waiting"]]);
  w.clock.tick(10000);
  page.happen("online");
  accept(w);
  w.ok(w.socket().asked("publish")[0], { id: "11-0" });
  w.ok(w.socket().asked("publish")[1], { id: "12-0" });
  assert.deepEqual(ids, ["11-0", "12-0"]);
  w.rt.close();
  assert.deepEqual(page.handlers, {}, "a closed client listens to nothing");
});

test("a waiting client tries at once when the page is shown again or comes online", () => {
  for (const type of ["online", "visibilitychange"]) {
    const page = new FakePage();
    const w = overWebSocket({ page, reconnectSchedule: [30000] });
    w.socket().drop();
    w.clock.tick(1000);
    page.happen(type);
    assert.equal(w.sockets.length, 2, type);
  }
});

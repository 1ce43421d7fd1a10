// A client that has had enough of a server's patience waits as long as it is told, on every transport.

import assert from "node:assert/strict";
import { test } from "node:test";
import { overWebSocket } from "./clients.mjs";
import { world } from "./fakes.mjs";

const MANY = { code: "too_many_connections", message: "you have 3 connections open", retry_after: 30 };

/** The server answers CONNECT with CONNECT_ERROR, as the stock client shows it. */
function turnedAway(w) {
  w.socket().handlers.connect_error(Object.assign(new Error(MANY.message), { data: MANY }));
}

test("a page that has too many connections tries what else there is once, and then waits as it was told", () => {
  const w = world({ reconnectSchedule: [100] });
  w.rt.join("a");
  w.rt.connect();
  turnedAway(w);
  assert.deepEqual(w.log.errors[0], { code: MANY.code, message: MANY.message, transport: "websocket" });
  // The event stream asks for the past first, then long poll does.
  w.xhr().answer(429, { error: { ...MANY, retry_after: 10 } }, { "Retry-After": "10" });
  w.xhr().answer(429, { error: { ...MANY, retry_after: 5 } }, { "Retry-After": "5" });
  const asked = w.xhrs.length;
  w.clock.tick(29999);
  assert.deepEqual([w.sockets.length, w.sources.length, w.xhrs.length], [1, 0, asked]);
  w.clock.tick(1);
  assert.equal(w.sockets.length, 2, "the longest that it was told in this round");
});

test("what one round was told does not hold back the next", () => {
  const w = world({ reconnectSchedule: [100] });
  w.rt.join("a");
  w.rt.connect();
  turnedAway(w);
  for (let i = 0; i < 2; i += 1) w.xhr().answer(503, { error: { code: "bus_unavailable", message: "" } });
  w.clock.tick(30000);
  w.socket().refuse();
  for (let i = 0; i < 2; i += 1) w.xhr().answer(503, { error: { code: "bus_unavailable", message: "" } });
  w.clock.tick(100);
  assert.equal(w.sockets.length, 3);
});

test("a join that comes too early is tried again when it was told to be", () => {
  const w = overWebSocket({ reconnectSchedule: [100] });
  w.rt.join("late");
  w.socket().asked("join").at(-1).ack({ ok: false, error: { code: "rate_limited", message: "", retry_after: 20 } });
  w.clock.tick(19999);
  assert.equal(w.sockets.length, 1);
  w.clock.tick(1);
  assert.equal(w.sockets.length, 2);
});

test("a connection that was closed for what it did stays away as long as it was told", () => {
  const w = overWebSocket({ reconnectSchedule: [100] });
  const told = [];
  w.rt.on("realtime.closing", (data) => told.push(data.reason));
  w.socket().event("realtime.closing", { retry: 10000, reason: "rate_limited" });
  w.socket().drop();
  w.rt.publish("a", 1);
  w.clock.tick(9999);
  assert.equal(w.sockets.length, 1);
  w.clock.tick(1);
  assert.equal(w.sockets.length, 2);
  assert.deepEqual(told, ["rate_limited"]);
});

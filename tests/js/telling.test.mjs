// Servers that speak of themselves: going away, without their bus, well again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { QUICK, accept, open, overWebSocket, streaming } from "./clients.mjs";
import { FakePage, world } from "./fakes.mjs";

test("a server that goes away says when to come back, and is obeyed", () => {
  const page = new FakePage();
  const w = overWebSocket({ page });
  const told = [];
  w.rt.on("realtime.closing", (data) => told.push(data));
  w.socket().event("realtime.closing", { retry: 7000 });
  w.socket().drop();
  page.happen("visibilitychange");
  w.clock.tick(6999);
  assert.equal(w.sockets.length, 1);
  w.clock.tick(1);
  assert.equal(w.sockets.length, 2);
  assert.deepEqual(told, [{ retry: 7000 }]);
  accept(w);
  w.socket().drop();
  w.clock.tick(100);
  assert.equal(w.sockets.length, 3, "only that once");
});

test("a stream whose server asked for a long time is left to the browser for that long", () => {
  const w = streaming();
  w.source().say("realtime.closing", { retry: 20000 });
  w.source().fail(0);
  w.clock.tick(25000);
  assert.equal(w.sources.length, 1);
  open(w);
  assert.equal(w.rt.state, "connected");
});

test("so is one that a long retry keeps away, which only the heartbeats tell a script", () => {
  const w = streaming();
  w.source().say("realtime.heartbeat", { every: 15000, retry: 18000 });
  w.source().fail(0);
  w.clock.tick(27000);
  assert.equal(w.sources.length, 1);
  w.clock.tick(2000);
  assert.equal(w.sources.length, 2, "in vain");
});

test("a server without its bus says so; afterwards what rested goes at once", () => {
  const w = overWebSocket({ publishSchedule: [60000] });
  const told = [];
  w.rt.on("realtime.state", (now) => told.push(now.degraded));
  for (const name of ["degraded", "restored"]) w.rt.on("realtime." + name, () => told.push(name));
  w.socket().event("realtime.degraded", {});
  w.rt.publish("a", 1);
  w.socket().asked("publish")[0].ack({ ok: false, error: { code: "bus_unavailable", message: "", retry_after: 30 } });
  assert.deepEqual(w.rt.outbox().map((one) => [one.state, one.error.code]), [["retrying", "bus_unavailable"]]);
  assert.equal(w.rt.degraded, true);
  w.socket().event("realtime.restored", {});
  assert.equal(w.socket().asked("publish").length, 2);
  assert.deepEqual(told, [true, "degraded", false, "restored"]);
});

test("whose bus is away is said of the connection in use, and of no other", () => {
  const w = world({ transports: ["websocket", "sse"], ...QUICK });
  w.rt.connect();
  w.socket().event("realtime.degraded", {}); // said before the connection is complete
  w.socket().accept();
  assert.deepEqual([w.rt.state, w.rt.degraded], ["connected", true]);
  w.socket().drop();
  assert.equal(w.rt.degraded, false);
  w.clock.tick(100);
  w.socket().accept();
  w.socket().event("realtime.degraded", {});
  w.rt.switchTo("sse");
  assert.deepEqual([w.rt.transport, w.rt.degraded], ["sse", false], "another process may be well");
});

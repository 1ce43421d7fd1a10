// Changing over while messages flow: the new connection has caught up before the old one is let go, in order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./fakes.mjs";

const ALL = ["websocket", "sse", "poll"];

/** A page with one room, connected over WebSocket at position 10-0. */
function overWebSocket(options) {
  const w = world({ transports: ALL, ...options });
  w.told = [];
  w.rt.on("realtime.transport", (now) => w.told.push(now));
  w.rt.join("a");
  w.rt.connect();
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  return w;
}

function overSse(options) {
  const w = world({ transports: ALL, ...options });
  w.rt.join("a");
  w.rt.connect();
  w.socket().refuse();
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  w.source().ready({ cursor: "10-0" });
  return w;
}

test("both deliver meanwhile; what the new one brings is held back until the old one is silenced", () => {
  const w = overWebSocket();
  const errors = [];
  w.socket().event("message", {}, "11-0");
  w.rt.switchTo("sse", (error) => errors.push(error));
  assert.equal(w.source().url, "/events?room=a&after=11-0");
  w.source().message("message", {}, "12-0");
  w.source().message("message", {}, "13-0");
  assert.deepEqual(w.log.messages, ["11-0"], "held");
  w.socket().event("message", {}, "12-0");
  assert.deepEqual(w.log.messages, ["11-0", "12-0"], "the old one goes on");
  assert.equal(w.socket().closed, false);
  w.source().ready({ cursor: "11-0" });
  assert.equal(w.socket().closed, true);
  assert.deepEqual(w.log.messages, ["11-0", "12-0", "13-0"]);
  w.socket().event("message", {}, "14-0");
  w.source().message("message", {}, "14-0");
  assert.deepEqual(w.log.messages, ["11-0", "12-0", "13-0", "14-0"]);
  assert.deepEqual(errors, [null]);
  assert.deepEqual(w.log.states, ["connecting", "connected:websocket", "connected:sse"], "never away");
  assert.deepEqual(w.told, [
    { transport: "websocket", from: null, seamless: false },
    { transport: "sse", from: "websocket", seamless: true },
  ]);
});

test("an old connection that is ahead of the new one doubles nothing", () => {
  const w = overWebSocket();
  w.rt.switchTo("sse");
  w.source().ready({ cursor: "10-0" });
  assert.deepEqual(w.rt.transport, "sse");
  w.rt.switchTo("websocket");
  const socket = w.socket();
  socket.accept();
  assert.deepEqual(socket.asked("join")[0].body, { room: "a", after: "10-0" });
  for (const id of ["11-0", "12-0", "13-0"]) w.source().message("message", {}, id);
  socket.event("message", {}, "11-0");
  w.ok(socket.asked("join")[0], { cursor: "11-0" });
  assert.equal(w.rt.transport, "sse", "not before it has caught up");
  socket.event("message", {}, "12-0");
  assert.equal(w.rt.transport, "sse");
  socket.event("message", {}, "13-0");
  assert.equal(w.rt.transport, "websocket");
  socket.event("message", {}, "14-0");
  assert.deepEqual(w.log.messages, ["11-0", "12-0", "13-0", "14-0"]);
  assert.equal(w.source().readyState, 2);
});

test("rooms that are replayed one after the other are handed on in one order", () => {
  const w = overSse();
  w.rt.join("b");
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  w.source().ready({ cursor: "10-0" });
  w.rt.switchTo("websocket");
  const socket = w.socket();
  socket.accept();
  const [a, b] = socket.asked("join");
  socket.event("message", {}, "20-0");
  socket.event("message", {}, "40-0");
  w.ok(a, { cursor: "40-0" });
  socket.event("message", {}, "30-0");
  w.ok(b, { cursor: "45-0" });
  assert.deepEqual(w.log.messages, ["20-0", "30-0", "40-0"]);
  socket.drop();
  w.clock.tick(500);
  w.socket().accept();
  assert.deepEqual(w.socket().asked("join").map((r) => r.body.after), ["40-0", "45-0"], "from where each room is");
});

test("the old connection may die in between; the new one still brings everything", () => {
  const w = overWebSocket();
  w.rt.switchTo("sse");
  w.socket().event("message", {}, "11-0");
  w.source().message("message", {}, "11-0");
  w.source().message("message", {}, "12-0");
  w.socket().drop();
  assert.equal(w.rt.state, "reconnecting");
  w.source().ready({ cursor: "10-0" });
  assert.deepEqual(w.log.messages, ["11-0", "12-0"]);
  assert.deepEqual([w.rt.state, w.rt.transport], ["connected", "sse"]);
  assert.equal(w.sockets.length, 1);
});

test("what the log does not keep holds a change up only for a moment", () => {
  const w = overWebSocket();
  w.rt.switchTo("sse");
  w.socket().event("typing", {}, "15-0");
  w.source().ready({ cursor: "10-0" });
  w.source().message("message", {}, "11-0");
  w.clock.tick(999);
  assert.equal(w.rt.transport, "websocket");
  w.clock.tick(1);
  assert.equal(w.rt.transport, "sse");
  assert.deepEqual(w.log.messages, ["11-0"]);
});

test("an old connection that dies while the new one catches up is let go at once", () => {
  const w = overWebSocket();
  w.socket().event("message", {}, "11-0");
  w.rt.switchTo("sse");
  w.socket().event("message", {}, "12-0");
  w.source().ready({ cursor: "11-0" });
  assert.equal(w.rt.transport, "websocket");
  w.socket().drop();
  assert.deepEqual([w.rt.state, w.rt.transport], ["connected", "sse"]);
  w.source().message("message", {}, "12-0");
  w.source().message("message", {}, "13-0");
  assert.deepEqual(w.log.messages, ["11-0", "12-0", "13-0"]);
  assert.equal(w.clock.timers.size, 1, "only the watcher goes on");
});

test("a new connection that cannot have everything is not taken while the old one is well", () => {
  const w = overWebSocket();
  const errors = [];
  w.rt.switchTo("sse", (error) => errors.push(error.code));
  w.source().ready({ recovered: false, cursor: "50-0" });
  assert.deepEqual(errors, ["not_recovered"]);
  assert.deepEqual([w.rt.transport, w.source().readyState], ["websocket", 2]);
  assert.deepEqual(w.log.resets, []);
  w.socket().event("message", {}, "51-0");
  assert.deepEqual(w.log.messages, ["51-0"]);
});

test("a publish that is under way goes on with the same key and is answered once", () => {
  const w = overWebSocket();
  const answers = [];
  const key = w.rt.publish("a", 1, (error, result) => answers.push(result.id));
  w.rt.publish("a", 2, (error, result) => answers.push(result.id));
  w.rt.switchTo("sse");
  w.source().ready({ cursor: "10-0" });
  assert.deepEqual(w.xhr().body, { event: "message", data: 1, key });
  assert.equal(w.xhrs.length, 1, "2 does not overtake 1");
  w.ok(w.socket().asked("publish")[0], { id: "11-0" });
  w.xhrs[0].answer(200, { id: "11-0" });
  w.xhrs[1].answer(201, { id: "12-0" });
  assert.deepEqual(answers, ["11-0", "12-0"]);
});

test("rooms joined or left meanwhile are right afterwards", () => {
  const w = overSse();
  w.rt.join("b");
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  w.source().ready({ cursor: "10-0" });
  w.rt.switchTo("websocket");
  w.socket().accept();
  w.rt.join("c", { history: 3 });
  w.rt.leave("b");
  const socket = w.socket();
  assert.equal(w.sockets.length, 2 + 1, "the trial begins again without the room");
  socket.accept();
  assert.deepEqual(socket.asked("join").map((r) => r.body.room), ["a"]);
  w.ok(socket.asked("join")[0], { cursor: "12-0" });
  assert.deepEqual(socket.asked("join")[1].body, { room: "c", history: 3 });
});

test("switchTo refuses what this browser has not, and waits for a connection where there is none", () => {
  const w = world({ transports: ALL });
  const said = [];
  w.rt.switchTo("telepathy", (error) => said.push(error.code));
  w.rt.join("a");
  w.rt.switchTo("poll", (error) => said.push(error));
  w.rt.connect();
  assert.equal(w.sockets.length, 0, "what was asked for comes first");
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  assert.deepEqual(said, ["no_transport", null]);
  assert.equal(w.rt.transport, "poll");
});

test("from a lesser transport the better ones are tried beside it, ever more seldom", () => {
  const w = overSse({ probeSchedule: [1000, 5000] });
  assert.equal(w.sockets.length, 1);
  w.clock.tick(3999);
  assert.equal(w.sockets.length, 1, "not before the connection has proven stable");
  w.clock.tick(1);
  assert.equal(w.sockets.length, 2);
  w.socket().refuse();
  assert.deepEqual([w.rt.state, w.rt.transport, w.log.errors.length], ["connected", "sse", 1], "nothing is noticed");
  w.clock.tick(8000);
  assert.equal(w.sockets.length, 3);
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  assert.equal(w.rt.transport, "websocket");
  w.clock.tick(600000);
  assert.equal(w.sockets.length, 3, "nothing is better than the best");
});

test("who has chosen a transport is not moved, until the choice is taken back", () => {
  const w = overWebSocket({ probeSchedule: [1000] });
  w.rt.switchTo("sse");
  w.source().ready({ cursor: "10-0" });
  w.clock.tick(600000);
  assert.equal(w.sockets.length, 1);
  w.rt.switchTo(null);
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  assert.equal(w.rt.transport, "websocket");
});

test("a change-over in the middle of a poll's answer hands on the rest of it", () => {
  const w = overWebSocket();
  w.rt.switchTo("poll");
  w.socket().event("message", {}, "11-0");
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  assert.equal(w.rt.transport, "websocket", "11-0 is still to come");
  const messages = ["11-0", "12-0", "13-0"].map((id) => ({ id, event: "message", data: 1 }));
  w.xhr().answer(200, { messages, cursor: "13-0" });
  assert.deepEqual([w.rt.transport, w.log.messages], ["poll", ["11-0", "12-0", "13-0"]]);
  w.clock.tick(100);
  assert.match(w.xhr().url, /after=13-0/);
});

test("close() in the middle ends both", () => {
  const w = overWebSocket();
  const errors = [];
  w.rt.switchTo("sse", (error) => errors.push(error.code));
  w.rt.close();
  assert.deepEqual(errors, ["closed"]);
  assert.ok(w.socket().closed && w.source().readyState === 2);
  assert.equal(w.clock.timers.size, 0);
});

// Transient messages: sent at once or not at all, heard without an id, and they move no position.

import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./fakes.mjs";

function talking(options) {
  const w = world(options);
  w.heard = [];
  w.answers = [];
  w.answer = (error, result) => w.answers.push(error ? error.code : result);
  w.rt.on("typing", (data, id) => w.heard.push([data, id]));
  w.rt.join("a");
  w.rt.connect();
  return w;
}

function overSocket() {
  const w = talking();
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  return w;
}

function overStream() {
  const w = talking({ transports: ["sse"] });
  w.xhr().answer(200, { messages: [], cursor: "10-0", recovered: true });
  w.source().ready({ cursor: "10-0" });
  return w;
}

test("over a WebSocket it is published without a key and answered", () => {
  const w = overSocket();
  assert.equal(w.rt.publish("a", { x: 1 }, { event: "typing", transient: true }, w.answer), null);
  const [sent] = w.socket().asked("publish");
  assert.deepEqual(sent.body, { room: "a", event: "typing", data: { x: 1 }, transient: true });
  w.ok(sent, {});
  assert.deepEqual(w.answers, [{}]);
  assert.deepEqual(w.rt.outbox(), []);
  w.rt.close();
  assert.equal(w.clock.timers.size, 0, "no timer is left behind");
});

test("over an event stream it is posted", () => {
  const w = overStream();
  w.rt.publish("a", 1, { event: "typing", transient: true }, w.answer);
  assert.deepEqual([w.xhr().method, w.xhr().url], ["POST", "/rooms/a/messages"]);
  assert.deepEqual(w.xhr().body, { event: "typing", data: 1, transient: true });
  w.xhr().answer(202, { transient: true });
  assert.deepEqual(w.answers, [{}]);
});

test("without a connection it fails, and what stays without an answer or is refused fails too", () => {
  const w = talking();
  w.rt.publish("a", 1, { transient: true }, w.answer);
  w.clock.tick(0);
  assert.deepEqual(w.answers, ["offline"]);
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  assert.equal(w.socket().asked("publish").length, 0);
  w.rt.publish("a", 2, { transient: true }, w.answer);
  w.clock.tick(5000);
  assert.deepEqual(w.answers, ["offline", "no_answer"]);
  w.rt.publish("a", 3, { transient: true }, w.answer);
  w.socket().asked("publish")[1].ack({ ok: false, error: { code: "forbidden", message: "no" } });
  w.rt.publish("a", undefined, { transient: true }, w.answer);
  w.clock.tick(0);
  assert.deepEqual(w.answers.slice(2), ["forbidden", "invalid_value"]);
});

test("over a WebSocket it is heard with null for its id, strings too", () => {
  const w = overSocket();
  w.socket().event("typing", { x: 1 });
  w.socket().event("typing", "Ann", null);
  w.socket().event("typing", "10-5", null);
  assert.deepEqual(w.heard, [[{ x: 1 }, null], ["Ann", null], ["10-5", null]]);
});

test("over an event stream it is heard although it bears the id of the message before it", () => {
  const w = overStream();
  w.rt.on("message", () => {});
  w.source().message("typing", 1, "");
  w.source().message("message", {}, "11-0");
  w.source().message("typing", 2, "11-0");
  w.source().message("typing", 3, "11-0");
  w.source().message("typing", 4, "12-0");
  assert.deepEqual(w.heard, [[1, null], [2, null], [3, null], [4, "12-0"]]);
});

const ann = { user: null, name: "Ann", connections: 1, transports: ["sse"] };
const ben = { user: "ben", name: null, connections: 1, transports: ["websocket"] };
const change = (more) => ({ room: "a", joined: [], left: [], changed: [], viewers: 0, total: 1, ...more });

test("a room is joined under a name on every transport, and again after a break", () => {
  const w = world();
  w.rt.join("a", { history: 1, name: "Ann" });
  w.rt.connect();
  w.socket().accept();
  assert.deepEqual(w.socket().asked("join")[0].body, { room: "a", history: 1, name: "Ann" });
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  w.rt.join("a", { name: "Anna" });
  assert.deepEqual(w.socket().asked("join")[1].body, { room: "a", name: "Anna" });
  w.rt.join("a", { name: "Anna" });
  assert.equal(w.socket().asked("join").length, 2, "nothing is different");
  w.socket().drop();
  w.clock.tick(500);
  w.socket().accept();
  assert.deepEqual(w.socket().asked("join")[0].body, { room: "a", after: "10-0", name: "Anna" });
});

test("a name that changes while a room is being joined, or as soon as it is, is told after it", () => {
  const w = world();
  const names = () => w.socket().asked("join").map((one) => one.body.name);
  w.rt.join("a", { name: "Ann" }, () => w.rt.join("a", { name: "Cleo" }));
  w.rt.connect();
  w.socket().accept();
  w.rt.join("a", { name: "Bea" });
  assert.deepEqual(names(), ["Ann"]);
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  assert.deepEqual(names(), ["Ann", "Cleo"]);
  w.rt.join("b", { name: "Dora" });
  w.rt.leave("b");
  w.ok(w.socket().asked("join")[2], { cursor: "10-0" });
  assert.deepEqual(names(), ["Ann", "Cleo", "Dora"], "and not into a room that was left");
});

test("an event stream has one name, and is opened anew under another", () => {
  const w = talking({ transports: ["sse"] });
  w.rt.join("b", { name: "Ann B" });
  w.xhrs[0].answer(200, { messages: [], cursor: "10-0", recovered: true });
  w.xhrs[1].answer(200, { messages: [], cursor: "10-0", recovered: true });
  assert.match(w.source().url, /&name=Ann%20B/);
  w.source().ready({ cursor: "10-0" });
  w.rt.join("b", { name: "Bea" });
  assert.equal(w.sources.length, 2);
  assert.match(w.source().url, /&name=Bea/);
});

test("who is there is answered with what was told meanwhile", () => {
  const w = overSocket();
  let found;
  w.rt.presence("a", (error, answer) => (found = error || answer));
  assert.deepEqual([w.xhr().method, w.xhr().url], ["GET", "/rooms/a/presence"]);
  w.socket().event("realtime.presence", change({ left: [ann], joined: [ben], viewers: 2 }));
  w.socket().event("realtime.presence", change({ room: "other", left: [ben] }));
  w.xhr().answer(200, { room: "a", members: [ann], viewers: 1, total: 1 });
  assert.deepEqual(found, { members: [ben], viewers: 2, total: 1 });
  w.rt.presence("a", (error, answer) => (found = error || answer));
  w.xhr().answer(403, { error: { code: "forbidden", message: "no" } });
  assert.deepEqual(found, { code: "forbidden", message: "no" });
});

test("changes are heard over a WebSocket and over an event stream", () => {
  for (const w of [overSocket(), overStream()]) {
    const heard = [];
    w.rt.on("realtime.presence", (now) => heard.push(now));
    const told = change({ joined: [ann] });
    if (w.sockets.length) w.socket().event("realtime.presence", told);
    else w.source().say("realtime.presence", told);
    assert.deepEqual(heard, [told]);
  }
});

test("over long poll who is there is asked for now and then, and only while somebody listens", () => {
  const w = world({ transports: ["poll"], pollWait: 600 });
  w.rt.join("a", { name: "Ann" });
  w.rt.connect();
  w.xhr().answer(200, { messages: [], cursor: "10-0", recovered: true });
  assert.match(w.xhr().url, /&name=Ann/);
  const asked = () => w.xhrs.filter((xhr) => xhr.url === "/rooms/a/presence");
  w.clock.tick(5000);
  assert.equal(asked().length, 0);
  const heard = [];
  const listen = (now) => heard.push(now);
  w.rt.on("realtime.presence", listen);
  const answers = [[ann], [ann, ben], [ann, ben], [{ ...ann, connections: 2 }]];
  answers.forEach((members, number) => {
    w.clock.tick(5000);
    assert.equal(asked().length, number + 1);
    asked()[number].answer(200, { room: "a", members, viewers: 0, total: members.length });
  });
  assert.deepEqual(heard, [
    change({ joined: [ann] }),
    change({ joined: [ben], total: 2 }),
    change({ changed: [{ ...ann, connections: 2 }], left: [ben] }),
  ]);
  w.clock.tick(5000);
  asked()[4].answer(503, { error: { code: "bus_unavailable", message: "away" } });
  w.clock.tick(5000);
  asked()[5].answer(404, { error: { code: "not_found", message: "off" } });
  w.clock.tick(20000);
  assert.equal(asked().length, 6, "what is refused is not asked for again");
  w.rt.off("realtime.presence", listen);
  w.rt.close();
  assert.equal(w.clock.timers.size, 0, "no timer is left behind");
});

// Publishing: sent again with the same key over whatever transport there is, bounded, in order, answered once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./fakes.mjs";

function connected(options) {
  const w = world(options);
  w.answers = [];
  w.answer = (error, result) => w.answers.push(error ? error.code : result.id);
  w.rt.join("a");
  w.rt.connect();
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  w.published = () => w.sockets.flatMap((socket) => socket.asked("publish"));
  return w;
}

test("a publish is answered with id and key", () => {
  const w = connected();
  let result;
  const key = w.rt.publish("a", { x: 1 }, { event: "e" }, (error, given) => (result = given));
  const [sent] = w.published();
  assert.deepEqual(sent.body, { room: "a", event: "e", data: { x: 1 }, key });
  w.ok(sent, { id: "11-0" });
  assert.deepEqual(result, { id: "11-0", key });
  assert.deepEqual(w.rt.outbox(), []);
  w.rt.close();
  assert.equal(w.clock.timers.size, 0, "no timer is left behind");
});

test("no answer: sent again with the same key, over the transport there is by then", () => {
  const w = connected();
  const key = w.rt.publish("a", 1, w.answer);
  w.clock.tick(5000);
  w.clock.tick(300);
  assert.equal(w.published().length, 2);
  w.socket().drop();
  w.clock.tick(500);
  w.socket().refuse(); // no WebSocket any more
  w.source().ready({});
  assert.deepEqual([w.xhr().method, w.xhr().url], ["POST", "/rooms/a/messages"]);
  assert.deepEqual(w.xhr().body, { event: "message", data: 1, key });
  w.xhr().answer(200, { id: "11-0" });
  assert.deepEqual(w.answers, ["11-0"]);
  assert.deepEqual([...new Set(w.published().map((sent) => sent.body.key))], [key]);
});

test("an answer that comes late is still an answer, and the only one", () => {
  const w = connected();
  w.rt.publish("a", 1, w.answer);
  w.clock.tick(5300);
  const [first, second] = w.published();
  w.ok(first, { id: "11-0" });
  w.ok(second, { id: "11-0" });
  assert.deepEqual(w.answers, ["11-0"]);
});

test("a refusal is final, trouble is not, patience is honoured", () => {
  const w = connected();
  w.rt.publish("a", 1, w.answer);
  w.published()[0].ack({ ok: false, error: { code: "too_large", message: "" } });
  assert.deepEqual(w.answers, ["too_large"]);
  w.rt.publish("a", 2, w.answer);
  w.published()[1].ack({ ok: false, error: { code: "bus_unavailable", message: "", retry_after: 2 } });
  w.clock.tick(1999);
  assert.equal(w.published().length, 2);
  w.clock.tick(1);
  w.ok(w.published()[2], { id: "12-0" });
  assert.deepEqual(w.answers, ["too_large", "12-0"]);
});

test("Retry-After of a 429 is honoured over HTTP", () => {
  const w = world({ transports: ["sse"] });
  w.rt.connect();
  const answers = [];
  w.rt.publish("a", 1, (error, result) => answers.push(result.id));
  w.xhr().answer(429, { error: { code: "too_many_requests", message: "" } }, { "Retry-After": "3" });
  w.clock.tick(2999);
  assert.equal(w.xhrs.length, 1);
  w.clock.tick(1);
  assert.equal(w.xhrs[1].body.key, w.xhrs[0].body.key);
  w.xhr().answer(201, { id: "1-0" });
  assert.deepEqual(answers, ["1-0"]);
});

test("tries are bounded; the error says why, with the key to try again by hand", () => {
  const w = connected();
  let failure;
  const key = w.rt.publish("a", 1, (error) => (failure = error));
  for (let i = 0; i < 5; i++) {
    assert.equal(w.published().length, i + 1);
    w.published()[i].ack({ ok: false, error: { code: "internal", message: "broken" } });
    w.clock.tick(4000);
  }
  assert.deepEqual(failure, { code: "internal", message: "broken", key });
  w.clock.tick(60000);
  assert.equal(w.published().length, 5);
  w.rt.publish("a", 1, { key }, w.answer);
  assert.equal(w.published()[5].body.key, key);
});

test("time is bounded, also without a connection", () => {
  const w = world({ transports: ["websocket"] });
  let failure;
  w.rt.publish("a", 1, (error) => (failure = error));
  w.rt.connect();
  w.clock.tick(119999);
  assert.equal(failure, undefined);
  w.clock.tick(1);
  assert.equal(failure.code, "timeout");
});

test("the box is bounded", () => {
  const w = world({ outboxLimit: 2 });
  const codes = [];
  for (let i = 0; i < 3; i++) w.rt.publish("a", i, (error) => codes.push(error.code));
  w.clock.tick(1);
  assert.deepEqual(codes, ["outbox_full"]);
});

test("what is given later is not what was given then, and what is no JSON is refused", () => {
  const w = world();
  const codes = [];
  const circle = {};
  circle.circle = circle;
  for (const bad of [circle, undefined, () => {}]) w.rt.publish("a", bad, (error) => codes.push(error.code));
  const data = { n: 1 };
  w.rt.publish("a", data);
  data.n = 2;
  w.rt.connect();
  w.socket().accept();
  assert.deepEqual(w.socket().asked("publish")[0].body.data, { n: 1 });
  w.clock.tick(1);
  assert.deepEqual(codes, ["invalid_value", "invalid_value", "invalid_value"]);
});

test("messages for one room keep their order, rooms do not wait for each other", () => {
  const w = connected();
  w.rt.publish("a", 1, w.answer);
  w.rt.publish("a", 2, w.answer);
  w.rt.publish("b", 3, w.answer);
  assert.deepEqual(w.published().map((sent) => sent.body.data), [1, 3]);
  w.published()[0].ack({ ok: false, error: { code: "internal", message: "" } });
  assert.equal(w.published().length, 2, "2 does not overtake 1");
  w.clock.tick(300);
  w.ok(w.published()[2], { id: "11-0" });
  assert.deepEqual(w.published().map((sent) => sent.body.data), [1, 3, 1, 2]);
});

test("a connection that is open but mute is given up", () => {
  const w = connected();
  w.rt.publish("a", 1, w.answer);
  w.clock.tick(5000 + 300 + 5000);
  assert.ok(w.sockets[0].closed);
  assert.equal(w.log.errors[0].code, "mute");
  w.clock.tick(500);
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  w.clock.tick(1000);
  w.ok(w.socket().asked("publish")[0], { id: "11-0" });
  assert.deepEqual(w.answers, ["11-0"]);
});

test("a publish while disconnected waits for the connection", () => {
  const w = connected();
  w.socket().drop();
  w.rt.publish("a", 1, w.answer);
  w.clock.tick(500);
  w.socket().accept();
  assert.equal(w.socket().asked("publish").length, 0, "rooms first");
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  w.ok(w.socket().asked("publish")[0], { id: "11-0" });
  assert.deepEqual(w.answers, ["11-0"]);
});

test("an outage is waited out, however often it is told", () => {
  const w = connected({ publishSchedule: [1000] });
  w.rt.publish("a", 1, w.answer);
  for (let i = 0; i < 12; i++) {
    w.published()[i].ack({ ok: false, error: { code: "bus_unavailable", message: "" } });
    w.clock.tick(1000);
    assert.equal(w.published().length, i + 2);
  }
  w.ok(w.published()[12], { id: "11-0" });
  assert.deepEqual(w.answers, ["11-0"]);
});

test("a server that asks for patience gets it for everything", () => {
  const w = connected();
  for (const room of ["a", "b", "c"]) w.rt.publish(room, 1);
  w.published()[0].ack({ ok: false, error: { code: "rate_limited", message: "", retry_after: 20 } });
  w.published()[1].ack({ ok: false, error: { code: "rate_limited", message: "", retry_after: 2 } });
  w.ok(w.published()[2], { id: "11-0" });
  w.rt.publish("c", 2);
  w.clock.tick(19999);
  assert.equal(w.published().length, 3);
  w.clock.tick(1);
  assert.deepEqual(w.published().slice(3).map((sent) => sent.body.room), ["a", "b", "c"]);
});

test("every change in the box is told", () => {
  const w = connected();
  const told = [];
  w.rt.on("realtime.outbox", (now) => told.push([now.state, now.size, now.error && now.error.code]));
  const key = w.rt.publish("a", 1);
  w.published()[0].ack({ ok: false, error: { code: "bus_unavailable", message: "" } });
  const [seen] = w.rt.outbox();
  assert.deepEqual([seen.key, seen.room, seen.event, seen.data, seen.tries], [key, "a", "message", 1, 1]);
  w.clock.tick(300);
  w.ok(w.published()[1], { id: "11-0" });
  w.rt.publish("a", 2);
  w.published()[2].ack({ ok: false, error: { code: "too_large", message: "" } });
  assert.deepEqual(told, [
    ["waiting", 1, null],
    ["sent", 1, null],
    ["retrying", 1, "bus_unavailable"],
    ["waiting", 1, null],
    ["sent", 1, null],
    ["accepted", 0, null],
    ["waiting", 1, null],
    ["sent", 1, null],
    ["failed", 0, "too_large"],
  ]);
});

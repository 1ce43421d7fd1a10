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

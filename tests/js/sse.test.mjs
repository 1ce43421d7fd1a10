// The SSE transport: a native EventSource that behaves as browsers do, and plain HTTP beside it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./fakes.mjs";

function streaming(room = "a", options = {}) {
  const w = world({ transports: ["sse"] });
  w.rt.join(room, options);
  w.rt.connect();
  w.xhr().answer(200, { messages: [], cursor: "10-0", recovered: true });
  w.source().ready({ cursor: "10-0" });
  return w;
}

test("an EventSource that gave up is replaced by a new one with after=", () => {
  const w = streaming();
  w.source().message("message", {}, "11-0");
  w.source().fail(2);
  assert.equal(w.rt.state, "reconnecting");
  assert.equal(w.sources.length, 1);
  w.clock.tick(500);
  assert.equal(w.sources.length, 2);
  assert.equal(w.source().url, "/events?room=a&after=11-0");
  w.source().fail(2);
  assert.equal(w.sources.length, 2, "a server that refuses is not asked again at once");
  w.clock.tick(1000);
  assert.equal(w.sources.length, 3);
  w.source().ready({ cursor: "11-0" });
  assert.deepEqual(w.log.recovered, [{ cursor: "11-0", transport: "sse" }]);
});

test("an EventSource that comes back by itself is left to it, for a while", () => {
  const w = streaming();
  w.source().fail(0);
  assert.deepEqual([w.rt.state, w.rt.transport], ["reconnecting", null]);
  w.clock.tick(3000);
  w.source().fail(0);
  w.source().ready({ cursor: "10-0" });
  assert.deepEqual([w.rt.state, w.rt.transport, w.sources.length], ["connected", "sse", 1]);
  w.source().fail(0);
  w.clock.tick(10000 + 500);
  assert.equal(w.sources.length, 2);
  assert.equal(w.sources[0].readyState, 2);
});

test("application events may be called error and open", () => {
  const w = streaming();
  const heard = [];
  w.rt.on("error", (data) => heard.push(["error", data]));
  w.rt.on("open", (data) => heard.push(["open", data]));
  w.source().message("error", "mine", "11-0");
  w.source().message("open", "mine too", "12-0");
  w.source().dispatch("open", {});
  assert.deepEqual(heard, [["error", "mine"], ["open", "mine too"]]);
  assert.equal(w.rt.state, "connected");
});

test("events are heard whose names are registered after the stream was opened, each once", () => {
  const w = streaming();
  const heard = [];
  w.rt.on("late", (data) => heard.push(data));
  w.rt.on("late", (data) => heard.push(data));
  w.source().message("late", 1, "11-0");
  assert.deepEqual(heard, [1, 1]);
  assert.equal(w.source().listeners.late.length, 1);
});

test("history comes by GET and the stream goes on from the cursor of that answer", () => {
  const w = world({ transports: ["sse"] });
  const answers = [];
  w.rt.join("tea & co", { history: 2 }, (error, answer) => answers.push(answer));
  w.rt.connect();
  assert.equal(w.xhr().url, "/rooms/tea%20%26%20co/messages?limit=2");
  w.xhr().answer(200, {
    messages: [{ id: "7-0", event: "message", data: 1 }, { id: "8-0", event: "message", data: 2 }],
    cursor: "9-0",
  });
  assert.equal(w.source().url, "/events?room=tea%20%26%20co&after=9-0");
  assert.deepEqual(answers, []);
  w.source().ready({ cursor: "9-0" });
  assert.deepEqual(answers, [{ recovered: true, cursor: "9-0" }]);
  w.source().message("message", {}, "8-0");
  assert.deepEqual(w.log.messages, ["7-0", "8-0"]);
});

test("a room entered later: the stream is opened again from the position of before its GET", () => {
  const w = streaming();
  w.source().message("message", {}, "11-0");
  w.rt.join("b", { history: 5 });
  assert.equal(w.sources.length, 1, "the old stream goes on until the history is here");
  w.source().message("message", {}, "12-0");
  // 12-0 and 13-0: a message of b that the GET missed may stand between them.
  w.xhr().answer(200, { messages: [{ id: "6-0", event: "message", data: 1 }], cursor: "13-0" });
  assert.ok(w.sources[0].readyState === 2);
  assert.equal(w.source().url, "/events?room=a&room=b&after=11-0");
  w.source().ready({ cursor: "11-0" });
  w.source().message("message", {}, "12-0");
  w.source().message("message", {}, "13-0");
  assert.deepEqual(w.log.messages, ["11-0", "12-0", "6-0", "13-0"]);
  w.sources[0].message("message", {}, "99-0");
  assert.equal(w.log.messages.length, 4, "the old stream is not heard any more");
});

test("a busy room entered while the others were quiet does not replay what nobody asked for", () => {
  const w = streaming();
  w.rt.join("busy", { history: 2 });
  w.rt.join("idle");
  const [, busy, idle] = w.xhrs;
  busy.answer(200, {
    messages: [{ id: "90-0", event: "message", data: 1 }, { id: "91-0", event: "message", data: 2 }],
    cursor: "95-0",
  });
  assert.equal(w.sources.length, 1);
  assert.equal(idle, undefined, "a join that comes later has its own turn");
  // Between 10-0 and 90-0 there may be any number of messages of the busy room. Room a is brought up to 95-0 instead.
  assert.equal(w.xhr().url, "/rooms/a/messages?after=10-0&limit=200");
  w.xhr().answer(200, { messages: [{ id: "93-0", event: "message", data: 3 }], cursor: "93-0" });
  assert.equal(w.xhr().url, "/rooms/a/messages?after=93-0&limit=200");
  w.source().message("message", {}, "93-0"); // the old stream is still there
  w.xhr().answer(200, { messages: [], cursor: "96-0" });
  assert.equal(w.xhr().url, "/rooms/idle/messages?limit=1");
  w.xhr().answer(200, { messages: [{ id: "20-0", event: "message", data: 4 }], cursor: "97-0" });
  assert.equal(w.source().url, "/events?room=a&room=busy&room=idle&after=95-0");
  w.source().ready({ cursor: "95-0" });
  w.source().message("message", {}, "98-0");
  assert.deepEqual(w.log.messages, ["90-0", "91-0", "93-0", "98-0"]);
  assert.deepEqual(w.log.resets, []);
});

test("several busy rooms at once start from one position, in order", () => {
  const w = world({ transports: ["sse"] });
  w.rt.join("x", { history: 1 });
  w.rt.join("y", { history: 1 });
  w.rt.connect();
  const [x, y] = w.xhrs;
  y.answer(200, { messages: [{ id: "20-0", event: "message", data: 1 }], cursor: "21-0" });
  x.answer(200, { messages: [{ id: "9-0", event: "message", data: 1 }], cursor: "12-0" });
  // From 12-0 the stream would replay what y got before 20-0: so x is brought up to 21-0.
  assert.equal(w.xhr().url, "/rooms/x/messages?after=12-0&limit=200");
  w.xhr().answer(200, { messages: [{ id: "15-0", event: "message", data: 1 }], cursor: "15-0" });
  w.xhr().answer(200, { messages: [], cursor: "22-0" });
  assert.equal(w.source().url, "/events?room=x&room=y&after=21-0");
});

test("a hole in a quiet room that shows while it is brought up is told", () => {
  const w = streaming();
  w.rt.join("busy", { history: 1 });
  w.xhr().answer(200, { messages: [{ id: "90-0", event: "message", data: 1 }], cursor: "95-0" });
  w.xhr().answer(200, { messages: [], cursor: "95-0", recovered: false });
  w.source().ready({ cursor: "95-0" });
  assert.deepEqual(w.log.resets, [{ cursor: "95-0" }]);
});

test("after: everything since an id comes page by page", () => {
  const w = world({ transports: ["sse"] });
  let answer;
  w.rt.join("a", { after: "1-0" }, (error, given) => (answer = given));
  w.rt.connect();
  assert.equal(w.xhr().url, "/rooms/a/messages?after=1-0&limit=200");
  w.xhr().answer(200, { messages: [{ id: "2-0", event: "message", data: 1 }], cursor: "2-0", recovered: false });
  assert.equal(w.xhr().url, "/rooms/a/messages?after=2-0&limit=200");
  w.xhr().answer(200, { messages: [], cursor: "9-0", recovered: true });
  assert.equal(w.source().url, "/events?room=a&after=9-0");
  w.source().ready({ cursor: "9-0" });
  assert.equal(answer.recovered, false, "a hole in the first page stays a hole");
  assert.deepEqual(w.log.resets, [], "and it is that room's business");
});

test("a refused room is told apart from a refused stream", () => {
  const w = streaming();
  let refusal;
  w.rt.join("b!", (error) => (refusal = error));
  w.xhr().answer(422, { error: { code: "invalid_value", message: "not a room" } });
  assert.equal(refusal.code, "invalid_value");
  assert.equal(w.source().url, "/events?room=a&after=10-0");
  assert.deepEqual(Object.keys(w.rt._rooms), ["a"]);
});

test("a server in trouble while a room is entered means coming back, not giving up", () => {
  const w = streaming();
  w.rt.join("b");
  w.xhr().answer(503, { error: { code: "bus_unavailable", message: "" } });
  assert.equal(w.rt.state, "reconnecting");
  w.clock.tick(500);
  w.xhr().answer(200, { messages: [], cursor: "12-0" });
  assert.equal(w.source().url, "/events?room=a&room=b&after=10-0");
});

test("leaving opens the stream without the room; without any room there is no stream", () => {
  const w = streaming();
  w.rt.join("b");
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  w.source().ready({});
  let left = 0;
  w.rt.leave("a", () => left++);
  assert.equal(left, 1);
  assert.equal(w.source().url, "/events?room=b&after=10-0");
  w.source().ready({});
  w.rt.leave("b");
  assert.equal(w.source().readyState, 2);
  assert.equal(w.rt.state, "connected");
  w.clock.tick(60000);
  assert.equal(w.rt.state, "connected");
});

test("a lost place in the log is a reset, at the start of a stream and in the middle", () => {
  const w = streaming();
  w.source().fail(0);
  w.source().ready({ recovered: false, cursor: "50-0" });
  assert.deepEqual(w.log.resets, [{ cursor: "50-0" }]);
  w.source().dispatch("realtime.reset", { data: '{"cursor":"60-0"}' });
  assert.deepEqual(w.log.resets[1], { cursor: "60-0" });
  w.source().fail(2);
  w.clock.tick(500);
  assert.equal(w.source().url, "/events?room=a&after=60-0");
});

test("a stream that never says ready is given up", () => {
  const w = world({ transports: ["sse"] });
  w.rt.join("a");
  w.rt.connect();
  w.xhr().answer(200, { messages: [], cursor: "10-0" });
  w.clock.tick(10000);
  assert.equal(w.source().readyState, 2);
  assert.equal(w.log.errors[0].code, "timeout");
});

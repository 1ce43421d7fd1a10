// The WebSocket transport against a server that answers when the test says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./fakes.mjs";

function joined(...rooms) {
  const w = world({ transports: ["websocket"] });
  rooms.forEach((room) => w.rt.join(room));
  w.rt.connect();
  w.socket().accept();
  w.socket().asked("join").forEach((request) => w.ok(request, { cursor: "10-0" }));
  return w;
}

function comeBack(w) {
  w.socket().drop();
  w.rt.connect(); // now, rather than after a wait
  w.socket().accept();
  return w.socket().asked("join");
}

test("a second break in the middle of the joins loses nothing of the rooms not joined yet", () => {
  const w = joined("a", "b");
  w.socket().event("message", {}, "11-0");
  let [a] = comeBack(w);
  assert.deepEqual(w.socket().asked("join").map((r) => r.body), [
    { room: "a", after: "11-0" },
    { room: "b", after: "11-0" },
  ]);
  // Room a is replayed up to 20-0 and answered; b has 12-0 waiting, and the connection breaks.
  w.socket().event("message", {}, "20-0");
  w.ok(a, { cursor: "20-0" });
  w.socket().event("message", {}, "21-0");
  const again = comeBack(w);
  // Room a says itself how far it got; for b nothing has moved, although newer ids were seen meanwhile.
  assert.deepEqual(again.map((r) => r.body.after), ["20-0", "11-0"]);
  w.socket().event("message", {}, "21-0");
  w.ok(again[0], { cursor: "22-0" });
  w.socket().event("message", {}, "12-0");
  w.ok(again[1], { cursor: "22-0" });
  assert.deepEqual(w.log.messages, ["11-0", "20-0", "21-0", "12-0"], "nothing lost, nothing twice");
  [a] = comeBack(w);
  assert.equal(a.body.after, "22-0", "only now the position has moved on");
});

test("a room entered later brings its own history and does not move the others' position", () => {
  const w = joined("a");
  w.socket().event("message", {}, "11-0");
  const answers = [];
  w.rt.join("b", { history: 2 }, (error, answer) => answers.push(error, answer));
  const request = w.socket().asked("join")[1];
  assert.deepEqual(request.body, { room: "b", history: 2 });
  w.socket().event("message", {}, "12-0");
  w.socket().event("message", {}, "5-0");
  const [a, b] = comeBack(w);
  assert.deepEqual(a.body, { room: "a", after: "11-0" });
  assert.deepEqual(b.body, { room: "b", history: 2 }, "it was not answered: asked again as it was");
  assert.deepEqual(answers, []);
  w.ok(a, { cursor: "13-0" });
  w.ok(b, { cursor: "13-0" });
  assert.deepEqual(answers, [null, { recovered: true, cursor: "13-0" }]);
});

test("a room entered while the others are quiet comes back from where it was entered, not from further back", () => {
  const w = joined("a");
  w.rt.join("b", { history: 1 });
  w.socket().event("message", {}, "80-0");
  w.ok(w.socket().asked("join")[1], { cursor: "90-0" });
  const requests = comeBack(w);
  assert.deepEqual(requests.map((r) => r.body), [{ room: "a", after: "10-0" }, { room: "b", after: "90-0" }]);
  requests.forEach((request) => w.ok(request, { cursor: "95-0" }));
  assert.deepEqual(comeBack(w).map((r) => r.body.after), ["95-0", "95-0"]);
});

test("and over SSE, where all rooms share one position, the others are brought up to it", () => {
  const w = world();
  w.rt.join("a");
  w.rt.connect();
  w.socket().accept();
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  w.rt.join("b", { history: 1 });
  w.ok(w.socket().asked("join")[1], { cursor: "90-0" });
  w.socket().drop();
  w.rt.connect();
  w.socket().refuse();
  assert.equal(w.xhr().url, "/rooms/b/messages?after=90-0&limit=200");
  w.xhr().answer(200, { messages: [], cursor: "95-0" });
  assert.equal(w.xhr().url, "/rooms/a/messages?after=10-0&limit=200");
  w.xhr().answer(200, { messages: [{ id: "50-0", event: "message", data: 1 }], cursor: "50-0" });
  w.xhr().answer(200, { messages: [], cursor: "96-0" });
  assert.equal(w.source().url, "/events?room=a&room=b&after=95-0");
  w.source().ready({ cursor: "95-0" });
  assert.deepEqual(w.log.messages, ["50-0"]);
  assert.deepEqual(w.log.recovered, [{ cursor: "95-0", transport: "sse" }]);
});

test("the id is the last argument; several arguments are a list; without an id nothing is dropped", () => {
  const w = joined("a");
  const heard = [];
  w.rt.on("e", (data, id) => heard.push([data, id]));
  w.socket().event("e", { x: 1 }, "11-0");
  w.socket().event("e", 1, 2, "12-0");
  w.socket().event("e", "direct");
  w.socket().event("e", "direct");
  w.socket().event("e", "13-0");
  w.socket().event("e", "1790000000000-0");
  w.socket().event("e");
  assert.deepEqual(heard, [
    [{ x: 1 }, "11-0"],
    [[1, 2], "12-0"],
    ["direct", null],
    ["direct", null],
    ["13-0", null],
    [null, "1790000000000-0"],
    [null, null],
  ]);
});

test("a refused room is forgotten and said to be refused; the others stay", () => {
  const w = world();
  const answers = [];
  w.rt.join("a");
  w.rt.join("no", (error) => answers.push(error.code));
  w.rt.connect();
  w.socket().accept();
  const [a, no] = w.socket().asked("join");
  no.ack({ ok: false, error: { code: "forbidden", message: "not you" } });
  w.ok(a, { cursor: "10-0" });
  assert.deepEqual(answers, ["forbidden"]);
  assert.equal(w.rt.state, "connected");
  assert.deepEqual(w.log.errors, [{ code: "forbidden", message: "not you", room: "no" }]);
  assert.deepEqual(comeBack(w).map((r) => r.body.room), ["a"]);
});

test("a server without its bus is a connection to come back to, not a refusal", () => {
  const w = world();
  w.rt.join("a");
  w.rt.connect();
  w.socket().accept();
  w.socket().asked("join")[0].ack({ ok: false, error: { code: "bus_unavailable", message: "" } });
  assert.ok(w.socket().closed);
  assert.equal(w.xhrs.length, 1, "SSE is next");
});

test("a log that could not be followed is told as a reset", () => {
  const w = joined("a");
  comeBack(w)[0].ack({ ok: true, recovered: false, cursor: "90-0" });
  assert.deepEqual(w.log.resets, [{ cursor: "90-0" }]);
  assert.deepEqual(w.log.recovered, []);
  w.socket().event("realtime.reset", { cursor: "95-0" });
  assert.deepEqual(w.log.resets[1], { cursor: "95-0" });
  assert.deepEqual(comeBack(w)[0].body, { room: "a", after: "95-0" });
});

test("a reset while a join is under way survives that join's answer", () => {
  const w = joined("a");
  w.rt.join("b");
  w.socket().event("realtime.reset", { cursor: "5-0" });
  w.ok(w.socket().asked("join")[1], { cursor: "5-0" });
  assert.equal(comeBack(w)[0].body.after, "5-0");
});

test("leaving waits for its own join, and joining again for the leaving", () => {
  const w = world({ transports: ["websocket"] });
  const told = [];
  w.rt.join("a", () => told.push("a"));
  w.rt.connect();
  w.socket().accept();
  w.rt.leave("a", () => told.push("left"));
  w.rt.join("a", { history: 1 }, () => told.push("back"));
  assert.equal(w.socket().asked("leave").length, 0);
  w.ok(w.socket().asked("join")[0], { cursor: "10-0" });
  assert.equal(w.socket().asked("leave").length, 1);
  assert.equal(w.socket().asked("join").length, 1);
  w.ok(w.socket().asked("leave")[0]);
  assert.deepEqual(w.socket().asked("join")[1].body, { room: "a", history: 1 });
  w.ok(w.socket().asked("join")[1], { cursor: "11-0" });
  assert.deepEqual(told, ["a", "left", "back"]);
});

test("a room entered again after the last was left shows its history again", () => {
  const w = joined("a");
  w.socket().event("message", {}, "11-0");
  w.rt.leave("a");
  w.ok(w.socket().asked("leave")[0]);
  w.rt.join("a", { history: 1 });
  w.socket().event("message", {}, "11-0");
  assert.deepEqual(w.log.messages, ["11-0", "11-0"]);
});

test("a break ends what was being left", () => {
  const w = joined("a", "b");
  let left = 0;
  w.rt.leave("a", () => left++);
  assert.equal(left, 0);
  assert.deepEqual(comeBack(w).map((r) => r.body.room), ["b"]);
  assert.equal(left, 1);
});

test("an unanswered join of a running connection breaks it", () => {
  const w = joined("a");
  w.rt.join("b");
  w.clock.tick(3000);
  assert.equal(w.rt.state, "reconnecting");
});

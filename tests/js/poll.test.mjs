// Long poll: plain requests that the server holds back, few at once, each room from its own position.

import assert from "node:assert/strict";
import { test } from "node:test";
import { world } from "./fakes.mjs";

const message = (id, data = 1) => ({ id, event: "message", data });

function polling(rooms = ["a"], options = {}) {
  const w = world({ transports: ["poll"], reconnectSchedule: [100], ...options });
  rooms.forEach((room) => w.rt.join(room));
  w.rt.connect();
  w.xhrs.slice().forEach((xhr) => xhr.answer(200, { messages: [], cursor: "10-0" }));
  w.open = () => w.xhrs.filter((xhr) => xhr.readyState !== 4 && !xhr.aborted);
  return w;
}

test("it joins, waits for news, and asks on from there", () => {
  const w = polling();
  assert.deepEqual([w.rt.state, w.rt.transport], ["connected", "poll"]);
  assert.equal(w.xhr().url, "/rooms/a/messages?after=10-0&limit=200&wait=25");
  w.clock.tick(30000);
  assert.equal(w.rt.state, "connected", "the server may hold it back that long");
  w.xhr().answer(200, { messages: [message("11-0"), message("12-0")], cursor: "12-0" });
  assert.deepEqual(w.log.messages, ["11-0", "12-0"]);
  assert.equal(w.xhr().url.includes("after=12-0"), false, "not before the turn is over");
  w.clock.tick(1);
  assert.equal(w.xhr().url, "/rooms/a/messages?after=12-0&limit=200&wait=25");
});

test("a busy room is asked at most ten times a second, a full page is followed at once", () => {
  const w = polling();
  w.xhr().answer(200, { messages: [message("11-0")], cursor: "11-0" });
  const asked = w.xhrs.length;
  w.clock.tick(99);
  assert.equal(w.xhrs.length, asked);
  w.clock.tick(1);
  assert.equal(w.xhrs.length, asked + 1);
  const page = Array.from({ length: 200 }, (_, n) => message(`20-${n}`));
  w.xhr().answer(200, { messages: page, cursor: "20-199" });
  w.clock.tick(0);
  assert.equal(w.xhrs.length, asked + 2);
});

test("at most three requests wait at once; the others have their turn", () => {
  const w = polling(["a", "b", "c", "d"]);
  assert.deepEqual(w.open().map((xhr) => xhr.url.split("/")[2]), ["a", "b", "c"]);
  assert.match(w.xhr().url, /wait=1$/);
  w.open()[0].answer(200, { messages: [], cursor: "11-0" });
  assert.deepEqual(w.open().map((xhr) => xhr.url.split("/")[2]), ["b", "c", "d"]);
});

test("the position is what every room has reached", () => {
  const w = polling(["a", "b"], { transports: ["poll", "sse"] });
  const [a] = w.open();
  a.answer(200, { messages: [message("50-0")], cursor: "50-0" });
  assert.equal(w.rt._cursor.position, "10-0");
  w.open()[0].answer(503, { error: { code: "bus_unavailable", message: "" } });
  w.clock.tick(100);
  const again = w.open().map((xhr) => xhr.url);
  assert.deepEqual(again, ["/rooms/a/messages?after=50-0&limit=200", "/rooms/b/messages?after=10-0&limit=200"]);
});

test("a hole is told, a refusal ends the room, a break comes back", () => {
  const w = polling(["a", "b"]);
  const [a, b] = w.open();
  a.answer(200, { messages: [message("90-0")], cursor: "90-0", recovered: false });
  assert.equal(w.log.resets.length, 1);
  assert.deepEqual(w.log.messages, ["90-0"]);
  b.answer(403, { error: { code: "forbidden", message: "revoked" } });
  assert.deepEqual(w.log.errors, [{ code: "forbidden", message: "revoked", room: "b" }]);
  w.clock.tick(100);
  w.open()[0].answer(429, { error: { code: "rate_limited", message: "" } }, { "Retry-After": "5" });
  assert.equal(w.rt.state, "reconnecting");
  w.clock.tick(4999);
  assert.equal(w.open().length, 0, "the server's word counts");
  w.clock.tick(1);
  assert.equal(w.open().length, 1);
});

test("leaving ends the request, joining starts one, publishing is a POST", () => {
  const w = polling(["a"]);
  w.rt.join("b", { history: 2 });
  assert.equal(w.xhr().url, "/rooms/b/messages?limit=2");
  w.xhr().answer(200, { messages: [message("9-0")], cursor: "11-0" });
  assert.deepEqual(w.log.messages, ["9-0"]);
  w.rt.leave("a");
  assert.deepEqual(w.open().map((xhr) => xhr.url.split("/")[2]), ["b"]);
  w.rt.publish("b", 1);
  assert.deepEqual([w.xhr().method, w.xhr().url], ["POST", "/rooms/b/messages"]);
  w.rt.close();
  assert.equal(w.open().filter((xhr) => xhr.method === "GET").length, 0);
});

test("another name is said at once, by asking anew from the same place", () => {
  const w = polling();
  const before = w.xhr();
  w.rt.join("a", { name: "Ann" });
  assert.ok(before.aborted);
  assert.deepEqual(
    w.open().map((xhr) => xhr.url),
    ["/rooms/a/messages?after=10-0&limit=200&wait=25&name=Ann"],
  );
});

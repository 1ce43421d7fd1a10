// What is new in the rooms that are not shown: counted from where each was read, with few and small questions.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { FakeClock } from "./fakes.mjs";

const Chat = createRequire(import.meta.url)("../../static/js/chat-elsewhere.js");
const TURN = 10_000;

/** Rooms with a log of numbers each, `read` up to one of them, and what is shown and asked. */
function world(read, log = {}) {
  const clock = new FakeClock(), shown = {}, asked = [];
  const settings = { tag: "mine", readUpTo: (room) => read[room] || null };
  function answer(room, after, limit, cb) {
    asked.push(room);
    const found = (log[room] || []).filter((one) => Number(one.id) > Number(after)).slice(0, limit);
    cb(null, { messages: found, cursor: found.length ? found[found.length - 1].id : after, recovered: true });
  }
  const all = { clock, shown, asked, read, log, answer };
  all.elsewhere = new Chat.Elsewhere(settings, (...given) => all.answer(...given),
    (room, count) => (shown[room] = count), clock);
  return all;
}

const said = (id, from = "ann", event = "message") => ({ id: String(id), event, data: { user: "x", from, text: "t" } });

test("what others have said since a room was read is counted, in all rooms when the page is opened", () => {
  const { elsewhere, clock, shown, asked } = world({ a: "2", b: "1" }, {
    a: [said(1), said(2), said(3), said(4, "mine"), said(5, "bob"), said(6, "ann", "typing")], b: [said(1)],
  });
  elsewhere.watch(["a", "b", "never"]);
  elsewhere.look(true);
  clock.tick(1000);
  assert.deepEqual(shown, { a: 2, b: 0 });
  assert.deepEqual(asked, ["a", "b"], "who was never there has missed nothing");
});

test("then one room is asked for at a time, and only for what is new since", () => {
  const { elsewhere, clock, shown, asked, log } = world({ a: "1", b: "1" }, { a: [said(2)], b: [] });
  elsewhere.watch(["a", "b"]);
  elsewhere.look(true);
  clock.tick(1000);
  log.a.push(said(3));
  clock.tick(TURN);
  assert.deepEqual([shown.a, asked.length], [2, 3]);
  clock.tick(10 * TURN);
  assert.deepEqual([shown.a, asked.length], [2, 13], "nothing is counted twice");
});

test("nobody asks while nobody looks, and coming back asks for all rooms, but not at each blink", () => {
  const { elsewhere, clock, asked } = world({ a: "1", b: "1", c: "1" });
  elsewhere.watch(["a", "b", "c"]);
  elsewhere.look(true);
  clock.tick(1000);
  elsewhere.look(false);
  clock.tick(20 * TURN);
  assert.equal(asked.length, 3);
  elsewhere.look(true, true);
  elsewhere.look(false);
  elsewhere.look(true, true);
  clock.tick(1000);
  assert.equal(asked.length, 6);
  for (let i = 0; i < 5; i++) {
    elsewhere.look(false);
    elsewhere.look(true);
  }
  clock.tick(1000);
  assert.equal(asked.length, 6, "a connection that comes and goes asks for nothing");
});

test("a room with more than is counted is not asked for again until it was read", () => {
  const { elsewhere, clock, shown, asked, log, read } = world({ a: "1" }, {
    a: Array.from({ length: 30 }, (_, i) => said(i + 2)),
  });
  elsewhere.watch(["a"]);
  elsewhere.look(true);
  clock.tick(5 * TURN);
  assert.deepEqual([Chat.countOf(shown.a), asked], ["9+", ["a"]]);
  read.a = "31";   // here, or in another tab
  log.a.push(said(32));
  clock.tick(2 * TURN);
  assert.equal(Chat.countOf(shown.a), "1");
});

test("a room that was just left has nothing new, without a question", () => {
  const { elsewhere, clock, shown, asked, read } = world({ a: "1", b: "1" }, { a: [said(2)], b: [] });
  elsewhere.watch(["a"]);
  elsewhere.look(true);
  clock.tick(1000);
  assert.equal(shown.a, 1);
  elsewhere.watch(["b"]);
  read.a = "2";
  elsewhere.watch(["a"]);
  assert.deepEqual([shown.a, asked], [0, ["a"]]);
});

test("a room that may not be read is left alone; what may pass is tried at the next turn", () => {
  const all = world({ a: "1", b: "1" }, { a: [said(2)], b: [said(2)] });
  const working = all.answer;
  all.answer = (room, after, limit, cb) => {
    all.asked.push(room);
    cb({ code: room === "a" ? "forbidden" : "no_connection", retry: room === "b" });
  };
  all.elsewhere.watch(["a", "b"]);
  all.elsewhere.look(true);
  all.clock.tick(1000);
  all.answer = working;
  all.clock.tick(3 * TURN);
  assert.deepEqual([all.shown.a, all.shown.b], [0, 1]);
  assert.equal(all.asked.filter((room) => room === "a").length, 1);
});

test("an answer that comes after the room was entered or read counts for nothing", () => {
  const all = world({ a: "1" }), answers = [];
  all.answer = (room, after, limit, cb) => answers.push(cb);
  all.elsewhere.watch(["a"]);
  all.elsewhere.look(true);
  all.clock.tick(1000);
  all.elsewhere.watch([]);
  answers[0](null, { messages: [said(2)], cursor: "2" });
  assert.equal(all.shown.a, 0);
  all.elsewhere.watch(["a"]);
  all.clock.tick(TURN);
  all.read.a = "2";
  answers[1](null, { messages: [said(2)], cursor: "2" });
  assert.equal(all.shown.a, 0);
});

// Days, what stands together, and what was said while nobody looked.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const load = createRequire(import.meta.url);
const Chat = load("../../static/js/chat-days.js");
load("../../static/js/chat-unread.js");
const { compareIds } = load("../../static/js/realtime.js");

const at = (day, hour, minute = 0) => new Date(2026, 10, day, hour, minute);
const said = (date, user = "Ann", from = "aaaa") => ({ user, from, date });

test("days have names, the latest two in words", () => {
  const now = at(25, 0, 1);
  assert.equal(Chat.nameOfDay(at(25, 23), now), "Today");
  assert.equal(Chat.nameOfDay(at(24, 23, 59), now), "Yesterday");
  assert.match(Chat.nameOfDay(at(23, 12), now), /23/);
  assert.match(Chat.nameOfDay(at(23, 12), now), /2026/);
  assert.equal(Chat.nameOfDay(new Date(2026, 1, 28, 9), new Date(2026, 2, 1, 0, 5)), "Yesterday");
});

test("a day is written as <time datetime> wants it", () => {
  assert.equal(Chat.dayOf(new Date(2026, 0, 5)), "2026-01-05");
  assert.equal(Chat.dayOf(null), "");
});

test("a line stands where a day begins, and nowhere else", () => {
  assert.ok(Chat.opensDay(said(at(25, 0)), null));
  assert.ok(Chat.opensDay(said(at(25, 0)), said(at(24, 23, 59))));
  assert.ok(!Chat.opensDay(said(at(25, 9)), said(at(25, 8))));
  assert.ok(!Chat.opensDay(said(null), said(at(25, 8))), "without a time there is no day");
});

test("messages of one person stand together for five minutes of one day", () => {
  assert.ok(Chat.goesOn(said(at(25, 9, 4)), said(at(25, 9, 0))));
  assert.ok(!Chat.goesOn(said(at(25, 9, 5)), said(at(25, 9, 0))));
  assert.ok(!Chat.goesOn(said(at(25, 9)), said(at(25, 9), "Bob")));
  assert.ok(!Chat.goesOn(said(at(25, 9)), said(at(25, 9), "Ann", "bbbb")), "namesakes are two people");
  assert.ok(!Chat.goesOn(said(at(25, 0, 1)), said(at(24, 23, 59))));
  assert.ok(!Chat.goesOn(said(at(25, 9)), null));
});

test("times beyond a Date are no time, rather than an exception", () => {
  assert.equal(Chat.dateOf(18446744073709551615), null);
  assert.equal(Chat.dateOf(NaN), null);
  assert.equal(Chat.dateOf(1790000000000).getTime(), 1790000000000);
});

function unread(read) {
  const one = new Chat.Unread(compareIds, read);
  one.see = (id, own = false) => one.arrive(id, own);
  return one;
}

test("who is here for the first time has missed nothing", () => {
  const one = unread(null);
  assert.equal(one.see("5-0"), false);
  one.begin();
  assert.deepEqual([one.count, one.first, one.read], [0, null, "5-0"]);
});

test("what came since the last visit is counted, and begins in one place", () => {
  const one = unread("5-0");
  assert.deepEqual(["4-0", "5-0", "6-0", "7-0"].map((id) => one.see(id)), [false, false, true, false]);
  assert.deepEqual([one.count, one.first, one.read], [2, "6-0", "5-0"]);
});

test("looking makes read, and what comes meanwhile is not new", () => {
  const one = unread("5-0");
  one.see("6-0");
  one.look(true);
  assert.deepEqual([one.count, one.first, one.read], [0, "6-0", "6-0"], "the line stays where it was");
  assert.equal(one.see("7-0"), false);
  one.look(false);
  assert.deepEqual(["8-0", "9-0"].map((id) => one.see(id)), [true, false]);
  assert.deepEqual([one.count, one.first, one.read], [2, "8-0", "7-0"]);
});

test("one's own messages, older ones and the same again are not new", () => {
  const one = unread("5-0");
  one.see("6-0", true);
  assert.equal(one.count, 0);
  one.see("7-0");
  one.see("7-0");
  one.see("2-0");
  one.see(null);
  assert.equal(one.count, 1);
});

test("the title says how many", () => {
  assert.equal(Chat.title("#lobby", 0), "#lobby · Realtime");
  assert.equal(Chat.title("#lobby", 3), "(3) #lobby · Realtime");
});

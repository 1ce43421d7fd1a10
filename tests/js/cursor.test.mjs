// Ids, what was seen, and the position to resume from: the rules that keep messages from being lost or doubled.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Realtime } from "./fakes.mjs";

test("ids are compared as numbers of any size, milliseconds first", () => {
  const ordered = [
    "0-0",
    "999-5",
    "1790000000000-0",
    "1790000000000-2",
    "1790000000000-10",
    "1790000000000-9007199254740993",
    "1790000000000-9007199254740994",
    "1790000000001-0",
    "17900000000000-0",
  ];
  for (let i = 0; i < ordered.length; i++) {
    for (let j = 0; j < ordered.length; j++) {
      assert.equal(Realtime.compareIds(ordered[i], ordered[j]), Math.sign(i - j), `${ordered[i]} and ${ordered[j]}`);
    }
  }
});

test("an id tells the time of publishing", () => {
  assert.equal(Realtime.timeOf("1790000000000-12"), 1790000000000);
});

test("only ids are ids", () => {
  for (const id of ["0-0", "1790000000000-0", "18446744073709551615-18446744073709551615"]) {
    assert.ok(Realtime.isId(id), id);
  }
  for (const other of ["", "1-", "-1", "a-b", "1", "1-1-1", " 1-1", "1-1\n2", 1, null, undefined, {}]) {
    assert.ok(!Realtime.isId(other), String(other));
  }
});

test("Seen remembers the last ids only, and names of Object are just strings to it", () => {
  const seen = new Realtime.Seen(3);
  assert.deepEqual(["1-0", "2-0", "3-0"].map((id) => seen.add(id)), [true, true, true]);
  assert.equal(seen.add("1-0"), false);
  assert.equal(seen.add("4-0"), true); // forgets 1-0
  assert.equal(seen.add("3-0"), false);
  assert.equal(seen.add("1-0"), true);
  assert.equal(Object.keys(seen.known).length, 3);
  assert.equal(seen.add("constructor"), true);
  assert.equal(seen.add("__proto__"), true);
  assert.equal(seen.add("__proto__"), false);
});

test("a message is dropped because it was seen, never because it is old", () => {
  const cursor = new Realtime.Cursor(10);
  assert.equal(cursor.accept("9-0"), true);
  assert.equal(cursor.accept("3-0"), true);
  assert.equal(cursor.accept("9-0"), false);
});

test("the position follows the order of arrival, so that a late older message is not jumped over", () => {
  const cursor = new Realtime.Cursor(10);
  cursor.accept("5-0"); // from a replay that was ahead
  cursor.accept("4-0"); // live, published before
  assert.equal(cursor.position, "4-0");
});

test("while joins are under way the position stands still", () => {
  const cursor = new Realtime.Cursor(10);
  cursor.reset("10-0");
  cursor.begin(true);
  cursor.begin(true);
  cursor.accept("20-0");
  cursor.end("20-0");
  cursor.accept("21-0");
  assert.equal(cursor.position, "10-0");
  cursor.end("22-0");
  assert.equal(cursor.position, "20-0", "every room was delivered up to the lowest answer, not to the newest id");
  cursor.accept("23-0");
  assert.equal(cursor.position, "23-0");
});

test("a break in the middle of the joins resumes from before them", () => {
  const cursor = new Realtime.Cursor(10);
  cursor.reset("10-0");
  cursor.begin(true);
  cursor.begin(true);
  cursor.accept("30-0");
  cursor.end("30-0");
  cursor.abandon();
  assert.equal(cursor.position, "10-0");
  assert.equal(cursor.accept("30-0"), false, "and what came before the break is still known");
});

test("a join of a running connection moves the position neither forward nor back", () => {
  const cursor = new Realtime.Cursor(10);
  cursor.reset("10-0");
  cursor.begin(false);
  cursor.accept("2-0"); // the new room's history
  cursor.end("15-0");
  assert.equal(cursor.position, "10-0");
});

test("the first position is the lowest answer; a refused join has none", () => {
  const cursor = new Realtime.Cursor(10);
  cursor.begin(true);
  cursor.begin(true);
  cursor.begin(true);
  cursor.end("9-0");
  cursor.end(null);
  cursor.end("12-0");
  assert.equal(cursor.position, "9-0");
});

test("a log that was rolled back takes the position back", () => {
  const cursor = new Realtime.Cursor(10);
  cursor.reset("90-0");
  cursor.begin(true);
  cursor.end("40-0");
  assert.equal(cursor.position, "40-0");
});

test("a reset without a usable cursor keeps the position", () => {
  const cursor = new Realtime.Cursor(10);
  cursor.reset("10-0");
  cursor.reset(undefined);
  cursor.reset("nonsense");
  assert.equal(cursor.position, "10-0");
});

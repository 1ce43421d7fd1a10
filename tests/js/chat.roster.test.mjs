// Who is here and who is writing, from what the server and the others tell.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const Chat = createRequire(import.meta.url)("../../static/js/chat-roster.js");

const member = (name, transports = ["websocket"], more = {}) => ({
  user: null,
  name,
  connections: transports.length,
  transports,
  ...more,
});
const change = (more) => ({ room: "r", joined: [], left: [], changed: [], viewers: 0, total: 0, ...more });
const names = (roster) => roster.list("me00").map((one) => one.user);

test("oneself is first, the others by name, and namesakes are marked", () => {
  const roster = new Chat.Roster();
  const members = ["Zoe#me00", "ann#aaaa", "Bob#bbbb", "Bob#cccc", "A script"].map((name) => member(name));
  roster.set({ members, viewers: 2, total: 5 });
  assert.deepEqual(names(roster), ["Zoe", "A script", "ann", "Bob", "Bob"]);
  assert.deepEqual(
    roster.list("me00").map((one) => [one.own, one.twin, one.from]),
    [
      [true, false, "me00"],
      [false, false, ""],
      [false, false, "aaaa"],
      [false, true, "bbbb"],
      [false, true, "cccc"],
    ],
  );
});

test("what is told is applied, twice as well as once", () => {
  const roster = new Chat.Roster();
  roster.set({ members: [member("Ann#aaaa")], viewers: 0, total: 1 });
  const told = change({ joined: [member("Bob#bbbb", ["sse"])], changed: [member("Ann#aaaa", ["poll"])], total: 2 });
  assert.ok(roster.apply(told));
  assert.ok(roster.apply(told));
  assert.deepEqual(
    roster.list("").map((one) => [one.user, one.transports[0]]),
    [
      ["Ann", "poll"],
      ["Bob", "sse"],
    ],
  );
  assert.ok(roster.apply(change({ left: [member("Ann#aaaa")], total: 1, viewers: 4 })));
  assert.deepEqual([names(roster), roster.viewers], [["Bob"], 4]);
});

test("where something was not heard, the server is to be asked again; not where it tells numbers only", () => {
  const roster = new Chat.Roster();
  roster.set({ members: [member("Ann#aaaa")], viewers: 0, total: 1 });
  assert.equal(roster.apply(change({ total: 3 })), false);
  assert.equal(roster.apply(change({ total: 300, counted: true })), true);
});

test("a guest of a private room is not called by an id, a user without a name is", () => {
  const roster = new Chat.Roster();
  const members = [member(null, ["sse"], { user: "guest-1" }), member(null, ["sse"], { user: "ann" })];
  roster.set({ members: [...members, member("Bob#bbbb", ["sse"], { user: "bob@example.org" })], viewers: 0, total: 3 });
  assert.deepEqual(
    roster.list("").map((one) => [one.user, one.known]),
    [
      ["ann", "ann"],
      ["Bob", "bob@example.org"],
      ["Guest", null],
    ],
  );
});

test("a name that the server would not take is made one that it takes", () => {
  const made = [
    ["Ann", "Ann#aaaa"],
    ["עדי", "עדי#aaaa"],
    ["Zoë 😀", "Zoë 😀#aaaa"],
    ["👩\u200d👩\u200d👧", "👩👩👧#aaaa"],
    ["a\u202eb\u0007c\ufeff", "abc#aaaa"],
    ["\u{1fae8}", "Someone#aaaa"],
    ["\ud83d", "Someone#aaaa"],
    ["x".repeat(40), `${"x".repeat(40)}#aaaa`],
  ];
  for (const [name, expected] of made) assert.equal(Chat.presentName(name, "aaaa"), expected);
});

test("who writes is told until they stop, have said it, or are silent for a while", () => {
  const writing = new Chat.Writing();
  const [ann, bob, cy] = ["Ann", "Bob", "Cy"].map((user) => ({ user, from: "aaaa" }));
  const told = (now) => [writing.tell(now).names.join("+"), writing.tell(now).words];
  assert.deepEqual(told(0), ["", ""]);
  writing.hear(ann, 0, false);
  assert.deepEqual(told(1), ["Ann", " is typing…"]);
  writing.hear(bob, 1000, false);
  assert.deepEqual(told(1001), ["Ann+Bob", " are typing…"]);
  writing.hear(cy, 1000, false);
  assert.deepEqual(told(1001), ["", "Several people are typing…"]);
  writing.hear(cy, 1002, true);
  assert.equal(writing.tell(1003).until, 6000);
  assert.deepEqual(told(6000), ["Bob", " is typing…"]);
  assert.deepEqual(told(7000), ["", ""]);
});

// The chat's own knowledge: any JSON has something to show, names and rooms survive a browser that keeps nothing.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const Chat = createRequire(import.meta.url)("../../static/js/chat-model.js");

test("a message is who and what; anything else is shown as it is", () => {
  const shown = [
    [{ user: "ann", text: "hi" }, { user: "ann", text: "hi" }],
    [{ user: "  ann \n lee ", text: "" }, { user: "ann lee", text: "" }],
    [{ user: "x".repeat(100), text: "hi" }, { user: "x".repeat(40), text: "hi" }],
    ["plain", { user: "Someone", text: "plain" }],
    ["", { user: "Someone", text: "" }],
    [42, { user: "Someone", text: "42" }],
    [null, { user: "Someone", text: "null" }],
    [false, { user: "Someone", text: "false" }],
    [[1, "a"], { user: "Someone", text: '[1,"a"]' }],
    [{ user: 5, text: null }, { user: "Someone", text: '{"user":5,"text":null}' }],
    [{ user: "ann", text: { a: 1 } }, { user: "ann", text: '{"a":1}' }],
    [{ user: "ann", text: 0 }, { user: "ann", text: "0" }],
    [undefined, { user: "Someone", text: "" }],
  ];
  for (const [data, expected] of shown) assert.deepEqual(Chat.read(data), expected, JSON.stringify(data));
});

test("initials are whole characters", () => {
  const names = ["ann", "Ann Marie Lee", "😀 x", "מרים", "  ", ""];
  assert.deepEqual(names.map(Chat.initials), ["A", "AL", "😀X", "מ", "?", "?"]);
});

test("a name has one colour of eight", () => {
  const hues = new Set(Array.from({ length: 200 }, (_, i) => Chat.hue(`name ${i}`)));
  assert.deepEqual([...hues].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(Chat.hue("ann"), Chat.hue("ann"));
});

test("times beyond a Date are no time, rather than an exception", () => {
  assert.equal(Chat.dateOf(18446744073709551615), null);
  assert.equal(Chat.dateOf(NaN), null);
  assert.equal(Chat.dateOf(1790000000000).getTime(), 1790000000000);
});

test("queries and addresses", () => {
  assert.equal(Chat.query("?room=team%2F%C3%A4&transport=sse", "room"), "team/ä");
  assert.equal(Chat.query("?room=a+b", "room"), "a b");
  assert.equal(Chat.query("?room=%E0%A4%A", "room"), "");
  assert.equal(Chat.query("", "room"), "");
  assert.equal(Chat.address("?room=x&transport=sse", "team/ä:1@b"), "?room=team/%C3%A4:1@b&transport=sse");
  assert.equal(Chat.address("", "lobby"), "?room=lobby");
});

function storage(initial = {}) {
  const kept = { ...initial };
  return { kept, getItem: (key) => kept[key] ?? null, setItem: (key, value) => (kept[key] = value) };
}

test("name and rooms are kept", () => {
  const place = storage();
  const first = new Chat.Settings(place);
  assert.match(first.name, /^\w+ \w+$/);
  first.rename("  Ann   Lee ");
  first.rename("   ");
  first.visit("a");
  first.visit("b");
  first.visit("a");
  const again = new Chat.Settings(place);
  assert.equal(again.name, "Ann Lee");
  assert.deepEqual(again.rooms, ["a", "b"]);
  again.forget("a");
  for (let i = 0; i < 20; i++) again.visit(`r${i}`);
  assert.equal(again.rooms.length, 12);
  assert.equal(again.rooms[11], "r19");
});

test("a browser that keeps nothing, or keeps nonsense, still chats", () => {
  const broken = {
    getItem() {
      throw new Error("denied");
    },
    setItem() {
      throw new Error("full");
    },
  };
  const nonsense = ["{", '[1,null,""]', '"lobby"'].map((rooms) => storage({ "realtime.rooms": rooms }));
  for (const place of [null, broken, ...nonsense]) {
    const settings = new Chat.Settings(place);
    assert.ok(settings.name);
    assert.deepEqual(settings.rooms, []);
    settings.visit("a");
    settings.rename("ann");
    assert.deepEqual([settings.name, settings.rooms], ["ann", ["a"]]);
  }
});

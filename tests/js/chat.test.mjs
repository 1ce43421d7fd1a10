// The chat's own knowledge: any JSON has something to show, names and rooms survive a browser that keeps nothing.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

const Chat = createRequire(import.meta.url)("../../static/js/chat-settings.js");

test("a message is who and what; anything else is shown as it is", () => {
  const shown = [
    [{ user: "ann", text: "hi" }, "ann", "hi"],
    [{ user: "  ann \n lee ", text: "" }, "ann lee", ""],
    [{ user: "x".repeat(100), text: "hi" }, "x".repeat(40), "hi"],
    ["plain", "Someone", "plain"],
    ["", "Someone", ""],
    [42, "Someone", "42"],
    [null, "Someone", "null"],
    [false, "Someone", "false"],
    [[1, "a"], "Someone", '[1,"a"]'],
    [{ user: 5, text: null }, "Someone", '{"user":5,"text":null}'],
    [{ user: "ann", text: { a: 1 } }, "ann", '{"a":1}'],
    [{ user: "ann", text: 0 }, "ann", "0"],
    [undefined, "Someone", ""],
  ];
  for (const [data, user, text] of shown) {
    assert.deepEqual(Chat.read(data), { user, from: "", text }, JSON.stringify(data));
  }
});

test("namesakes are told apart by a tag, which is a few letters and digits or nothing", () => {
  const from = (value) => Chat.read({ user: "ann", from: value, text: "" }).from;
  assert.deepEqual(["a1b2", "A1B2", "", "x".repeat(9), "<b>", 7, null].map(from), ["a1b2", "", "", "", "", "", ""]);
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

test("queries and addresses", () => {
  assert.equal(Chat.query("?room=team%2F%C3%A4&transport=sse", "room"), "team/ä");
  assert.equal(Chat.query("?room=a+b", "room"), "a b");
  assert.equal(Chat.query("?room=%E0%A4%A", "room"), "");
  assert.equal(Chat.query("", "room"), "");
  assert.equal(Chat.address("?room=x&transport=sse", "team/ä:1@b"), "?room=team/%C3%A4:1@b&transport=sse");
  assert.equal(Chat.address("", "lobby"), "?room=lobby");
});

test("an address asks for a transport that there is, or for none", () => {
  const known = ["websocket", "sse", "poll"];
  const asked = (name) => Chat.transport(`?room=x&transport=${name}`, known);
  assert.deepEqual(["sse", "poll", "polling"].map(asked), ["sse", "poll", "poll"]);
  assert.deepEqual(["carrier", "toString", ""].map(asked), ["", "", ""]);
  assert.equal(Chat.transport("", known), "");
});

test("a private room is not called by the name that nobody may guess", () => {
  const called = (room) => Object.values(Chat.called(room, "private/"));
  assert.deepEqual(called("private/room-abcd1234"), ["Private abcd", "Private abcd", true]);
  assert.deepEqual(called("private/board"), ["private/board", "#private/board", false]);
  assert.deepEqual(Object.values(Chat.called("room-abcd1234", "")), ["room-abcd1234", "#room-abcd1234", false]);
});

function storage(initial = {}) {
  const kept = { ...initial };
  return { kept, getItem: (key) => kept[key] ?? null, setItem: (key, value) => (kept[key] = value) };
}

test("name and rooms are kept", () => {
  const place = storage();
  const first = new Chat.Settings(place, null);
  assert.match(first.name, /^\w+ \w+$/);
  assert.match(first.tag, /^[a-z0-9]{4}$/);
  first.rename("  Ann   Lee ");
  first.rename("   ");
  first.visit("a");
  first.visit("b");
  first.visit("a");
  const again = new Chat.Settings(place, null);
  assert.equal(again.name, "Ann Lee");
  assert.equal(again.tag, first.tag);
  assert.deepEqual(again.rooms, ["a", "b"]);
  again.forget("a");
  for (let i = 0; i < 20; i++) again.visit(`r${i}`);
  assert.equal(again.rooms.length, 12);
  assert.equal(again.rooms[11], "r19");
});

test("how far rooms were read is kept for the browser, also what another tab has noted, and is bounded", () => {
  const place = storage();
  const [one, other] = [new Chat.Settings(place, null), new Chat.Settings(place, null)];
  one.mark("a", "5-0");
  other.mark("b", "6-0");
  one.mark("a", "7-0");
  const again = new Chat.Settings(place, null);
  assert.deepEqual(["a", "b", "c"].map((room) => again.readUpTo(room)), ["7-0", "6-0", null]);
  for (let i = 0; i < 60; i++) again.mark(`r${i}`, "1-0");
  assert.equal(new Chat.Settings(place, null).readUpTo("a"), null);
  assert.equal(new Chat.Settings(place, null).readUpTo("r59"), "1-0");
});

test("drafts and what is not sent yet are kept for the tab", () => {
  const tab = storage();
  const one = new Chat.Settings(null, tab);
  one.draft("a", "half a thou");
  one.draft("b", "x");
  one.draft("b", "");
  const waiting = { room: "a", user: "ann", text: "hi", key: "k", time: 5 };
  one.queue([{ ...waiting, item: {}, error: null }]);
  const again = new Chat.Settings(null, tab);
  assert.deepEqual({ ...again.drafts }, { a: "half a thou" });
  assert.deepEqual(again.queued(), [waiting]);
  tab.setItem("realtime.queue", '[null,{"room":"a"},{"room":1,"user":"u","text":"t","key":"k","time":1}]');
  assert.deepEqual(again.queued(), []);
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
  const nonsense = ["{", '[1,null,""]', '"lobby"'].map((rooms) =>
    storage({ "realtime.rooms": rooms, "realtime.read": rooms }),
  );
  for (const place of [null, broken, ...nonsense]) {
    const settings = new Chat.Settings(place, place);
    assert.ok(settings.name);
    assert.deepEqual(settings.rooms, []);
    settings.visit("a");
    settings.rename("ann");
    settings.mark("a", "5-0");
    settings.draft("a", "begun");
    settings.queue([]);
    assert.deepEqual([settings.name, settings.rooms], ["ann", ["a"]]);
    assert.deepEqual([settings.readUpTo("a"), settings.drafts.a], ["5-0", "begun"]);
  }
});

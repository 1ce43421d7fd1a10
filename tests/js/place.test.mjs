// An application below a path: every request of the client goes there, and two of one origin have nothing in common.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { Browser } from "./browser.mjs";
import { FakePage, Realtime, world } from "./fakes.mjs";

const Chat = createRequire(import.meta.url)("../../static/js/chat-settings.js");

/** A page whose scripts were written by `realtime_scripts()` of an application below `base`. */
function written(base) {
  const page = new FakePage();
  const script = { getAttribute: (name) => (name === "data-realtime-url" ? base : null) };
  page.document = Object.assign(page.document || {}, {
    querySelector: (asked) => (asked === "script[data-realtime-url]" && base !== null ? script : null),
  });
  return page;
}

/** What a client asks for on its way into a room and out of its outbox, over each transport. */
function requested(options) {
  const found = {};
  const socket = world({ transports: ["websocket"], ...options });
  socket.rt.join("a").connect();
  found.websocket = [socket.socket().url, socket.socket().options.path];
  const stream = world({ transports: ["sse"], ...options });
  stream.rt.join("a", { history: 1 }).connect();
  found.past = stream.xhr().url;
  stream.xhr().answer(200, { messages: [], cursor: "10-0", recovered: true });
  found.stream = stream.source().url;
  stream.source().ready({ cursor: "10-0" });
  stream.rt.publish("a", 1);
  found.publish = stream.xhr().url;
  stream.rt.presence("a", () => {});
  found.presence = stream.xhr().url;
  const poll = world({ transports: ["poll"], ...options });
  poll.rt.join("a").connect();
  found.poll = poll.xhr().url.split("?")[0];
  return found;
}

const below = (base, origin, path) => ({
  websocket: [origin, `${path}/socket.io`],
  past: `${base}/rooms/a/messages?limit=1`,
  stream: `${base}/events?room=a&after=10-0`,
  publish: `${base}/rooms/a/messages`,
  presence: `${base}/rooms/a/presence`,
  poll: `${base}/rooms/a/messages`,
});

test("a client asks the root of its page's origin", () => {
  assert.deepEqual(requested({}), below("", undefined, ""));
  assert.deepEqual(requested({ page: written(null) }), below("", undefined, ""));
});

test("a page that was written by an application below a path says so to its client", () => {
  assert.deepEqual(requested({ page: written("/shop") }), below("/shop", undefined, "/shop"));
  assert.deepEqual(requested({ page: written("/a/gr%C3%BCn") }), below("/a/gr%C3%BCn", undefined, "/a/gr%C3%BCn"));
});

test("what the page's own script says goes before that", () => {
  const page = written("/shop");
  assert.deepEqual(requested({ page, url: "" }), below("", undefined, ""));
  assert.deepEqual(requested({ page, url: "/" }), below("", undefined, ""));
  assert.deepEqual(requested({ page, url: "/other/" }), below("/other", undefined, "/other"));
  for (const origin of ["https://example.com", "http://localhost:5000", "//example.com", "HTTP://[::1]:5000"]) {
    assert.deepEqual(requested({ page, url: origin }), below(origin, origin, ""));
    assert.deepEqual(requested({ page, url: `${origin}/shop/` }), below(`${origin}/shop`, origin, "/shop"));
  }
});

test("Socket.IO may have another path below it", () => {
  const w = world({ transports: ["websocket"], url: "/shop", socketPath: "/live" });
  w.rt.connect();
  assert.equal(w.socket().options.path, "/shop/live");
});

test("what is no such place is refused, with what is one", () => {
  for (const url of ["shop", "localhost:5000", "ftp://example.com", "/shop?a=1", "/shop#a", "/a b", null, 7]) {
    assert.throws(() => new Realtime({ url }), /url is an origin, a path or both, such as .*, not /);
  }
});

test("tabs share a stream only with those of the same application", async () => {
  const browser = new Browser();
  const names = [];
  const tab = async (base) => {
    const page = Object.assign(written(base), { BroadcastChannel: browser.BroadcastChannel, Promise });
    page.navigator = { locks: { request: (name, how, granted) => (names.push(name), browser.request(how, granted)) } };
    const crypto = { getRandomValues: (bytes) => bytes.fill(++browser.keys) };
    page.EventSource = class { addEventListener() {} close() {} };
    const w = world({ transports: ["sse"], clock: browser.clock, page, EventSource: page.EventSource, crypto });
    w.rt.join("a").connect();
    w.xhr().answer(200, { messages: [], cursor: "10-0", recovered: true });
    for (let turn = 0; turn < 20; turn++) await null;
  };
  await tab("/shop");
  await tab("/team");
  await tab(null);
  await tab("/shop");
  assert.equal(new Set(names).size, 3);
  assert.equal(names[0], names[3]);
});

test("the chats of two applications of one origin keep what they remember apart", () => {
  const kept = {};
  const store = { getItem: (key) => (key in kept ? kept[key] : null), setItem: (key, value) => { kept[key] = value; } };
  const shop = new Chat.Settings(store, store, "/shop");
  shop.rename("Ann");
  shop.visit("orders");
  shop.draft("orders", "half");
  shop.queue([{ room: "orders", user: "Ann", text: "secret", key: "k", time: 1 }]);
  const team = new Chat.Settings(store, store, "/team");
  assert.deepEqual([team.queued(), team.rooms, team.drafts.orders], [[], [], undefined]);
  assert.notEqual(team.name, "Ann");
  const again = new Chat.Settings(store, store, "/shop");
  assert.deepEqual([again.queued().length, again.rooms, again.name], [1, ["orders"], "Ann"]);
  assert.equal(new Chat.Settings(store, store).base, "realtime.", "what was kept before is found again at the root");
});

// An application below a path: every request of the client goes there, and two of one origin have nothing in common.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { Browser } from "./browser.mjs";
import { FakePage, Realtime, world } from "./fakes.mjs";

const Chat = createRequire(import.meta.url)("../../static/js/chat-settings.js");

/** What a client uses as `url` whose page says nothing, if its scripts run in this document. */
function home(document) {
  const window = { document };
  for (const part of ["realtime", "realtime-options", "realtime-time"]) {
    runInNewContext(readFileSync(new URL(`../../static/js/${part}.js`, import.meta.url), "utf8"), { window });
  }
  return window.Realtime.fill({}).url;
}

const element = (tagName, url) => ({ tagName, getAttribute: (name) => (name === "data-realtime-url" ? url : null) });

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
});

test("a script that came from an application below a path is told so, and nothing else in the page is asked", () => {
  const scripts = [element("SCRIPT", "/other"), element("SCRIPT", "/shop")];
  const getElementsByTagName = (name) => (name === "script" ? scripts : []);
  for (const [currentScript, url] of [
    [scripts[1], "/shop"],
    [element("SCRIPT", "/a/gr%C3%BCn"), "/a/gr%C3%BCn"],
    [element("SCRIPT", null), ""],
    [element("IMG", "https://elsewhere.example"), ""], // <img name="currentScript">
    [null, ""], // a module
  ]) {
    assert.equal(home({ currentScript, getElementsByTagName }), url);
  }
  assert.equal(home({ getElementsByTagName }), "/shop", "in a browser that does not know: the last one so far");
  assert.equal(home(undefined), "", "a worker");
});

test("every request goes below the path that was given", () => {
  assert.deepEqual(requested({ url: "" }), below("", undefined, ""));
  assert.deepEqual(requested({ url: "/" }), below("", undefined, ""));
  assert.deepEqual(requested({ url: "/other/" }), below("/other", undefined, "/other"));
  for (const origin of ["https://example.com", "http://localhost:5000", "//example.com", "HTTP://[::1]:5000"]) {
    assert.deepEqual(requested({ url: origin }), below(origin, origin, ""));
    assert.deepEqual(requested({ url: `${origin}/shop/` }), below(`${origin}/shop`, origin, "/shop"));
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
  const tab = async (url) => {
    const page = Object.assign(new FakePage(), { BroadcastChannel: browser.BroadcastChannel, Promise });
    page.navigator = { locks: { request: (name, how, granted) => (names.push(name), browser.request(how, granted)) } };
    const crypto = { getRandomValues: (bytes) => bytes.fill(++browser.keys) };
    page.EventSource = class { addEventListener() {} close() {} };
    const w = world({ transports: ["sse"], clock: browser.clock, page, EventSource: page.EventSource, crypto, url });
    w.rt.join("a").connect();
    w.xhr().answer(200, { messages: [], cursor: "10-0", recovered: true });
    for (let turn = 0; turn < 20; turn++) await null;
  };
  await tab("/shop");
  await tab("/team");
  await tab();
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

// Tabs that share one event stream: who leads, what each hears, and that nothing is missing when another leads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Browser } from "./browser.mjs";
import { FakeEventSource, FakePage, world } from "./fakes.mjs";

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await null;
};

/** Another tab. Its stream is `source()` where it leads. */
async function tab(browser, options = {}) {
  const page = new FakePage();
  Object.assign(page, { BroadcastChannel: browser.BroadcastChannel, Promise });
  page.navigator = { locks: { request: (name, how, granted) => browser.request(how, granted) } };
  const before = browser.channels.length;
  const sources = [];
  class EventSource extends FakeEventSource {
    constructor(...given) {
      super(...given);
      sources.push(this);
    }
  }
  page.EventSource = EventSource;
  const crypto = { getRandomValues: (bytes) => bytes.fill(++browser.keys) };
  const w = world({ transports: ["sse"], clock: browser.clock, page, EventSource, crypto, ...options });
  Object.assign(w, { sources, source: () => sources[sources.length - 1] });
  w.page = page;
  w.heard = [];
  w.rt.on("message", (data, id) => w.heard.push([data, id]));
  w.enter = async (room, joining) => {
    w.rt.join(room, joining);
    w.rt.connect();
    w.xhr().answer(200, { messages: [], cursor: "10-0", recovered: true });
    w.channel = browser.channels[before];
    await settle();
    return w;
  };
  return w;
}

const ready = (source, answer = {}) => source.ready({ cursor: "10-0", ...answer });
const say = (source, id, rooms, data, event = "message") =>
  source.message("realtime.message", { event, rooms, data }, id);

async function two(first = "a", second = "b") {
  const browser = new Browser();
  const one = await (await tab(browser)).enter(first);
  ready(one.source());
  const sources = one.sources;
  const other = await (await tab(browser)).enter(second);
  return { browser, one, other, sources, last: () => sources[sources.length - 1] };
}

test("the first tab leads, with one stream for the rooms of all", async () => {
  const { one, other, last, sources } = await two();
  assert.equal(other.sources.length, 0);
  assert.deepEqual([sources.length, sources[0].readyState], [2, 2]);
  assert.match(last().full, /^\/events\?room=a&room=b&after=10-0&envelope=true&heartbeat=event$/);
  assert.deepEqual([one.rt.state, other.rt.state], ["connected", "connecting"]);
  ready(last());
  assert.deepEqual([one.rt.state, other.rt.state], ["connected", "connected"]);
});

test("each hears what is for its rooms, once, and what is transient", async () => {
  const { one, other, last } = await two();
  ready(last());
  say(last(), "11-0", ["a"], 1);
  say(last(), "12-0", ["b"], 2);
  say(last(), "13-0", ["a", "b"], 3);
  say(last(), "13-0", ["b"], "typing");
  say(last(), "12-0", ["b"], "seen before");
  assert.deepEqual(one.heard, [[1, "11-0"], [3, "13-0"]]);
  assert.deepEqual(other.heard, [[2, "12-0"], [3, "13-0"], ["typing", null]]);
});

test("a newcomer that is behind gets what it missed, and nobody else hears it again", async () => {
  const { browser, one, last } = await two("a", "a");
  ready(last());
  say(last(), "20-0", ["a"], "old");
  const late = await (await tab(browser)).enter("a");
  assert.match(last().full, /after=10-0/);
  ready(last());
  say(last(), "20-0", ["a"], "old");
  say(last(), "21-0", ["a"], "new");
  assert.deepEqual(one.heard, [["old", "20-0"], ["new", "21-0"]]);
  assert.deepEqual(late.heard, [["old", "20-0"], ["new", "21-0"]]);
});

test("control events go to whom they concern", async () => {
  const { one, other, last } = await two();
  ready(last());
  const told = [];
  for (const [name, w] of Object.entries({ one, other })) {
    for (const event of ["revoked", "presence", "degraded"]) {
      w.rt.on(`realtime.${event}`, () => told.push([name, event]));
    }
  }
  last().say("realtime.revoked", { room: "b" });
  last().say("realtime.presence", { room: "a" });
  last().say("realtime.degraded", {});
  told.sort();
  assert.deepEqual(told, [["one", "degraded"], ["one", "presence"], ["other", "degraded"], ["other", "revoked"]]);
});

test("when the leader is closed the next leads, from where everybody stands", async () => {
  const { one, other, last } = await two();
  ready(last());
  say(last(), "11-0", ["a"], 1);
  say(last(), "12-0", ["b"], 2);
  one.rt.close();
  await settle();
  assert.equal(last().readyState, 2);
  const mine = other.source();
  assert.match(mine.full, /^\/events\?room=b&after=12-0&envelope/);
  ready(mine);
  say(mine, "12-0", ["b"], 2);
  say(mine, "13-0", ["b"], 3);
  assert.deepEqual(other.heard, [[2, "12-0"], [3, "13-0"]]);
  assert.equal(other.log.resets.length, 0);
});

test("a quiet room does not send its tab back: heartbeats say where the stream stands", async () => {
  const { one, other, last } = await two();
  ready(last());
  say(last(), "50-0", ["a"], 1);
  last().beat(1000);
  one.rt.close();
  await settle();
  assert.match(other.source().full, /^\/events\?room=b&after=50-0&/);
});

test("a leader that does not answer loses its lock, and follows when it is back", async () => {
  const { browser, one, last } = await two("a", "a");
  ready(last());
  one.channel.frozen = true;
  const third = await (await tab(browser)).enter("a");
  assert.equal(third.sources.length, 0);
  browser.clock.tick(3000);
  await settle();
  assert.equal(last().readyState, 2, "the frozen one has let go of its stream");
  one.channel.frozen = false;
  assert.match(third.source().full, /^\/events\?room=a&after=10-0&/);
  ready(third.source());
  say(third.source(), "11-0", ["a"], 1);
  assert.deepEqual(third.heard, [[1, "11-0"]]);
});

test("a stream that breaks and comes back is said to all, one that is over lets all begin anew", async () => {
  const { browser, one, other, last, sources } = await two();
  ready(last());
  last().fail(0);
  assert.deepEqual([one.rt.state, other.rt.state], ["reconnecting", "reconnecting"]);
  ready(last());
  assert.deepEqual([one.rt.state, other.rt.state], ["connected", "connected"]);
  last().fail(2);
  assert.deepEqual([one.rt.state, other.rt.state], ["reconnecting", "reconnecting"]);
  const count = sources.length;
  browser.clock.tick(500);
  await settle();
  assert.ok(sources.length + other.sources.length > count, "somebody has opened another");
});

test("what the log does not hold any more is said to everybody", async () => {
  const { one, other, last } = await two();
  ready(last(), { recovered: false, cursor: "15-0" });
  assert.deepEqual([one.log.resets.length, other.log.resets.length], [1, 0]);
  assert.equal(other.rt.state, "connected");
});

test("a tab that vanished without a word is left out after some heartbeats", async () => {
  const { browser, other, last } = await two();
  ready(last());
  other.channel.frozen = true;
  for (let beat = 0; beat < 6; beat++) {
    browser.clock.tick(1000);
    last().beat(1000);
  }
  const third = await (await tab(browser)).enter("c");
  assert.match(last().full, /^\/events\?room=a&room=c&/);
  assert.equal(third.rt.state, "connecting");
});

for (const [what, rooms] of [
  ["too many rooms", Array.from({ length: 61 }, (_, number) => `r${number}`)],
  ["rooms of names too long for one URL", Array.from({ length: 9 }, (_, number) => "ж".repeat(100) + number)],
]) {
  test(`a tab with ${what} has a stream of its own`, async () => {
    const browser = new Browser();
    const one = await tab(browser);
    for (const room of rooms) one.rt.join(room);
    one.rt.connect();
    one.xhrs.forEach((xhr) => xhr.answer(200, { messages: [], cursor: "10-0", recovered: true }));
    await settle();
    assert.doesNotMatch(one.source().full, /envelope/);
    one.source().ready({ cursor: "10-0" });
    one.source().message("message", 1, "11-0");
    assert.deepEqual(one.heard, [[1, "11-0"]]);
  });
}

test("other names do not share, nor does who does not want to, nor a browser that cannot", async () => {
  const browser = new Browser();
  const plain = [
    await (await tab(browser, { shareTabs: false })).enter("a"),
    await (await tab(browser, { page: new FakePage() })).enter("a"),
  ];
  for (const w of plain) assert.doesNotMatch(w.source().full, /envelope/);
  await (await tab(browser, { EventSource: FakeEventSource })).enter("a");
  assert.doesNotMatch(FakeEventSource.all.pop().full, /envelope/, "an EventSource of the page's own");
  const ann = await (await tab(browser)).enter("a", { name: "Ann" });
  assert.match(ann.channel.name, /Ann/);
});

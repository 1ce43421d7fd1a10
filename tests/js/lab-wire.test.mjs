// The lab's taps: requests, sockets and streams that look like the browser's own, counted, held back, late and cut.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { FakeClock } from "./fakes.mjs";

const require = createRequire(import.meta.url);
const Lab = require("../../static/js/lab-settings.js");
require("../../static/js/lab-wire.js");
require("../../static/js/lab-taps.js");

const NAME = "0123456789abcdef".repeat(2);

class FakeXHR {
  constructor() {
    FakeXHR.last = this;
    Object.assign(this, { readyState: 0, status: 0, responseText: "", responseURL: "", aborted: false });
  }
  open(method, url) { Object.assign(this, { method, url }); }
  setRequestHeader() {}
  getAllResponseHeaders() { return "a: b\r\n"; }
  getResponseHeader() { return null; }
  send(body) { this.body = body; }
  abort() { this.aborted = true; if (this.readyState < 4) this.show(4, 0, ""); }
  show(readyState, status, responseText) {
    Object.assign(this, { readyState, status, responseText });
    this.onreadystatechange();
  }
}

class FakeWebSocket {
  constructor(url) { FakeWebSocket.last = this; this.url = url; this.sent = []; }
  send(data) { this.sent.push(data); }
  close() { this.closed = true; }
}

class FakeSource {
  constructor(url) { FakeSource.last = this; this.url = url; this.readyState = 0; this.listeners = {}; }
  addEventListener(type, fn) {
    assert.ok(!this.listeners[type], "one listener for each event");
    this.listeners[type] = fn;
  }
  close() { this.closed = true; this.readyState = 2; }
}

function tapped() {
  const clock = new FakeClock(), wire = new Lab.Wire(NAME, clock);
  const taps = Lab.taps({ XMLHttpRequest: FakeXHR, WebSocket: FakeWebSocket, EventSource: FakeSource });
  return { clock, wire, taps };
}

function request({ wire, taps }, url = "/rooms/a/messages?wait=1") {
  const xhr = new (taps.requests(wire))(), seen = [];
  xhr.open("GET", url, true);
  xhr.onreadystatechange = () => seen.push([xhr.readyState, xhr.status, xhr.responseText]);
  xhr.send(null);
  return { xhr, seen, inner: FakeXHR.last };
}

test("text is counted in bytes of UTF-8", () => {
  for (const text of ["", "abc", "é", "漢字", "🙂", "a🙂é漢"]) {
    assert.equal(Lab.bytes(text), encodeURIComponent(text).replace(/%../g, "x").length, text);
  }
});

test("a lane's requests carry its name, once, and others do not", () => {
  const lab = tapped();
  assert.equal(request(lab).inner.url, `/rooms/a/messages?wait=1&lane=${NAME}`);
  assert.equal(request(lab, "/events").inner.url, `/events?lane=${NAME}`);
  assert.equal(request(lab, `/socket.io/?lane=${NAME}&EIO=4`).inner.url, `/socket.io/?lane=${NAME}&EIO=4`);
  const plain = new lab.taps.Request();
  plain.open("GET", "/other");
  assert.equal(FakeXHR.last.url, "/other");
  plain.send();
  assert.equal(lab.wire.requests, 3);
});

test("what a request sends and gets is counted, and shown as it stood when it came", () => {
  const lab = tapped(), { seen, inner } = request(lab);
  const { received } = lab.wire;
  assert.equal(lab.wire.sent, Lab.heads.request + inner.url.length);
  lab.wire.slow(100);
  inner.show(3, 200, "é");
  inner.show(3, 200, "éa");
  assert.deepEqual(seen, []);
  lab.clock.tick(60);
  inner.show(4, 200, "éabc");
  lab.clock.tick(50);
  assert.deepEqual(seen, [[3, 200, "é"], [3, 200, "éa"]]);
  lab.clock.tick(50);
  assert.deepEqual(seen.at(-1), [4, 200, "éabc"]);
  assert.equal(lab.wire.received - received, "a: b\r\n".length + 19 + 5);
  assert.deepEqual(lab.wire.open, []);
});

test("a frozen lane gets everything in its order once it is let go", () => {
  const lab = tapped(), { seen, inner } = request(lab);
  lab.wire.freeze(true);
  inner.show(3, 200, "a");
  inner.show(3, 200, "ab");
  lab.clock.tick(5000);
  assert.deepEqual(seen, []);
  lab.wire.freeze(false);
  assert.deepEqual(seen.map((one) => one[2]), ["a", "ab"]);
});

test("a request that is cut ends like one whose network broke, one that is given up says no more", () => {
  const lab = tapped(), cut = request(lab), given = request(lab);
  given.xhr.abort();
  assert.deepEqual([given.seen, given.inner.aborted], [[], true]);
  assert.equal(lab.wire.cut(), 1);
  assert.deepEqual(cut.seen, [[4, 0, ""]]);
});

test("a cut between two requests meets the next one, and only that", () => {
  const lab = tapped();
  assert.equal(lab.wire.cut(), 0);
  const next = request(lab), other = request(lab, "/more");
  lab.clock.tick(1);
  assert.deepEqual(next.seen, [[4, 0, ""]]);
  const after = request(lab);
  lab.clock.tick(1);
  assert.deepEqual([other.inner.aborted, after.inner.aborted], [true, false], "what is open then ends together");
});

function socket({ taps }) {
  const ws = new taps.Socket(`ws://x/socket.io/?lane=${NAME}&EIO=4`), seen = [];
  for (const name of ["open", "message", "error", "close"]) {
    ws[`on${name}`] = (e) => seen.push(name === "message" ? e.data : name === "close" ? [name, e.code] : name);
  }
  return { ws, seen, inner: FakeWebSocket.last };
}

test("frames are counted with their heads, those that go up with their masks", () => {
  const lab = tapped(), { ws, seen, inner } = socket(lab), before = { ...lab.wire };
  inner.onopen({});
  const opened = lab.wire.received;
  ws.send("x".repeat(125));
  ws.send("x".repeat(126));
  inner.onmessage({ data: "y".repeat(65536) });
  inner.onmessage({ data: new ArrayBuffer(4) });
  assert.equal(lab.wire.sent - before.sent, 125 + 6 + 126 + 8);
  assert.equal(lab.wire.received - opened, 65536 + 10 + 4 + 2);
  assert.deepEqual([lab.wire.frames, lab.wire.requests, seen.length], [4, 1, 3]);
  assert.equal(inner.sent.length, 2);
});

test("a socket that is cut closes at once and without a word, and a blocked one never opens", () => {
  const lab = tapped(), first = socket(lab);
  first.inner.onopen({});
  lab.wire.block(true);
  assert.deepEqual(first.seen, ["open", ["close", 1006]]);
  assert.equal(first.inner.closed, true);
  const second = socket(lab);
  assert.equal(second.inner, first.inner, "the browser is not asked");
  lab.clock.tick(1);
  assert.deepEqual(second.seen, ["error", ["close", 1006]]);
  lab.wire.block(false);
  assert.notEqual(socket(lab).inner, first.inner);
});

test("an address that names no lane gets the browser's own socket", () => {
  const ws = new (tapped().taps.Socket)("ws://x/other");
  assert.ok(ws instanceof FakeWebSocket);
});

test("a stream's events are handed to every listener, counted once each", () => {
  const lab = tapped(), source = new (lab.taps.sources(lab.wire))("/events?room=a"), seen = [], inner = FakeSource.last;
  source.addEventListener("lab", (e) => seen.push(e.data));
  source.addEventListener("lab", (e) => seen.push(e.data));
  source.addEventListener("error", () => seen.push(source.readyState));
  inner.onopen();
  const before = lab.wire.received;
  inner.listeners.lab({ data: '"x"', lastEventId: "1-0" });
  assert.equal(lab.wire.received - before, 'id: 1-0\nevent: lab\ndata: "x"\n\n'.length);
  assert.deepEqual(seen, ['"x"', '"x"']);
  lab.wire.cut();
  assert.deepEqual([seen.at(-1), inner.closed], [2, true]);
  source.close();
  inner.listeners.lab({ data: '"y"', lastEventId: "2-0" });
  assert.equal(seen.length, 3);
});

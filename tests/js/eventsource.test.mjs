// The polyfill's own side: text in any pieces, a buffer that does not grow for ever, browsers that show no part of an
// answer. What the standard says is tested in a browser, beside the browser's own EventSource.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, FakeXHR, Realtime } from "./fakes.mjs";

const STREAM = {
  "Content-Type": "text/event-stream",
};

/** A request whose text grows, as far as this browser shows it. */
class StreamXHR extends FakeXHR {
  say(text) {
    Object.assign(this, { status: 200, answerHeaders: STREAM });
    this.responseText += text;
    this.readyState = 3;
    this.onreadystatechange();
  }

  end() {
    this.readyState = 4;
    this.onreadystatechange();
  }
}

/** A browser that throws at the text of an answer that is not whole. */
class BlindXHR extends StreamXHR {
  get responseText() {
    if (this.readyState === 3) throw new Error("not yet");
    return this.text;
  }

  set responseText(text) {
    this.text = text;
  }
}

function opened(url = "/events?room=a", XMLHttpRequest = StreamXHR) {
  FakeXHR.all = [];
  const clock = new FakeClock();
  const source = new Realtime.EventSource(url, { XMLHttpRequest, clock });
  const heard = [];
  source.onopen = () => heard.push("open");
  source.onmessage = (e) => heard.push(e.data);
  source.onerror = () => heard.push("error");
  return { source, clock, heard, xhrs: FakeXHR.all, xhr: () => FakeXHR.all[FakeXHR.all.length - 1] };
}

function parsed(pieces) {
  const heard = [];
  const parser = new Realtime.Parser("", (event, id) => heard.push([event, id]), (ms) => heard.push(ms));
  pieces.forEach((piece) => parser.feed(piece));
  return heard;
}

test("a text says the same in whatever pieces it comes", () => {
  const texts = [
    "\uFEFFretry: 5\r\nid: 1\r\nevent: a\r\ndata: x\r\n\r\ndata\r\n\r\n",
    "data: a\r\rdata: b\n\n\r\n:c\rdata:d\r\n\rid\n\n",
    "id: 1\0\ndata:  \u2028 \uD83D\uDE00\n\n\ndata: unfinished\n",
  ];
  for (const text of texts) {
    const whole = parsed([text]);
    assert.ok(whole.length > 1);
    assert.deepEqual(parsed([...text]), whole);
    assert.deepEqual(parsed(text.split("")), whole, "also within a surrogate pair");
    for (let a = 0; a <= text.length; a += 1) {
      assert.deepEqual(parsed([text.slice(0, a), text.slice(a)]), whole);
      assert.deepEqual(parsed([text.slice(0, a), "", text.slice(a, a + 1), text.slice(a + 1)]), whole);
    }
  }
});

test("padding is asked for, unless the page has", () => {
  assert.equal(opened("/events?room=a#part").xhr().url, "/events?room=a&padding=true");
  assert.equal(opened("/events").xhr().url, "/events?padding=true");
  assert.equal(opened("/events?padding=9&room=a").xhr().url, "/events?padding=9&room=a");
});

test("a stream is renewed between two blocks before its text is large, and nobody notices", () => {
  const { xhrs, xhr, heard, source } = opened();
  const block = (id) => `id: ${id}\ndata: ${"x".repeat(9980)}\n\n`;
  let id = 0;
  while (xhrs.length < 4) {
    // Half of a block waits for its other half all the time.
    const rest = block(id++);
    xhr().say(rest.slice(0, 30));
    assert.equal(xhr().aborted, false);
    xhr().say(rest.slice(30));
    assert.ok(xhr().responseText.length < 540 * 1024);
  }
  assert.deepEqual(xhrs.map((one) => one.aborted), [true, true, true, false]);
  assert.equal(heard.length, 1 + id);
  assert.deepEqual(heard.slice(0, 2).map((one) => one.length), [4, 9980]);
  assert.equal(xhr().headers["Last-Event-ID"], String(id - 1));
  assert.equal(source.readyState, 1);
});

test("a stream that is never between two blocks is renewed all the same, from the last whole one", () => {
  const { xhrs, xhr, heard } = opened();
  xhr().say("id: 1\ndata: a\n\n");
  while (xhrs.length < 2) {
    xhr().say(`data: ${"x".repeat(100000)}\n`);
    assert.ok(xhrs[0].responseText.length < 2.2 * 1024 * 1024);
  }
  assert.equal(xhr().headers["Last-Event-ID"], "1");
  assert.deepEqual(heard, ["open", "a"]);
});

test("one event may be as large as it wants: renewed in its midst it would never come", () => {
  const { xhrs, xhr, heard } = opened();
  xhr().say("data: ");
  for (let i = 0; i < 50; i += 1) xhr().say("x".repeat(100000));
  xhr().say("\n\n");
  assert.deepEqual(heard.map((one) => one.length), [4, 5000000]);
  assert.equal(xhrs.length, 2, "renewed behind it");
});

for (const [name, XHR] of [["says nothing", StreamXHR], ["throws", BlindXHR]]) {
  test(`a browser that ${name} before an answer is whole asks for short ones`, () => {
    const { xhrs, xhr, heard, clock, source } = opened("/events?room=a", XHR);
    const part = () => XHR === BlindXHR && xhr().say("retry: 200\n\n");
    const whole = (text) => {
      Object.assign(xhr(), { readyState: 4, status: 200, answerHeaders: STREAM, responseText: text });
      xhr().onreadystatechange();
    };
    part();
    clock.tick(4999);
    assert.equal(xhrs.length, 1);
    clock.tick(1);
    assert.equal(xhrs[0].aborted, true);
    assert.equal(xhr().url, "/events?room=a&wait=0", "which opens it at once");
    whole("retry: 200\n\nid: 5\n\n");
    assert.deepEqual(heard, ["open"]);
    clock.tick(200);
    assert.equal(xhr().url, "/events?room=a&wait=25");
    assert.equal(xhr().headers["Last-Event-ID"], "5");
    part();
    clock.tick(25000);
    whole("retry: 200\n\nid: 6\ndata: a\n\n");
    clock.tick(200);
    assert.equal(xhr().headers["Last-Event-ID"], "6");
    whole("retry: 200\n\nid: 7\ndata: b\n\n");
    assert.deepEqual(heard, ["open", "a", "b"]);
    assert.equal(source.readyState, 1);
    clock.tick(200);
    xhr().end();
    assert.deepEqual(heard, ["open", "a", "b", "error"], "a broken network is told");
    clock.tick(200);
    assert.equal(xhr().url, "/events?room=a&wait=0");
    source.close();
    assert.equal(clock.timers.size, 0);
  });
}

test("whoever shows a part after all gets streams again, and is not suspected any more", () => {
  const { xhrs, xhr, heard, clock } = opened();
  clock.tick(5000);
  xhr().say("retry: 200\n\n");
  xhr().end();
  clock.tick(200);
  assert.equal(xhr().url, "/events?room=a&padding=true");
  clock.tick(60000);
  assert.equal(xhrs.length, 3, "a silent stream is left alone");
  assert.deepEqual(heard, ["open"]);
});

test("a stream that was sent on to another origin comes back with a query: a header would need permission", () => {
  const { xhr, clock } = opened("http://one.example/events");
  xhr().responseURL = "http://two.example/events";
  xhr().say("id: 1\ndata: a\n\n");
  xhr().end();
  clock.tick(3000);
  assert.deepEqual(xhr().headers, { Accept: "text/event-stream" });
  assert.equal(xhr().url, "http://one.example/events?padding=true&lastEventId=1");
});

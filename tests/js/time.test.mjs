// Waiting and chance: the backoff's schedule and jitter, keys, and what a failed request means.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, FakeXHR, Realtime } from "./fakes.mjs";

test("the backoff takes a random part of each step and stays at the last", () => {
  const wait = new Realtime.Backoff([100, 200, 400], () => 0.5);
  assert.deepEqual([1, 2, 3, 4, 5].map(() => wait.next()), [50, 100, 200, 200, 200]);
  wait.ease(1);
  assert.equal(wait.next(), 100);
  wait.reset();
  assert.equal(wait.next(), 50);
});

test("full jitter spreads over the whole step", () => {
  const wait = new Realtime.Backoff([1000]);
  const waits = Array.from({ length: 2000 }, () => wait.next());
  assert.ok(Math.min(...waits) < 50 && Math.max(...waits) > 950 && waits.every((ms) => ms >= 0 && ms <= 1000));
});

test("keys are 128 bits, with and without the browser's own randomness", () => {
  for (const crypto of [null, { getRandomValues: (bytes) => bytes.fill(171) }]) {
    assert.match(Realtime.makeKey({ crypto, random: Math.random }), /^[0-9a-f]{32}$/);
  }
  const keys = new Set(Array.from({ length: 500 }, () => Realtime.makeKey({ crypto: null, random: Math.random })));
  assert.equal(keys.size, 500);
});

test("what may pass by itself is tried again, what will not is not", () => {
  const retried = (status) => Realtime.refusal({ code: "x", message: "y" }, status).retry;
  assert.deepEqual([400, 403, 404, 409, 413, 422].filter(retried), []);
  assert.deepEqual([429, 500, 502, 503, 504].filter(retried), [429, 500, 502, 503, 504]);
  assert.equal(Realtime.refusal({ code: "bus_unavailable", message: "" }).retry, true);
  assert.equal(Realtime.refusal({ code: "invalid_value", message: "" }).retry, false);
  assert.equal(Realtime.refusal(null, 0).code, "no_connection");
});

function request(options = {}) {
  FakeXHR.all = [];
  const clock = new FakeClock();
  const answers = [];
  const given = { clock, XMLHttpRequest: FakeXHR, url: "", requestTimeout: 1000, ...options };
  Realtime.request(given, "POST", "/x", { a: 1 }, (error, json) => answers.push({ error, json }));
  return { clock, answers, xhr: FakeXHR.all[0] };
}

test("a request answers once, with JSON or with what went wrong", () => {
  const good = request();
  good.xhr.answer(201, { id: "1-0" });
  good.clock.tick(5000);
  assert.deepEqual(good.answers, [{ error: null, json: { id: "1-0" } }]);
  assert.equal(good.xhr.headers["Content-Type"], "application/json");

  const refused = request();
  refused.xhr.answer(429, { error: { code: "too_many", message: "slow" } }, { "Retry-After": "7" });
  assert.deepEqual(refused.answers[0].error, {
    code: "too_many",
    message: "slow",
    status: 429,
    retry: true,
    retryAfter: 7000,
  });

  const mute = request();
  mute.clock.tick(1000);
  mute.xhr.answer(200, {});
  assert.deepEqual(mute.answers.map((one) => one.error.code), ["timeout"]);
  assert.ok(mute.xhr.aborted);
});

test("a captive portal's friendly page is not an answer", () => {
  const { xhr, answers } = request();
  xhr.responseText = "";
  xhr.answer(200);
  assert.equal(answers[0].error.retry, true);
});

test("room names go into the path encoded", () => {
  assert.equal(
    Realtime.messagesPath("team/ä:1@x", { after: "1-0", before: null, limit: 0 }),
    "/rooms/team%2F%C3%A4%3A1%40x/messages?after=1-0&limit=0",
  );
  assert.equal(Realtime.messagesPath("a"), "/rooms/a/messages");
});

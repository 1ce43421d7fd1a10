// Stand-ins for what the client meets: a clock, Socket.IO, EventSource, XMLHttpRequest. They do only what a test
// tells them to, so that a test can hold an answer back as long as it likes. They may not behave well by themselves.

import { createRequire } from "node:module";

export const Realtime = createRequire(import.meta.url)("../../static/js/realtime.js");

/** Time that passes only when told to. */
export class FakeClock {
  constructor() {
    this.time = 0;
    this.timers = new Map();
    this.count = 0;
  }

  /** As in a browser, a wait beyond 31 bits is none. */
  setTimeout(fn, ms) {
    if (ms > 2147483647) ms = 0;
    this.timers.set(++this.count, { fn, at: this.time + ms });
    return this.count;
  }

  clearTimeout(timer) {
    this.timers.delete(timer);
  }

  now() {
    return this.time;
  }

  /** Let `ms` pass, running timers in the order of their time, also those that are set on the way. */
  tick(ms) {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].fn();
    }
    this.time = end;
  }
}

/** What `io(url, options)` returns: records what is emitted, says what the test says. */
export class FakeSocket {
  constructor(url, options) {
    Object.assign(this, { url, options, handlers: {}, any: [], sent: [], connected: false, closed: false });
  }

  on(event, fn) {
    this.handlers[event] = fn;
  }

  onAny(fn) {
    this.any.push(fn);
  }

  emit(event, body, ack) {
    this.sent.push({ event, body, ack });
  }

  disconnect() {
    this.connected = false;
    this.closed = true;
  }

  // The server's side of it.
  accept() {
    this.connected = true;
    this.handlers.connect();
  }

  refuse(message = "websocket error") {
    this.handlers.connect_error(new Error(message));
  }

  drop(reason = "transport close") {
    this.connected = false;
    this.handlers.disconnect(reason);
  }

  event(...args) {
    for (const fn of this.any) fn(...args);
  }

  /** The requests of one kind that were made, oldest first. */
  asked(event) {
    return this.sent.filter((one) => one.event === event);
  }
}

export class FakeEventSource {
  constructor(url, options) {
    // Every stream asks for visible heartbeats; the tests look at what differs.
    Object.assign(this, { url: url.replace("&heartbeat=event", ""), full: url, options, readyState: 0, listeners: {} });
    FakeEventSource.all.push(this);
  }

  addEventListener(name, fn) {
    (this.listeners[name] = this.listeners[name] || []).push(fn);
  }

  close() {
    this.readyState = 2;
  }

  // The server's side of it.
  dispatch(name, event) {
    for (const fn of this.listeners[name] || []) fn(event);
  }

  ready(answer) {
    this.readyState = 1;
    this.dispatch("realtime.ready", { data: JSON.stringify({ recovered: true, ...answer }), lastEventId: "" });
  }

  say(name, data) {
    this.dispatch(name, { data: JSON.stringify(data), lastEventId: "" });
  }

  beat(every = 1000) {
    this.say("realtime.heartbeat", { every });
  }

  message(name, data, id) {
    this.dispatch(name, { data: JSON.stringify(data), lastEventId: id });
  }

  fail(readyState) {
    this.readyState = readyState;
    this.dispatch("error", {});
  }
}

export class FakeXHR {
  constructor() {
    Object.assign(this, { readyState: 0, status: 0, responseText: "", headers: {}, answerHeaders: {}, aborted: false });
    FakeXHR.all.push(this);
  }

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.headers[name] = value;
  }

  getResponseHeader(name) {
    return this.answerHeaders[name] ?? null;
  }

  send(body) {
    this.body = body && JSON.parse(body);
  }

  abort() {
    this.aborted = true;
  }

  answer(status, body, headers = {}) {
    Object.assign(this, { status, readyState: 4, answerHeaders: headers });
    this.responseText = body === undefined ? "" : JSON.stringify(body);
    this.onreadystatechange();
  }
}

/** The window of a page, as far as the client listens to it. */
export class FakePage {
  constructor() {
    this.handlers = {};
    this.document = { visibilityState: "visible" };
    for (const target of [this, this.document]) {
      target.addEventListener = (type, fn) => (this.handlers[type] = fn);
      target.removeEventListener = (type) => delete this.handlers[type];
    }
  }

  happen(type, more) {
    this.handlers[type]({ type, ...more });
  }
}

/** A client in an empty world, and the world. `random` is 1, so that every wait is as long as its schedule says. */
export function world(options = {}) {
  const clock = new FakeClock();
  const sockets = [];
  FakeEventSource.all = [];
  FakeXHR.all = [];
  const rt = new Realtime({
    clock,
    random: () => 1,
    crypto: null,
    io: (url, given) => {
      sockets.push(new FakeSocket(url, given));
      return sockets[sockets.length - 1];
    },
    WebSocket: true, // only its presence matters: Socket.IO uses its own
    transports: ["websocket", "sse"],
    EventSource: FakeEventSource,
    XMLHttpRequest: FakeXHR,
    ...options,
  });
  const log = { states: [], messages: [], resets: [], recovered: [], errors: [] };
  rt.on("realtime.state", (now) => log.states.push(now.state + (now.transport ? ":" + now.transport : "")));
  rt.on("realtime.reset", (e) => log.resets.push(e));
  rt.on("realtime.recovered", (e) => log.recovered.push(e));
  rt.on("realtime.error", (e) => log.errors.push(e));
  rt.on("message", (data, id) => log.messages.push(id));
  const last = (list) => list[list.length - 1];
  return {
    rt,
    clock,
    log,
    sockets,
    socket: () => last(sockets),
    source: () => last(FakeEventSource.all),
    sources: FakeEventSource.all,
    xhr: () => last(FakeXHR.all),
    xhrs: FakeXHR.all,
    ok: (request, answer) => request.ack({ ok: true, recovered: true, ...answer }),
  };
}

/*
 * Lab.Wire: what one lane's connections carry, counted, and the hands that disturb them.
 *
 * Every request of a lane names it (`lane=` and 128 random bits). Here is what all its connections share: the
 * counters, and the gate that everything arriving goes through, in its order, held back while the lane is frozen and
 * late while it is delayed. The connections themselves are lab-taps.js. This file may not know rooms or messages.
 */
(function (root) {
  'use strict';

  var Lab = typeof module === 'object' && module.exports ? require('./lab-settings.js') : root.Lab;
  var wires = Object.create(null);

  /** Milliseconds of a clock that nobody sets. */
  Lab.now = function () {
    return root.performance && root.performance.now ? root.performance.now() : new Date().getTime();
  };

  /** Bytes of a text in UTF-8. */
  Lab.bytes = function (text) {
    var length = text.length, bytes = length, i, code;
    if (/^[\x00-\x7f]*$/.test(text)) { return length; }
    for (i = 0; i < length; i += 1) {
      code = text.charCodeAt(i);
      // Each half of a pair has two of its four bytes.
      if (code > 0x7f) { bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1; }
    }
    return bytes;
  };

  /** What no script can see, as far as it could be found out; see Lab.Feeder.learn. */
  Lab.heads = {request: 500, stream: 300, upgrade: 180, switching: 160};

  /** `name`: 32 hexadecimal digits. `clock`: timers and `now`, for tests. */
  function Wire(name, clock) {
    this.name = name;
    this.clock = clock || {setTimeout: function (fn, ms) { return root.setTimeout(fn, ms); },
      clearTimeout: function (timer) { root.clearTimeout(timer); }, now: Lab.now};
    this.requests = this.sent = this.received = this.frames = 0;
    this.frozen = this.blocked = this.doomed = false;
    this.delay = 0;
    this.held = [];
    this.timer = null;
    this.open = [];       // what is open now: {cut} each
    wires[name] = this;
  }

  /** The wire that an address belongs to, if any. */
  Lab.wireOf = function (url) {
    var found = /[?&]lane=([0-9a-f]{32})(?:&|$)/.exec(String(url));
    return found ? wires[found[1]] || null : null;
  };

  /** The address with the lane's name. */
  Wire.prototype.tag = function (url) {
    return Lab.wireOf(url) ? url : url + (url.indexOf('?') < 0 ? '?' : '&') + 'lane=' + this.name;
  };

  // ---- counting ----

  Wire.prototype.asked = function (url, body, more) {
    this.requests += 1;
    this.sent += Lab.heads.request + url.length + (more || 0) + (body ? Lab.bytes(String(body)) : 0);
  };

  Wire.prototype.got = function (bytes) { this.received += bytes; };

  /** A WebSocket frame: its payload and its head (RFC 6455, 5.2); what browsers send is masked. */
  Wire.prototype.frame = function (data, sending) {
    var size = typeof data === 'string' ? Lab.bytes(data) : data.byteLength || data.size || 0;
    var head = size < 126 ? 2 : size < 65536 ? 4 : 10;
    this.frames += 1;
    if (sending) { this.sent += size + head + 4; } else { this.received += size + head; }
  };

  // ---- the gate ----

  /** Something arrived: `fn` hands it on, now or when its time has come. */
  Wire.prototype.pass = function (fn) {
    if (!this.frozen && !this.delay && !this.held.length) { return fn(); }
    this.held.push({fn: fn, at: this.clock.now() + this.delay});
    return this.let();
  };

  Wire.prototype.let = function () {
    var self = this, now = this.clock.now();
    this.clock.clearTimeout(this.timer);
    this.timer = null;
    while (!this.frozen && this.held.length && this.held[0].at <= now) { this.held.shift().fn(); }
    if (!this.frozen && this.held.length) {
      this.timer = this.clock.setTimeout(function () { self.let(); }, Math.max(1, this.held[0].at - now));
    }
  };

  Wire.prototype.freeze = function (frozen) {
    this.frozen = frozen;
    this.let();
  };

  /** From now on; what is on its way keeps its time. */
  Wire.prototype.slow = function (ms) { this.delay = ms; };

  // ---- the knife ----

  Wire.prototype.opened = function (connection) {
    var self = this;
    this.open.push(connection);
    if (!this.doomed) { return; }
    this.doomed = false;
    this.clock.setTimeout(function () { self.cut(); }, 0);
  };

  Wire.prototype.closed = function (connection) {
    this.open = this.open.filter(function (other) { return other !== connection; });
  };

  /** End every connection as a broken network would, and between two requests the next one. */
  Wire.prototype.cut = function () {
    var open = this.open.splice(0);
    open.forEach(function (connection) { connection.cut(); });
    this.doomed = !open.length;
    return open.length;
  };

  /** No WebSocket of this lane can be opened any more, and those that are open end. */
  Wire.prototype.block = function (blocked) {
    this.blocked = blocked;
    if (!blocked) { return; }
    this.open.filter(function (connection) { return connection.socket; }).forEach(function (connection) {
      this.closed(connection);
      connection.cut();
    }, this);
  };

  Wire.prototype.forget = function () {
    this.clock.clearTimeout(this.timer);
    this.held = [];
    delete wires[this.name];
  };

  /** The browser knows afterwards how long a body was on the wire, where it was compressed. */
  Lab.correct = function () {
    if (!root.PerformanceObserver) { return; }
    new root.PerformanceObserver(function (list) {
      list.getEntries().forEach(function (entry) {
        var wire = Lab.wireOf(entry.name);
        if (wire && entry.encodedBodySize && entry.encodedBodySize < entry.decodedBodySize) {
          wire.received -= entry.decodedBodySize - entry.encodedBodySize;
        }
      });
    }).observe({entryTypes: ['resource']});
  };

  Lab.Wire = Wire;
}(typeof window === 'undefined' ? {} : window));

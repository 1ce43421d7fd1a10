/*
 * Lab.Tally: what one lane has got of a run, and how long it took.
 *
 * Times come in as milliseconds of the page's clock, from whoever has one. This file may not know how anything came
 * here, and has neither timers nor a clock of its own.
 */
(function (root) {
  'use strict';

  var Lab = typeof module === 'object' && module.exports ? require('./lab-settings.js') : root.Lab;
  var FINEST = 0.05, STEP = Math.log(1.02);

  /** Times in buckets that are two percent wide each, so that a quantile is that exact whatever the number of times. */
  function Histogram() {
    this.buckets = [];
    this.count = this.sum = this.most = 0;
    this.least = null;
  }

  Histogram.prototype.add = function (ms) {
    var value = Math.max(0, ms), at = Math.max(0, Math.round(Math.log(Math.max(value, FINEST) / FINEST) / STEP));
    this.buckets[at] = (this.buckets[at] || 0) + 1;
    this.count += 1;
    this.sum += value;
    this.most = Math.max(this.most, value);
    this.least = this.least === null ? value : Math.min(this.least, value);
  };

  /** The time that this share of all times does not exceed; null where there are none. */
  Histogram.prototype.quantile = function (share) {
    var wanted = Math.max(1, Math.ceil(share * this.count)), seen = 0, at;
    if (!this.count) { return null; }
    if (wanted >= this.count) { return this.most; }
    for (at = 0; at < this.buckets.length; at += 1) {
      seen += this.buckets[at] || 0;
      if (seen >= wanted) { break; }
    }
    return Math.min(this.most, Math.max(this.least, FINEST * Math.exp(at * STEP)));
  };

  function compare(a, b) {
    var x = a.split('-'), y = b.split('-');
    return x[0].length - y[0].length || (x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1].length - y[1].length ||
      (x[1] < y[1] ? -1 : x[1] > y[1] ? 1 : 0));
  }

  function Tally() {
    this.latency = new Histogram();
    this.window = new Histogram();     // since the chart's last point
    this.points = [];                  // {at, p50, p99, count}: a line of the chart
    this.ids = Object.create(null);
    this.newest = '0-0';
    this.messages = this.doubled = this.disordered = this.payload = 0;
    this.reconnects = this.replayed = this.changes = 0;
    this.recoveries = [];              // milliseconds from a loss until nothing was missing
    this.away = null;                  // {lost, back}: the break that is being mended, or was last
  }

  /** A message came: its id, its bytes, when it was sent and when it came. */
  Tally.prototype.got = function (id, bytes, sent, now) {
    if (this.ids[id]) { this.doubled += 1; return; }
    this.ids[id] = true;
    this.messages += 1;
    this.payload += bytes;
    if (compare(id, this.newest) < 0) { this.disordered += 1; } else { this.newest = id; }
    this.latency.add(now - sent);
    this.window.add(now - sent);
    if (this.away) { this.mended(sent, now); }
  };

  /** What was sent before the lane was back, the log has brought. Some transports are back only when all of it came. */
  Tally.prototype.mended = function (sent, now) {
    var away = this.away;
    if (away.back !== null && sent >= away.back) { return; }
    this.replayed += 1;
    if (away.back !== null) { this.recoveries[this.recoveries.length - 1] = now - away.lost; }
  };

  /** The connection is gone. */
  Tally.prototype.lost = function (now) {
    if (!this.away || this.away.back !== null) { this.away = {lost: now, back: null}; }
  };

  /** It is back. */
  Tally.prototype.back = function (now) {
    if (!this.away || this.away.back !== null) { return; }
    this.away.back = now;
    this.reconnects += 1;
    this.recoveries.push(now - this.away.lost);
  };

  /** End a line of the chart: what came since the last one. */
  Tally.prototype.point = function (at) {
    var window = this.window;
    this.points.push({at: at, p50: window.quantile(0.5), p99: window.quantile(0.99), count: window.count});
    this.window = new Histogram();
  };

  /** How many of the accepted ids have not come. */
  Tally.prototype.missing = function (accepted) {
    var ids = this.ids, missing = 0, i;
    for (i = 0; i < accepted.length; i += 1) { if (!ids[accepted[i]]) { missing += 1; } }
    return missing;
  };

  /**
   * The figures of a lane, for people and programs. Times in milliseconds, null where there is nothing to say.
   * `wire`: {requests, sent, received}.
   */
  Tally.prototype.figures = function (accepted, wire) {
    var bytes = wire.sent + wire.received, recoveries = this.recoveries;
    return {
      messages: this.messages, lost: this.missing(accepted), doubled: this.doubled, disordered: this.disordered,
      p50: this.latency.quantile(0.5), p95: this.latency.quantile(0.95), p99: this.latency.quantile(0.99),
      most: this.latency.count ? this.latency.most : null,
      requests: wire.requests, sent: wire.sent, received: wire.received, bytes: bytes,
      overhead: this.messages ? (bytes - this.payload) / this.messages : null,   // below zero where it was compressed
      reconnects: this.reconnects, replayed: this.replayed, changes: this.changes,
      recovery: recoveries.length ? Math.max.apply(null, recoveries) : null
    };
  };

  Lab.Histogram = Histogram;
  Lab.Tally = Tally;
}(typeof window === 'undefined' ? {} : window));

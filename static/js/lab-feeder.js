/*
 * Lab.Feeder: has the server publish a run's messages, slice after slice, and knows which of them were accepted.
 *
 * A slice is at most a second, so the server stops by itself when this page is gone. How much a slice brings follows
 * from how much is due by its end: what a slow network costs between two slices is made up for by the next.
 * The server's clock stands in each message; how far it is from the page's is found out first, from the exchange that
 * took the least time, and cannot be further off than half of that time. This file may not know the lanes.
 */
(function (root) {
  'use strict';

  var Lab = typeof module === 'object' && module.exports ? require('./lab-settings.js') : root.Lab;
  var EXCHANGES = 9, SLICE = 500, TRIES = 5;
  var PATIENCE = 15000;   // milliseconds for which the server may be away

  /** `paths`: {time, feed, stream}. `request(method, path, body, cb(error, json, heads))`. `clock`: as Lab.Wire's. */
  function Feeder(paths, request, clock) {
    this.paths = paths;
    this.request = request;
    this.clock = clock;
    this.offset = 0;         // the server's clock minus the page's, in milliseconds
    this.doubt = null;       // and how far that may be off
    this.accepted = [];      // ids
    this.refused = 0;
    this.began = null;       // by the page's clock
    this.running = false;
  }

  /** Find out how far the clocks are apart and what no script sees: how long the heads of requests are. */
  Feeder.prototype.learn = function (cb) {
    var self = this, left = EXCHANGES;
    function again() {
      var asked = self.clock.now();
      self.request('GET', self.paths.time, null, function (error, answer) {
        var now = self.clock.now(), trip = now - asked;
        if (error) { return cb(error); }
        if (self.doubt === null || trip / 2 < self.doubt) {
          self.doubt = trip / 2;
          self.offset = answer.now - (asked + now) / 2;
        }
        Lab.heads.request = answer.head - self.paths.time.length;
        left -= 1;
        return left ? again() : cb(null);
      });
    }
    again();
  };

  /** When a message was sent, by the page's clock, and its number; null for what is none of this run's. */
  Feeder.prototype.read = function (text) {
    var parts = String(text).split('.'), number = parseInt(parts[0], 36), tenths = parseInt(parts[1], 36);
    if (parts.length < 3 || !isFinite(number) || !isFinite(tenths)) { return null; }
    return {number: number, sent: this.began + tenths / 10};
  };

  /** Feed a room for as long as the settings say. cb(error) at the end; `error` when it had to end earlier. */
  Feeder.prototype.run = function (room, settings, cb) {
    var self = this, total = settings.rate * settings.seconds, next = 0, failures = 0, away = null;
    this.began = this.clock.now();
    this.running = true;

    function end(error) {
      self.running = false;
      cb(error || null);
    }

    function slice() {
      var elapsed = self.clock.now() - self.began, upto = Math.min(settings.seconds * 1000, elapsed + SLICE);
      var count = Math.min(500, Math.min(total, Math.ceil(settings.rate * upto / 1000)) - next);
      if (!self.running || next >= total) { return end(); }
      if (count < 1) { return self.clock.setTimeout(slice, 50); }
      return self.request('POST', self.paths.feed, {
        room: room, since: (self.began + self.offset) / 1000, first: next, count: count, size: settings.size,
        seconds: Math.max(0, Math.min(1000, upto - elapsed)) / 1000
      }, function (error, answer) {
        var now = self.clock.now();
        if (error && away === null) { away = now; }
        if (error && error.retry && now - away < PATIENCE) {
          return self.clock.setTimeout(slice, error.retryAfter || 300);
        }
        if (error) { return end(error); }
        away = null;
        self.accepted.push.apply(self.accepted, answer.ids);
        next += answer.ids.length;
        if (!answer.error) { failures = 0; return slice(); }
        self.refused += 1;
        failures += 1;
        return failures < TRIES ? self.clock.setTimeout(slice, 300) : end(answer.error);
      });
    }
    slice();
  };

  Feeder.prototype.stop = function () { this.running = false; };

  Lab.Feeder = Feeder;
}(typeof window === 'undefined' ? {} : window));

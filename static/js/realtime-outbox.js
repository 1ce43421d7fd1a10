/*
 * The outbox: publishes that nobody has answered yet.
 *
 * A publish is sent again, on whatever transport is there by then, until it was accepted, was refused for good, or
 * its tries or its time are over. It always carries the same idempotency key, so a message that had been accepted
 * although its answer was lost is not seen twice. Messages for one room go one after the other, so that a repeated
 * one cannot be overtaken. The box is bounded. This file may not know which transport sends.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  /** `silent` is called when publishes stay without any answer twice in a row. */
  function Outbox(options, silent) {
    this.options = options;
    this.silent = silent;
    this.silences = 0;
    this.entries = [];
    this.send = null;
  }

  /** Take a message; cb(error, result) is called exactly once. Returns its key. */
  Outbox.prototype.add = function (message, cb) {
    var self = this, options = this.options, text;
    function refuse(code, why) {
      options.clock.setTimeout(function () { cb({code: code, message: why, key: message.key}); }, 0);
      return message.key;
    }
    // A copy as JSON: what is sent later is what was given now, and both transports send the same.
    try { text = JSON.stringify(message.data); } catch (_) { text = undefined; }
    if (text === undefined) { return refuse('invalid_value', 'the data has no JSON form'); }
    if (this.entries.length >= options.outboxLimit) { return refuse('outbox_full', 'too many messages are waiting'); }
    message.data = JSON.parse(text);
    var entry = {
      message: message, cb: cb, state: 'waiting', tries: 0, timer: null, error: null,
      backoff: new Realtime.Backoff(options.publishSchedule, options.random)
    };
    entry.expiry = options.clock.setTimeout(function () {
      self.finish(entry, entry.error || {code: 'timeout', message: 'the message could not be sent in time'});
    }, options.publishTimeout);
    this.entries.push(entry);
    this.pump();
    return message.key;
  };

  /** There is a connection: `send(message, cb)`. */
  Outbox.prototype.resume = function (send) {
    this.send = send;
    this.silences = 0;
    this.pump();
  };

  /** The connection broke. Whatever was under way is sent again over the next one. */
  Outbox.prototype.pause = function () {
    var clock = this.options.clock;
    this.send = null;
    this.entries.forEach(function (entry) {
      if (entry.state !== 'sent') { return; }
      clock.clearTimeout(entry.timer);
      entry.state = 'waiting';
      entry.error = {code: 'connection_lost', message: 'the connection broke before the message was confirmed'};
    });
  };

  /** Give up everything. */
  Outbox.prototype.fail = function (error) {
    this.entries.slice().forEach(function (entry) { this.finish(entry, error); }, this);
  };

  Outbox.prototype.pump = function () {
    var busy = Object.create(null);
    this.entries.slice().forEach(function (entry) {
      var room = entry.message.room;
      if (!this.send || busy[room]) { return; }
      busy[room] = true;
      if (entry.state === 'waiting') { this.transmit(entry); }
    }, this);
  };

  Outbox.prototype.transmit = function (entry) {
    var self = this, attempt = entry.tries += 1;
    entry.state = 'sent';
    entry.timer = this.options.clock.setTimeout(function () {
      self.silences += 1;
      self.again(entry, {code: 'no_answer', message: 'the server did not confirm the message'});
      if (self.silences === 2) { self.silent(); }
    }, this.options.ackTimeout);
    this.send(entry.message, function (error, result) {
      if (entry.state === 'done') { return; }
      self.silences = 0;
      // Good news is welcome from any attempt, however late; bad news only from the last one.
      if (!error) {
        self.finish(entry, null, result.id);
      } else if (attempt === entry.tries && entry.state === 'sent') {
        if (error.retry) { self.again(entry, error); } else { self.finish(entry, error); }
      }
    });
  };

  Outbox.prototype.again = function (entry, error) {
    var self = this, clock = this.options.clock;
    clock.clearTimeout(entry.timer);
    if (entry.tries >= this.options.publishTries) { return this.finish(entry, error); }
    entry.error = error;
    entry.state = 'resting';
    // `next()` first: a server that asks for patience gets at least what it asked for.
    entry.timer = clock.setTimeout(function () {
      entry.state = 'waiting';
      self.pump();
    }, Math.max(entry.backoff.next(), error.retryAfter || 0));
  };

  Outbox.prototype.finish = function (entry, error, id) {
    var at = this.entries.indexOf(entry), key = entry.message.key;
    if (at < 0) { return; }
    this.entries.splice(at, 1);
    entry.state = 'done';
    this.options.clock.clearTimeout(entry.timer);
    this.options.clock.clearTimeout(entry.expiry);
    if (error) {
      entry.cb({code: error.code, message: error.message, key: key});
    } else {
      entry.cb(null, {id: id, key: key});
    }
    this.pump();
  };

  Realtime.Outbox = Outbox;
}(typeof window === 'undefined' ? {} : window));

/*
 * The outbox: publishes that nobody has answered yet.
 *
 * A publish is sent again, on whatever transport is there by then, until it was accepted, was refused for good, or
 * its time is over. It always carries the same idempotency key, so a message that had been accepted although its
 * answer was lost is not seen twice. Messages for one room go one after the other, so that a repeated one cannot be
 * overtaken. A server that asks for patience gets it for the whole box. The box is bounded, and every change in it is
 * told. This file may not know which transport sends.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  /**
   * `silent` is called when publishes stay without any answer twice in a row; `tell(entry, state, error)` at every
   * change: waiting, sent, retrying, accepted, failed.
   */
  function Outbox(options, silent, tell) {
    this.options = options;
    this.silent = silent;
    this.tell = tell;
    this.silences = 0;
    this.entries = [];
    this.send = null;
    this.patience = null;   // the timer while a server has asked for patience
    this.until = 0;         // when that is over
    this.reason = null;     // and the error that asked for it
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
      message: message, cb: cb, state: null, since: options.clock.now(), tries: 0, faults: 0, timer: null, error: null,
      backoff: new Realtime.Backoff(options.publishSchedule, options.random)
    };
    entry.expiry = options.clock.setTimeout(function () {
      self.finish(entry, entry.error || {code: 'timeout', message: 'the message could not be sent in time'});
    }, options.publishTimeout);
    this.entries.push(entry);
    this.turn(entry, 'waiting');
    this.pump();
    return message.key;
  };

  /** There is a connection: `send(message, cb)`. */
  Outbox.prototype.resume = function (send) {
    this.send = send;
    this.silences = 0;
    this.pump();
  };

  /** The connection broke or is replaced. Whatever was under way is sent again over the next one. */
  Outbox.prototype.pause = function () {
    this.send = null;
    this.entries.slice().forEach(function (entry) {
      if (entry.state !== 'sent') { return; }
      this.options.clock.clearTimeout(entry.timer);
      entry.error = {code: 'connection_lost', message: 'the connection broke before the message was confirmed'};
      this.turn(entry, 'waiting');
    }, this);
  };

  /** Things are well again: what rests is sent at once, unless a server has asked for patience for another reason. */
  Outbox.prototype.hurry = function () {
    if (this.reason === 'bus_unavailable') {
      this.options.clock.clearTimeout(this.patience);
      this.patience = null;
    }
    this.entries.slice().forEach(function (entry) {
      if (entry.state !== 'retrying') { return; }
      this.options.clock.clearTimeout(entry.timer);
      entry.backoff.reset();
      this.turn(entry, 'waiting');
    }, this);
    this.pump();
  };

  /** Give up everything. */
  Outbox.prototype.fail = function (error) {
    this.entries.slice().forEach(function (entry) { this.finish(entry, error); }, this);
  };

  /** What is in the box, oldest first, for the page. */
  Outbox.prototype.list = function () {
    return this.entries.map(function (entry) {
      var message = entry.message, error = entry.error;
      return {
        key: message.key, room: message.room, event: message.event, data: message.data, state: entry.state,
        tries: entry.tries, since: entry.since, error: error && {code: error.code, message: error.message}
      };
    });
  };

  Outbox.prototype.turn = function (entry, state, error) {
    entry.state = state;
    this.tell(entry.message, state, error || null);
  };

  Outbox.prototype.pump = function () {
    var busy = Object.create(null);
    this.entries.slice().forEach(function (entry) {
      var room = entry.message.room;
      if (!this.send || this.patience !== null || busy[room] || entry.state === 'accepted' ||
        entry.state === 'failed') { return; }
      busy[room] = true;
      if (entry.state === 'waiting') { this.transmit(entry); }
    }, this);
  };

  Outbox.prototype.transmit = function (entry) {
    var self = this, attempt = entry.tries += 1;
    this.turn(entry, 'sent');
    entry.timer = this.options.clock.setTimeout(function () {
      self.silences += 1;
      self.again(entry, {code: 'no_answer', message: 'the server did not confirm the message'});
      if (self.silences === 2) { self.silent(); }
    }, this.options.ackTimeout);
    this.send(entry.message, function (error, result) {
      // Good news is welcome from any attempt, however late; bad news only from the last one.
      if (!error) {
        self.silences = 0;
        self.finish(entry, null, result.id);
      } else if (attempt === entry.tries && entry.state === 'sent') {
        self.silences = 0;
        if (error.retry) { self.again(entry, error); } else { self.finish(entry, error); }
      }
    });
  };

  Outbox.prototype.again = function (entry, error) {
    var self = this, clock = this.options.clock;
    clock.clearTimeout(entry.timer);
    entry.error = error;
    // An outage passes, a fault that this message sets off does not: it may not hold up the others for ever.
    if (error.code === 'internal' || error.status === 500) { entry.faults += 1; }
    if (entry.faults >= this.options.publishTries) { return this.finish(entry, error); }
    if (error.retryAfter) { this.rest(error.retryAfter, error.code); }
    this.turn(entry, 'retrying', error);
    entry.timer = clock.setTimeout(function () {
      self.turn(entry, 'waiting');
      self.pump();
    }, entry.backoff.next());
  };

  /** A server asked for patience: nothing is sent for so long. */
  Outbox.prototype.rest = function (ms, reason) {
    var self = this, clock = this.options.clock, until = clock.now() + ms;
    if (this.patience !== null && until <= this.until) { return; }
    clock.clearTimeout(this.patience);
    this.until = until;
    this.reason = reason;
    this.patience = clock.setTimeout(function () {
      self.patience = null;
      self.pump();
    }, ms);
  };

  Outbox.prototype.finish = function (entry, error, id) {
    var at = this.entries.indexOf(entry), key = entry.message.key, clock = this.options.clock;
    if (at < 0) { return; }
    this.entries.splice(at, 1);
    clock.clearTimeout(entry.timer);
    clock.clearTimeout(entry.expiry);
    if (!this.entries.length) {
      clock.clearTimeout(this.patience);
      this.patience = null;
    }
    this.turn(entry, error ? 'failed' : 'accepted', error);
    if (error) {
      entry.cb({code: error.code, message: error.message, key: key});
    } else {
      entry.cb(null, {id: id, key: key});
    }
    this.pump();
  };

  Realtime.Outbox = Outbox;
}(typeof window === 'undefined' ? {} : window));

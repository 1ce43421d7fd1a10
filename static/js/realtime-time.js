/*
 * Time and chance: the clock, waiting longer each time, and keys that nobody else makes.
 *
 * Everything in the client that waits takes its clock and its chance from here or from the caller, so that the
 * tests need no real seconds. This file may not know what is being waited for.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  // Wrapped, because browsers refuse their timers when they are called as methods of another object.
  Realtime.clock = {
    setTimeout: function (fn, ms) { return setTimeout(fn, ms); },
    clearTimeout: function (timer) { clearTimeout(timer); },
    now: function () { return new Date().getTime(); }
  };

  /**
   * How long to wait before the next try: a random part of the schedule's next step ("full jitter"), because
   * thousands of clients lose the same server at the same instant and may not come back at the same instant.
   */
  function Backoff(schedule, random) {
    this.schedule = schedule;
    this.random = random || Math.random;
    this.tries = 0;
  }

  Backoff.prototype.next = function () {
    var step = this.schedule[Math.min(this.tries, this.schedule.length - 1)];
    this.tries += 1;
    return Math.round(step * this.random());
  };

  /** Things are well again: the next wait is a short one. */
  Backoff.prototype.reset = function () { this.tries = 0; };

  /** Things were well for a moment: not back to the start, but no longer waits than those of step `most`. */
  Backoff.prototype.ease = function (most) { this.tries = Math.min(this.tries, most); };

  /** An idempotency key: 128 random bits in hex. */
  Realtime.makeKey = function (options) {
    var bytes = [], i;
    if (options.crypto && options.crypto.getRandomValues && typeof Uint8Array === 'function') {
      bytes = options.crypto.getRandomValues(new Uint8Array(16));
    } else {
      for (i = 0; i < 16; i += 1) { bytes.push(Math.floor(options.random() * 256)); }
    }
    return Array.prototype.map.call(bytes, function (byte) { return ('0' + byte.toString(16)).slice(-2); }).join('');
  };

  Realtime.Backoff = Backoff;
}(typeof window === 'undefined' ? {} : window));

/*
 * Realtime.Pulse: is this stream alive, and does what is sent arrive when it is sent?
 *
 * A server that is asked for it sends heartbeats as events, one every so many milliseconds whatever else it sends. So
 * a stream that shows nothing for two of them is dead or held back, and heartbeats that arrive closer to each other
 * than they were sent were held back by somebody in between. A machine that slept proves neither.
 * What was found out about this network is written into `memory` for the next stream: `padded`, ask for padding;
 * `held`, even that did not help, trust it only once it is proven. It may not close or open anything.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var LEAST = 20, MOST = 600000;

  var WORDS = {
    silent: 'the event stream fell silent', bunched: 'the event stream is held back on its way',
    slept: 'the machine slept, and the event stream may be gone'
  };

  /** `tell({code, message})` is called once: 'silent', 'bunched', or 'slept' when all timers stood still. */
  function Pulse(clock, memory, tell) {
    this.clock = clock;
    this.memory = memory;
    this.tell = tell;
    this.every = null;    // milliseconds between heartbeats, once the first has said so
    this.beats = 0;
    this.strikes = 0;
    this.beaten = null;   // when the last heartbeat came
    this.last = null;     // when anything came
    this.timer = null;
  }

  /** Something came. */
  Pulse.prototype.sign = function () { this.last = this.clock.now(); };

  /** A heartbeat came; true when it came by its own time. The first comes with the stream's opening. */
  Pulse.prototype.beat = function (every) {
    var now = this.clock.now(), gap = this.beaten === null ? null : now - this.beaten;
    if (!(every >= LEAST)) { return false; }
    this.every = Math.min(every, MOST);
    this.beats += 1;
    this.beaten = this.last = now;
    if (this.timer === null) { this.wait(2 * this.every); }
    // From the opening to the first regular one is any part of the interval.
    if (this.beats < 3) { return this.beats === 2; }
    if (this.beats === 9) { this.memory.padded = this.memory.held = false; }
    this.strikes = gap < this.every / 2 ? this.strikes + 1 : Math.max(0, this.strikes - 0.25);
    if (this.strikes >= 2) { this.end('bunched'); }
    return this.strikes < 1;
  };

  Pulse.prototype.wait = function (ms) {
    var self = this, due = this.clock.now() + ms;
    this.timer = this.clock.setTimeout(function () {
      var now = self.clock.now(), left = self.last + 2 * self.every - now;
      // Whoever slept has not listened: what came meanwhile is still to be handed over, or the stream is gone.
      if (now - due > self.every) { return self.end('slept'); }
      if (left > 0) { return self.wait(left); }
      self.end('silent');
    }, ms);
  };

  Pulse.prototype.end = function (verdict) {
    if (!this.stop()) { return; }
    if (verdict !== 'slept') { Pulse.blame(this.memory); }
    this.tell({code: verdict, message: WORDS[verdict]});
  };

  /** Somebody holds streams back, it seems. */
  Pulse.blame = function (memory) {
    memory.held = memory.held || memory.padded || false;
    memory.padded = true;
  };

  Pulse.prototype.stop = function () {
    var running = this.timer !== null;
    this.clock.clearTimeout(this.timer);
    this.timer = null;
    return running;
  };

  Realtime.Pulse = Pulse;
}(typeof window === 'undefined' ? {} : window));

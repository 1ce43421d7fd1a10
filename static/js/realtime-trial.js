/*
 * Realtime.Trial: a second connection beside the one in use, to change over without a gap (make before break).
 *
 * The new transport joins every room from where we stand now, and what it brings is held back: the old one goes on
 * delivering. Once the new one has caught up, the old one is silenced, and what is held is handed on in the order of
 * the ids. What the old one has delivered meanwhile was seen and is dropped; the rest is exactly what came after it.
 * So the old one needs no last word, and may die in between.
 * This file may not choose a transport or a time, and delivers nothing before its change-over.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  // What the old one has shown but the log does not keep (who is typing) can never be caught up with.
  var CATCH_UP = 1000;

  /** A room as the new transport sees it: it may write down how far it got without touching the one in use. */
  function shadow(room) {
    return {name: room.name, after: room.after, history: room.history, joined: true, since: room.since, real: room,
      person: room.person};
  }

  /**
   * `cb(error)` is called exactly once: null after the change-over. `why` is 'asked', 'better' or 'renewed'.
   * Rooms whose first join is still to be answered stay with the connection in use, and are joined afterwards.
   */
  function Trial(owner, name, why, cb) {
    this.link = owner;
    this.name = name;
    this.why = why;
    this.cb = cb;
    this.position = owner.face._cursor.position;
    this.rooms = owner.face._wanted().filter(function (room) { return room.joined; }).map(shadow);
    this.held = [];
    this.lowest = null;                  // up to where every room has been brought
    this.newest = null;                  // the newest that was brought
    this.goal = null;                    // where the old one stood when the new one was ready
    this.timer = null;
    this.ready = this.degraded = false;
    this.passed = Object.create(null);   // ids that the connection in use has delivered meanwhile
    this.began = owner.options.clock.now();
    this.host = this.bind({options: owner.options, memory: owner.memory[name], proving: true});
    this.host.transport = new Realtime.transports[name](this.host);
  }

  Trial.prototype.open = function () { this.host.transport.open(); };

  /** What the new transport may ask and tell until it is the one in use. */
  Trial.prototype.bind = function (host) {
    var self = this, face = this.link.face;

    function heard(fn) { return function (a, b, c) { if (self.link.trial === self) { fn(a, b, c); } }; }
    function fail(code, message) {
      return heard(function () { self.fail({code: code, message: message}); });
    }

    host.rooms = function () { return self.rooms; };
    host.wants = function (room) { return face._rooms[room.name] === room.real; };
    host.events = function () { return Object.keys(face._listeners); };
    host.position = function () { return self.position; };
    host.joining = host.interrupted = host.alive = function () {};
    host.control = heard(function (event) {
      if (event === 'realtime.degraded') { self.degraded = true; }
      if (event === 'realtime.restored') { self.degraded = false; }
    });
    host.covered = heard(function (position) {
      if (position && (!self.lowest || Realtime.compareIds(position, self.lowest) < 0)) { self.lowest = position; }
    });
    host.joined = heard(function (room, error) { if (error) { self.fail(error); } });
    host.deliver = heard(function (event, data, id) { self.hold(event, data, id); });
    host.moved = heard(function (position) { self.position = position; });
    host.opened = heard(function (recovered) {
      // As long as the connection in use has everything, a new one that has not is no gain.
      if (!recovered && self.link.current) {
        return self.fail({code: 'not_recovered', message: 'the log does not reach back to where this page stands'});
      }
      self.opened(recovered);
    });
    host.lost = heard(function (error) { self.fail(error); });
    host.reset = fail('not_recovered', 'the log could not be followed');
    return host;
  };

  /** It is open. An event stream says so before it replays: the old one goes on until that has caught up with it. */
  Trial.prototype.opened = function (recovered) {
    var self = this, position = this.link.face._cursor.position;
    this.ready = true;
    this.recovered = recovered;
    this.goal = this.link.current && position;
    if (this.caughtUp()) { return this.end(); }
    this.timer = this.timer || this.link.options.clock.setTimeout(function () { self.end(); }, CATCH_UP);
  };

  Trial.prototype.caughtUp = function () {
    var reached = Realtime.newestOf([this.lowest, this.newest, this.position]);
    return this.ready && (!this.goal || !!reached && Realtime.compareIds(reached, this.goal) >= 0);
  };

  Trial.prototype.end = function () {
    this.link.options.clock.clearTimeout(this.timer);
    if (this.link.trial === this) { this.link.changeOver(this, this.recovered); }
  };

  /** The old connection is gone. */
  Trial.prototype.alone = function () {
    if (this.ready) { this.end(); }
  };

  /** The connection in use has delivered this. The cursor's memory is bounded, and a trial may take its time. */
  Trial.prototype.pass = function (id) { if (id) { this.passed[id] = true; } };

  /** What has no id cannot be recognised: only the connection in use delivers it. */
  Trial.prototype.hold = function (event, data, id) {
    if (!id) { return; }
    if (!this.passed[id] && !this.link.face._cursor.seen.has(id)) {
      this.held.push({event: event, data: data, id: id});
    }
    this.newest = Realtime.newestOf([this.newest, id]);
    if (this.caughtUp()) { this.end(); }
  };

  /** What was held, in the order of the log: several rooms may have been replayed one after the other. */
  Trial.prototype.release = function () {
    var passed = this.passed;
    return this.held.splice(0).filter(function (message) { return !passed[message.id]; })
      .sort(function (a, b) { return Realtime.compareIds(a.id, b.id); });
  };

  Trial.prototype.fail = function (error) {
    if (this.link.trial !== this) { return; }
    this.stop();
    this.link.tried(this, error);
  };

  Trial.prototype.stop = function () {
    this.link.options.clock.clearTimeout(this.timer);
    this.link.trial = null;
    this.host.transport.close();
  };

  Realtime.Trial = Trial;
}(typeof window === 'undefined' ? {} : window));

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

  /** A room as the new transport sees it: it may write down how far it got without touching the one in use. */
  function shadow(room) {
    return {name: room.name, after: room.after, history: room.history, joined: true, since: room.since, real: room};
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
    this.lowest = null;
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
    host.joining = host.interrupted = host.alive = host.control = function () {};
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
      self.link.changeOver(self, recovered);
    });
    host.lost = heard(function (error) { self.fail(error); });
    host.reset = fail('not_recovered', 'the log could not be followed');
    return host;
  };

  /** The connection in use has delivered this. The cursor's memory is bounded, and a trial may take its time. */
  Trial.prototype.pass = function (id) { if (id) { this.passed[id] = true; } };

  /** What has no id cannot be recognised: only the connection in use delivers it. */
  Trial.prototype.hold = function (event, data, id) {
    if (id && !this.passed[id] && !this.link.face._cursor.seen.has(id)) {
      this.held.push({event: event, data: data, id: id});
    }
  };

  /** What was held, in the order of the log: several rooms may have been replayed one after the other. */
  Trial.prototype.release = function () {
    var passed = this.passed;
    return this.held.splice(0).filter(function (message) { return !passed[message.id]; })
      .sort(function (a, b) { return Realtime.compareIds(a.id, b.id); });
  };

  Trial.prototype.fail = function (error) {
    if (this.link.trial !== this) { return; }
    this.link.trial = null;
    this.host.transport.close();
    this.link.tried(this, error);
  };

  Realtime.Trial = Trial;
}(typeof window === 'undefined' ? {} : window));

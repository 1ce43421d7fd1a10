/*
 * The link's second half: changing over from one connection to another while messages flow.
 *
 * Three reasons: the page asks for a transport, a better one may work by now, or the connection in use may be dead
 * without knowing it (the machine slept, the network changed). All are trials beside the connection in use; only one
 * runs at a time. This file may not look into a message, nor hand one on out of order.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var Link = Realtime.Link, LONGEST = 300000;
  // Told by the watcher, these end the connection. (A page that holds one is not put aside, and would be loaded anew.)
  var ENDS = {offline: 'the browser says that it is offline', aside: 'the browser puts the page aside'};

  function nothing() {}

  Link.prototype.prepare = function () {
    this.trial = null;
    this.seamless = false;   // the change of connections that is being told left no gap
    this.prefer = null;      // the transport that the page has asked for
    this.wishes = [];        // what waits for a connection: {name, cb}
    this.probing = new Realtime.Backoff(this.options.probeSchedule, this.options.random);
    this.probe = null;       // the timer until better transports are tried
  };

  /** Go over to a transport and stay with it; null: choose as before. cb(error) once that is done, or cannot be. */
  Link.prototype.change = function (name, cb) {
    var self = this, before = this.prefer, goal;
    this.prefer = name;
    goal = this.order()[0];
    if (name && goal !== name) {
      this.prefer = before;
      return cb({code: 'no_transport', message: 'unknown, or nothing that this browser can use: ' + name});
    }
    if (this.trial) { this.trial.fail({code: 'replaced', message: 'another transport was asked for'}); }
    if (!this.open) {
      this.wishes.push({name: name, cb: cb});
      if (!this.running) { return undefined; }
      if (this.current) {
        this.queue = this.order();
        this.drop();
        this.next();
      } else if (this.asked === null) {
        this.start();
      }
      return undefined;
    }
    if (this.name === goal) { this.improve(); return cb(null); }
    return this.attempt(goal, 'asked', function (error) {
      if (error && self.name !== goal) { self.improve(); }
      cb(error);
    });
  };

  /** What waited for a connection has one now, or there will be none. */
  Link.prototype.settle = function (error) {
    var name = this.name;
    if (error && this.trial) { this.trial.fail(error); }
    if (error) { this.options.clock.clearTimeout(this.probe); this.probe = null; }
    this.wishes.splice(0).forEach(function (wish) {
      if (error || !wish.name || wish.name === name) { return wish.cb(error || null); }
      wish.cb({code: 'no_transport', message: 'it does not work here; connected over ' + name});
    });
  };

  Link.prototype.attempt = function (name, why, cb) {
    this.options.clock.clearTimeout(this.probe);
    this.probe = null;
    this.remember(name);
    this.trial = new Realtime.Trial(this, name, why, cb || nothing);
    this.trial.open();
  };

  /** A trial has caught up: from here on it is the connection. */
  Link.prototype.changeOver = function (trial, recovered) {
    var face = this.face, cursor = face._cursor, old = this.current, from = this.name;
    var transport = trial.host.transport;
    this.trial = null;
    if (old) { this.current = null; old.close(); }
    face._outbox.pause();
    this.current = transport;
    this.name = trial.name;
    this.openedAt = this.options.clock.now();
    this.bind(trial.host, trial.name);
    // What the old one was asked and has not answered: its rooms are gone with it, the others ask again below.
    cursor.abandon();
    face._settle();
    face._degrade(trial.degraded);
    trial.rooms.forEach(function (room) { room.real.since = room.since; });
    if (!recovered) { cursor.reset(trial.lowest || trial.position); }
    trial.release().forEach(function (message) {
      if (this.current === transport) { face._deliver(message.event, message.data, message.id); }
    }, this);
    if (this.current !== transport) { return trial.cb({code: 'closed', message: 'the page has closed it'}); }
    // Replays of several rooms end at different positions: all of them have everything up to the lowest.
    if (trial.lowest && cursor.position && Realtime.compareIds(trial.lowest, cursor.position) < 0) {
      cursor.reset(trial.lowest);
    }
    if (trial.why === 'better') { this.probing.reset(); }
    this.open = false;
    this.seamless = !!from;
    this.opened(trial.name, transport, recovered);
    this.seamless = false;
    face._wanted().forEach(function (room) {
      if (this.current === transport && !trial.rooms.some(function (one) { return one.real === room; })) {
        transport.join(room);
      }
    }, this);
    trial.cb(null);
  };

  /** A trial has failed. The connection in use goes on, if there is one. */
  Link.prototype.tried = function (trial, error) {
    var silent = this.heardAt < trial.began;
    if (this.running && !this.current && !this.timer) {
      this.rest(error.retryAfter);
    } else if (this.running && trial.why === 'renewed' && this.open && silent) {
      // Nothing came over the old connection while a new one could not be had: it is dead.
      this.lost(this.name, error);
    }
    trial.cb(error);
  };

  /** Something about the rooms has changed under a running trial: it begins again. */
  Link.prototype.again = function (room) {
    var trial = this.trial;
    if (!trial || !trial.rooms.some(function (one) { return one.name === room.name; })) { return; }
    trial.stop();
    this.attempt(trial.name, trial.why, trial.cb);
  };

  /** Try what would be better than the transport in use, after a while; again and again, ever more seldom. */
  Link.prototype.improve = function () {
    var self = this, clock = this.options.clock, order = this.order();
    var better = order.slice(0, order.indexOf(this.name));
    clock.clearTimeout(this.probe);
    this.probe = null;
    this.settle(null);
    if (!better.length || !this.open) { return; }
    function climb() {
      var name = better.shift();
      if (!self.running || !self.open || self.trial) { return self.improve(); }
      if (!name) { return self.improve(); }
      return self.attempt(name, 'better', function (error) { if (error && error.code !== 'replaced') { climb(); } });
    }
    this.probe = clock.setTimeout(climb, this.options.stableAfter + this.probing.next());
  };

  /** A connection that may be dead is replaced by a new one of its kind. */
  Link.prototype.renew = function () {
    if (this.open && !this.trial) { this.attempt(this.name, 'renewed', this.improve.bind(this)); }
  };

  /** What the watcher saw. */
  Link.prototype.happened = function (what) {
    var error = ENDS[what] && {code: what, message: ENDS[what], retryAfter: what === 'aside' ? LONGEST : 0};
    var quiet = this.options.clock.now() - this.heardAt > this.options.quietAfter;
    if (error) {
      if (this.trial) { this.trial.fail(error); }
      this.queue = [];
      if (this.current) { this.lost(this.name, error); }
    } else if (this.timer) {
      // A server that asked for a time is not asked before it.
      if (this.asked === null) { this.start(); }
    } else if (what === 'online' || what === 'restored' || quiet) {
      this.probing.reset();
      this.renew();
    }
    if (what === 'online') { this.face._outbox.hurry(); }
  };

  /** The server speaks of itself. */
  Link.prototype.told = function (event, data) {
    var face = this.face, ms = Number(data && data.retry);
    if (event === 'realtime.closing' && ms >= 0) { this.asked = this.options.clock.now() + Math.min(ms, LONGEST); }
    if (event === 'realtime.degraded' || event === 'realtime.restored') {
      face._degrade(event === 'realtime.degraded');
      if (!face.degraded) { face._outbox.hurry(); }
    }
    face._emit(event, data);
  };
}(typeof window === 'undefined' ? {} : window));

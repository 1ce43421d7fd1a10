/*
 * The link: which transport is in use, which is tried next, and when.
 *
 * One round tries the transports in order, each until it answers or its own time is over; a round without success
 * is followed by a wait. What has worked in this session is tried first, so a WebSocket that broke is tried again
 * before the page falls back, and a page behind a wall does not run against it at each reconnect; what holds messages
 * back on this network comes last. While a lesser transport is in use the better ones are tried beside it, and a
 * connection that may be dead without knowing it is renewed beside itself (realtime-switch.js).
 * This file may not know how any transport works, nor look into a message.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  function Link(face) {
    var self = this;
    this.face = face;
    this.options = face.options;
    this.backoff = new Realtime.Backoff(this.options.reconnectSchedule, this.options.random);
    this.watcher = new Realtime.Watch(this.options, function (what) { self.happened(what); });
    this.worked = {};       // names of transports that have answered in this session
    this.memory = {};       // what a transport wants its next one to know in this session, by its name
    this.current = null;    // the transport in use or being tried
    this.name = null;       // its name
    this.queue = [];        // names still to be tried in this round
    this.timer = null;
    this.running = false;
    this.open = false;
    this.broken = false;    // there was a connection, and now we come back
    this.openedAt = null;   // when the current transport answered first
    this.heardAt = 0;       // when it last gave a sign of life
    this.asked = null;      // when to come back, where a server has said so
    this.patience = 0;      // how long one has asked us to wait in this round, in milliseconds
    this.prepare();
  }

  Link.prototype.start = function () {
    if (!this.running) {
      this.running = true;
      this.watcher.start();
      this.face._change('connecting', null);
      this.round();
    } else if (this.timer) {
      this.options.clock.clearTimeout(this.timer);
      this.round();
    }
  };

  Link.prototype.stop = function () {
    this.options.clock.clearTimeout(this.timer);
    this.timer = null;
    this.running = false;
    this.asked = null;
    this.broken = this.broken || this.open;
    this.watcher.stop();
    this.settle({code: 'closed', message: 'the connection was closed by the page'});
    this.drop();
    this.backoff.reset();
    this.face._change('closed', null);
  };

  /** The transports that this browser has, the preferred one first. */
  Link.prototype.order = function () {
    var options = this.options, prefer = this.prefer;
    var names = options.transports.filter(function (name) { return name !== prefer; });
    return (prefer ? [prefer].concat(names) : names).filter(function (name) {
      return Realtime.transports[name] && Realtime.transports[name].available(options);
    });
  };

  Link.prototype.round = function () {
    var worked = this.worked, memory = this.memory, usable = this.order();
    function rank(name) { return (memory[name] || {}).held ? 2 : worked[name] ? 0 : 1; }
    this.timer = this.asked = null;
    this.patience = 0;
    this.queue = [0, 1, 2].reduce(function (queue, wanted) {
      return queue.concat(usable.filter(function (name) { return rank(name) === wanted; }));
    }, []);
    if (this.queue.length) { return this.next(); }
    var error = {code: 'no_transport', message: 'this browser has none of: ' + this.options.transports.join(', ')};
    this.stop();
    this.face._settle(error);
    this.face._emit('realtime.error', error);
  };

  Link.prototype.next = function () {
    var name = this.queue.shift();
    if (!name) { return this.rest(); }
    var host = this.bind({options: this.options, memory: this.remember(name)}, name);
    this.name = name;
    this.current = host.transport = new Realtime.transports[name](host);
    this.current.open();
  };

  Link.prototype.remember = function (name) { return this.memory[name] = this.memory[name] || {}; };

  /** Wait before the next round: as long as a server has asked for, else as the backoff says. */
  Link.prototype.rest = function (retryAfter) {
    var self = this, clock = this.options.clock, wait = Math.max(this.backoff.next(), this.patience, retryAfter || 0);
    if (this.asked !== null) { wait = Math.max(0, this.asked - clock.now()); }
    this.timer = clock.setTimeout(function () { self.round(); }, wait);
    this.face._change(this.broken ? 'reconnecting' : 'connecting', null, wait);
  };

  /** Let go of the current transport. The position stays where it was before any join that was not answered. */
  Link.prototype.drop = function () {
    var transport = this.current;
    this.current = this.name = null;
    this.open = false;
    this.openedAt = null;
    if (transport) { transport.close(); }
    this.face._cursor.abandon();
    this.face._outbox.pause();
    this.face._settle();
  };

  Link.prototype.lost = function (name, error) {
    var lived = this.openedAt === null ? -1 : this.options.clock.now() - this.openedAt;
    this.drop();
    if (lived >= 0) { this.broken = true; }
    // On a train every connection is short. Whoever gets one now and then should not wait as for a dead server.
    if (lived >= this.options.stableAfter) { this.backoff.reset(); } else if (lived >= 0) { this.backoff.ease(2); }
    this.face._emit('realtime.error', {code: error.code, message: error.message, transport: name});
    // A listener may have closed the connection, or asked for another at once.
    if (!this.running || this.current || this.timer) { return; }
    // The next one is on its way already.
    if (this.trial) {
      this.face._change('reconnecting', null);
      return this.trial && this.trial.alone();
    }
    // What had worked is tried again after a moment; what had not answered at all leaves its place to the next.
    this.patience = Math.max(this.patience, error.retryAfter || 0);
    if (lived >= 0) { this.rest(); } else { this.next(); }
  };

  Link.prototype.opened = function (name, transport, recovered) {
    var cameBack = this.broken, clock = this.options.clock;
    this.worked[name] = true;
    this.broken = false;
    this.heardAt = clock.now();
    if (this.openedAt === null) { this.openedAt = clock.now(); }
    if (!this.open) {
      this.open = true;
      this.asked = null;
      this.face._change('connected', name, undefined, this.seamless);
      this.face._outbox.resume(function (message, cb) { transport.publish(message, cb); });
      this.improve();
    }
    if (!recovered) {
      this.face._emit('realtime.reset', {cursor: this.face._cursor.position});
    } else if (cameBack) {
      this.face._emit('realtime.recovered', {cursor: this.face._cursor.position, transport: name});
    }
  };

  /** The transport repairs itself (a native EventSource does): nothing to choose, but the page may know. */
  Link.prototype.interrupted = function () {
    if (!this.open) { return; }
    this.open = false;
    this.broken = true;
    this.face._outbox.pause();
    this.face._change('reconnecting', null);
  };

  Link.prototype.join = function (room) { if (this.current) { this.current.join(room); } };

  Link.prototype.leave = function (room, cb) {
    this.again(room);
    if (this.current) { this.current.leave(room, cb); } else { cb(); }
  };

  Link.prototype.watch = function (event) {
    if (this.current) { this.current.watch(event); }
    if (this.trial) { this.trial.host.transport.watch(event); }
  };

  /** Publishes stay without an answer. A transport that can be mute while it looks healthy is given up. */
  Link.prototype.suspect = function () { if (this.current && this.current.suspect) { this.current.suspect(); } };

  /** What one attempt may ask and tell. A transport that was let go may say what it likes: nobody listens. */
  Link.prototype.bind = function (host, name) {
    var link = this, face = this.face, cursor = face._cursor, clock = this.options.clock;

    function heard(fn) {
      return function (a, b, c) {
        if (!host.transport || link.current !== host.transport) { return; }
        link.heardAt = clock.now();
        fn(a, b, c);
      };
    }

    host.proving = false;   // whether it has to show first that what is sent arrives
    host.rooms = function () { return face._wanted(); };
    // A transport that changed over in the middle of an answer still holds the room that its trial showed it.
    host.wants = function (room) { return face._rooms[room.name] === (room.real || room); };
    host.events = function () { return Object.keys(face._listeners); };
    host.position = function () { return cursor.position; };
    // A join goes: joining (sent), covered (its past has been delivered, up to this cursor), joined (tell the page).
    host.joining = heard(function (all) { cursor.begin(all); });
    host.covered = heard(function (position) { cursor.end(position); });
    host.joined = heard(function (room, error, answer) { face._joined(room, error, answer); });
    host.deliver = heard(function (event, data, id) {
      if (link.trial) { link.trial.pass(id); }
      face._deliver(event, data, id);
    });
    host.moved = heard(function (position) { cursor.reset(position); });
    host.alive = heard(function () {});
    host.control = heard(function (event, data) { link.told(event, data); });
    host.opened = heard(function (recovered) { link.opened(name, host.transport, recovered); });
    host.interrupted = heard(function () { link.interrupted(); });
    host.lost = heard(function (error) { link.lost(name, error); });
    host.reset = heard(function (position) {
      cursor.reset(position);
      face._wanted().forEach(function (room) { room.since = null; });
      face._emit('realtime.reset', {cursor: cursor.position});
    });
    return host;
  };

  Realtime.Link = Link;
}(typeof window === 'undefined' ? {} : window));

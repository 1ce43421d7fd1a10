/*
 * The link: which transport is in use, which is tried next, and when.
 *
 * One round tries the transports in order, each until it answers or its own time is over; a round without success
 * is followed by a wait. What has worked in this session is tried first, so a WebSocket that broke is tried again
 * before the page falls back, and a page behind a wall does not run against it at each reconnect.
 * This file may not know how any transport works, nor look into a message.
 *
 * A later wish fits in here: going up again from SSE to WebSocket is a second attempt beside `current` whose host
 * takes over in `opened`; reacting to `online` or to a page that is shown again is a call of `connect()`.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  function Link(face) {
    this.face = face;
    this.options = face.options;
    this.backoff = new Realtime.Backoff(this.options.reconnectSchedule, this.options.random);
    this.worked = {};       // names of transports that have answered in this session
    this.current = null;    // the transport in use or being tried
    this.queue = [];        // names still to be tried in this round
    this.timer = null;
    this.running = false;
    this.open = false;
    this.broken = false;    // there was a connection, and now we come back
    this.openedAt = null;   // when the current transport answered first
  }

  Link.prototype.start = function () {
    if (!this.running) {
      this.running = true;
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
    this.broken = this.broken || this.open;
    this.drop();
    this.backoff.reset();
    this.face._change('closed', null);
  };

  Link.prototype.round = function () {
    var worked = this.worked, options = this.options;
    var usable = options.transports.filter(function (name) {
      return Realtime.transports[name] && Realtime.transports[name].available(options);
    });
    this.timer = null;
    this.queue = usable.filter(function (name) { return worked[name]; })
      .concat(usable.filter(function (name) { return !worked[name]; }));
    if (this.queue.length) { return this.next(); }
    var error = {code: 'no_transport', message: 'this browser has none of: ' + options.transports.join(', ')};
    this.stop();
    this.face._settle(error);
    this.face._emit('realtime.error', error);
  };

  Link.prototype.next = function () {
    var name = this.queue.shift();
    if (!name) { return this.rest(); }
    var host = this.host(name);
    this.current = host.transport = new Realtime.transports[name](host);
    this.current.open();
  };

  Link.prototype.rest = function () {
    var self = this, wait = this.backoff.next();
    this.timer = this.options.clock.setTimeout(function () { self.round(); }, wait);
    this.face._change(this.broken ? 'reconnecting' : 'connecting', null, wait);
  };

  /** Let go of the current transport. The position stays where it was before any join that was not answered. */
  Link.prototype.drop = function () {
    var transport = this.current;
    this.current = null;
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
    // What had worked is tried again after a moment; what had not answered at all leaves its place to the next.
    if (lived >= 0) { this.rest(); } else { this.next(); }
  };

  Link.prototype.opened = function (name, transport, recovered) {
    var cameBack = this.broken;
    this.worked[name] = true;
    this.broken = false;
    if (this.openedAt === null) { this.openedAt = this.options.clock.now(); }
    if (!this.open) {
      this.open = true;
      this.face._change('connected', name);
      this.face._outbox.resume(function (message, cb) { transport.publish(message, cb); });
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
    if (this.current) { this.current.leave(room, cb); } else { cb(); }
  };

  Link.prototype.watch = function (event) { if (this.current) { this.current.watch(event); } };

  /** Publishes stay without an answer. A transport that can be mute while it looks healthy is given up. */
  Link.prototype.suspect = function () { if (this.current && this.current.suspect) { this.current.suspect(); } };

  /** What one attempt may ask and tell. A transport that was let go may say what it likes: nobody listens. */
  Link.prototype.host = function (name) {
    var link = this, face = this.face, cursor = face._cursor, host = {options: this.options};

    function heard(fn) {
      return function (a, b, c) { if (host.transport && link.current === host.transport) { fn(a, b, c); } };
    }

    host.rooms = function () { return face._wanted(); };
    host.wants = function (room) { return face._rooms[room.name] === room; };
    host.events = function () { return Object.keys(face._listeners); };
    host.position = function () { return cursor.position; };
    // A join goes: joining (sent), covered (its past has been delivered, up to this cursor), joined (tell the page).
    host.joining = heard(function (all) { cursor.begin(all); });
    host.covered = heard(function (position) { cursor.end(position); });
    host.joined = heard(function (room, error, answer) { face._joined(room, error, answer); });
    host.deliver = heard(function (event, data, id) { face._deliver(event, data, id); });
    host.moved = heard(function (position) { cursor.reset(position); });
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

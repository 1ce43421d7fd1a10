/*
 * The SSE transport: one event stream for all rooms, and plain HTTP for everything that goes up.
 *
 * The stream is a native EventSource, which comes back by itself with Last-Event-ID. It gives up for good on any
 * answer but 200; then, and when it does not come back in time, the link makes a new transport with `after`.
 * The past of a new room comes by GET (Realtime.Past) before the stream is opened again: so no other room is replayed,
 * and a room that is refused says why, which an EventSource never does.
 * The server is asked for heartbeats that scripts can see: a stream that is silent, or held back by somebody in
 * between (Realtime.Pulse), is first asked for padding and then left for a transport that cannot be held back.
 * This file may not choose another transport, or keep anything beyond its own life.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var CLOSED = 2, PADDING = 16384, LONGEST = 300000;
  var TOLD = 'degraded restored closing revoked expired presence'.replace(/\w+/g, 'realtime.$&').split(' ');

  function parse(text) {
    try { return JSON.parse(text); } catch (_) { return text; }
  }

  function EventStreamTransport(host) {
    this.host = host;
    this.source = null;
    this.heard = null;                     // event names the current EventSource listens to
    this.last = '';                        // the id that its last message bore
    this.deadline = null;
    this.admitted = Object.create(null);   // room name -> {room, recovered}: its past is here, its stream not yet
    this.admitting = false;
    this.whole = true;                     // nothing was missing when rooms were brought up by GET
    this.past = new Realtime.Past(host);
    this.greeted = false;                  // the current EventSource has been answered once
    this.live = false;                     // and is not coming back from a break right now
    this.pulse = null;                     // judges the current stream
    this.patience = 0;                     // how long the server wants us to stay away, in milliseconds
    this.over = false;
  }

  EventStreamTransport.available = function (options) {
    return !!options.EventSource && !!options.XMLHttpRequest;
  };

  EventStreamTransport.prototype.open = function () {
    this.expect();
    this.refresh();
  };

  EventStreamTransport.prototype.join = function () {
    if (!this.admitting) { this.refresh(); }   // else the admissions under way look again at their end
  };

  EventStreamTransport.prototype.rename = function () { if (this.live) { this.stream(); } };

  EventStreamTransport.prototype.leave = function (room, cb) {
    delete this.admitted[room.name];
    if (this.source) { this.stream(); }
    cb();
  };

  /** The rooms that can go on from the shared position, or those that cannot yet: new ones, and ones further along. */
  EventStreamTransport.prototype.rooms = function (ready) {
    var admitted = this.admitted, position = this.host.position();
    return this.host.rooms().filter(function (room) {
      var ahead = room.since && position && Realtime.compareIds(room.since, position) > 0;
      return ready === (room.joined && !ahead || !!admitted[room.name] && admitted[room.name].room === room);
    });
  };

  /** Let all new rooms in, then open the stream with everything. */
  EventStreamTransport.prototype.refresh = function () {
    var self = this, rooms = this.rooms(false);
    this.admitting = rooms.length > 0;
    if (!this.admitting) { return this.stream(); }
    this.past.bring(rooms, this.rooms(true), function (found, recovered) {
      found.forEach(function (entry) { self.admitted[entry.room.name] = entry; });
      self.whole = self.whole && recovered;
      self.refresh();
    });
  };

  /** (Re)open the stream: every room that is in, from the position they all share. */
  EventStreamTransport.prototype.stream = function () {
    var self = this, host = this.host, options = host.options, position = host.position(), rooms = this.rooms(true);
    var query = rooms.map(function (room) { return 'room=' + Realtime.encode(room.name); });
    this.silence();
    if (!rooms.length) {
      // Nothing to listen to. Publishing needs no stream, so this counts as connected.
      this.relax();
      if (!this.admitting) { host.opened(true); }
      return;
    }
    if (position) { query.push('after=' + Realtime.encode(position)); }
    query.push(Realtime.named(rooms) + 'heartbeat=event');
    if (host.memory.padded) { query.push('padding=' + PADDING); }
    this.expect();
    this.heard = Object.create(null);
    this.last = '';
    this.greeted = this.live = false;
    try {
      this.source = new (Realtime.sourceOf(options))(options.url + '/events?' + query.join('&'),
        {withCredentials: !!options.withCredentials, XMLHttpRequest: options.XMLHttpRequest, clock: options.clock});
    } catch (error) {
      return host.lost({code: 'connect_failed', message: String(error && error.message || error)});
    }
    this.listen('realtime.ready', function (data) { self.ready(rooms, data); });
    this.listen('realtime.reset', function (data) { host.reset(data.cursor); });
    this.listen('realtime.heartbeat', function (data) { self.beat(data.every); });
    TOLD.forEach(function (event) {
      this.listen(event, function (data) { host.control(event, data); });
    }, this);
    this.watch('error');
    host.events().forEach(function (event) { self.watch(event); });
  };

  EventStreamTransport.prototype.listen = function (event, fn) {
    var self = this, source = this.source;
    source.addEventListener(event, function (e) {
      var data = parse(e.data) || {};
      if (source !== self.source) { return; }
      if (data.retry >= 0) { self.patience = Math.min(LONGEST, data.retry); }   // of a heartbeat, or the last words
      fn(data);
    }, false);
  };

  /** An EventSource only shows events whose names were registered. */
  EventStreamTransport.prototype.watch = function (event) {
    var self = this, source = this.source, heard = this.heard;
    if (!source || heard[event] || event.indexOf('realtime.') === 0) { return; }
    heard[event] = true;
    source.addEventListener(event, function (e) {
      var id;
      if (source !== self.source) { return; }
      // An application's event may be called `error` or `open`; only a message has data.
      if (typeof e.data === 'string') {
        if (self.pulse) { self.pulse.sign(); }
        // What has no id of its own, which is transient, bears that of the message before it.
        id = e.lastEventId === self.last ? null : e.lastEventId || null;
        self.last = e.lastEventId;
        self.host.deliver(event, parse(e.data), id);
      } else if (event === 'error') {
        self.interrupted();
      }
    }, false);
  };

  EventStreamTransport.prototype.ready = function (rooms, answer) {
    var self = this, recovered = answer.recovered !== false, resumed = false;
    if (this.over) { return; }
    this.relax();
    this.patience = 0;
    this.greeted = this.live = true;
    this.judge();
    rooms.forEach(function (shown) {
      // A change-over may have put the page's own room in the place of a trial's.
      var room = self.host.rooms().filter(function (one) { return one.name === shown.name; })[0] || shown;
      var entry = self.admitted[room.name];
      delete self.admitted[room.name];
      room.since = null;
      if (room.joined) { resumed = true; return; }
      self.host.joined(room, null, {recovered: recovered && !(entry && !entry.recovered), cursor: answer.cursor});
    });
    if (!recovered || !this.host.position()) { this.host.moved(answer.cursor); }
    recovered = this.whole && (recovered || !resumed);
    this.whole = true;
    this.admit(recovered);
  };

  /** It is open. One that has held back messages before shows first that its heartbeats come. */
  EventStreamTransport.prototype.admit = function (recovered) {
    var self = this;
    this.proven = null;
    if (!this.host.proving || !this.host.memory.held) { return this.host.opened(recovered); }
    this.expect();
    this.proven = function () {
      self.proven = null;
      self.relax();
      self.host.opened(recovered);
    };
  };

  EventStreamTransport.prototype.judge = function () {
    var host = this.host;
    this.hush();
    this.pulse = new Realtime.Pulse(host.options.clock, host.memory, function (error) { host.lost(error); });
  };

  EventStreamTransport.prototype.beat = function (every) {
    if (!this.pulse) { return; }
    if (this.pulse.beats === 0 && this.proven) { this.expect(2 * every); }
    this.host.alive();
    if (!this.pulse.beat(every)) { return; }
    if (this.proven) { this.proven(); }
  };

  EventStreamTransport.prototype.hush = function () {
    if (this.pulse) { this.pulse.stop(); }
    this.pulse = null;
  };

  EventStreamTransport.prototype.interrupted = function () {
    // Before the first answer, and when the browser has given up, waiting for it is in vain.
    if (!this.greeted || this.source.readyState === CLOSED) {
      return this.host.lost({code: 'connection_lost', message: 'the event stream ended'});
    }
    if (!this.live) { return; }
    this.live = false;
    this.hush();
    this.expect(this.patience + this.host.options.streamTimeout);
    this.host.interrupted();
  };

  EventStreamTransport.prototype.publish = function (message, cb) {
    Realtime.post(this.host.options, message, cb);
  };

  EventStreamTransport.prototype.expect = function (ms) {
    var self = this;
    this.relax();
    this.deadline = this.host.options.clock.setTimeout(function () {
      // A stream that says nothing from the beginning may be held back. A broken one is only slow to come back.
      if (self.source && !self.greeted) {
        Realtime.Pulse.blame(self.host.memory);
        self.host.memory.held = true;
      }
      self.host.lost({code: 'timeout', message: 'the event stream did not answer in time'});
    }, ms || this.host.options.streamTimeout);
  };

  EventStreamTransport.prototype.relax = function () {
    this.host.options.clock.clearTimeout(this.deadline);
    this.deadline = null;
  };

  EventStreamTransport.prototype.silence = function () {
    var source = this.source;
    this.source = null;
    this.hush();
    if (source) { source.close(); }
  };

  EventStreamTransport.prototype.close = function () {
    this.over = true;
    this.past.close();
    this.relax();
    this.silence();
  };

  Realtime.transports.sse = EventStreamTransport;
}(typeof window === 'undefined' ? {} : window));

/*
 * The SSE transport: one event stream for all rooms, and plain HTTP for everything that goes up.
 *
 * The stream is a native EventSource, which comes back by itself with Last-Event-ID. It gives up for good on any
 * answer but 200; then, and when it does not come back in time, the link makes a new transport with `after`.
 * The past of a new room comes by GET (Realtime.Past) before the stream is opened again: so no other room is replayed,
 * and a room that is refused says why, which an EventSource never does.
 * This file may not choose another transport, or keep anything beyond its own life.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var CLOSED = 2;

  function parse(text) {
    try { return JSON.parse(text); } catch (_) { return text; }
  }

  function EventStreamTransport(host) {
    this.host = host;
    this.source = null;
    this.heard = null;                     // event names the current EventSource listens to
    this.deadline = null;
    this.admitted = Object.create(null);   // room name -> {room, recovered}: its past is here, its stream not yet
    this.admitting = false;
    this.whole = true;                     // nothing was missing when rooms were brought up by GET
    this.past = new Realtime.Past(host);
    this.greeted = false;                  // the current EventSource has been answered once
    this.live = false;                     // and is not coming back from a break right now
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
    var query = rooms.map(function (room) { return 'room=' + encodeURIComponent(room.name); });
    this.silence();
    if (!rooms.length) {
      // Nothing to listen to. Publishing needs no stream, so this counts as connected.
      this.relax();
      if (!this.admitting) { host.opened(true); }
      return;
    }
    if (position) { query.push('after=' + encodeURIComponent(position)); }
    this.expect();
    this.heard = Object.create(null);
    this.greeted = this.live = false;
    try {
      this.source = new options.EventSource(options.url + '/events?' + query.join('&'),
        {withCredentials: !!options.withCredentials});
    } catch (error) {
      return host.lost({code: 'connect_failed', message: String(error && error.message || error)});
    }
    this.source.addEventListener('realtime.ready', function (e) { self.ready(rooms, parse(e.data) || {}); }, false);
    this.source.addEventListener('realtime.reset', function (e) { host.reset((parse(e.data) || {}).cursor); }, false);
    this.watch('error');
    host.events().forEach(function (event) { self.watch(event); });
  };

  /** An EventSource only shows events whose names were registered. */
  EventStreamTransport.prototype.watch = function (event) {
    var self = this, source = this.source, heard = this.heard;
    if (!source || heard[event] || event.indexOf('realtime.') === 0) { return; }
    heard[event] = true;
    source.addEventListener(event, function (e) {
      if (source !== self.source) { return; }
      // An application's event may be called `error` or `open`; only a message has data.
      if (typeof e.data === 'string') {
        self.host.deliver(event, parse(e.data), e.lastEventId || null);
      } else if (event === 'error') {
        self.interrupted();
      }
    }, false);
  };

  EventStreamTransport.prototype.ready = function (rooms, answer) {
    var self = this, recovered = answer.recovered !== false, resumed = false;
    if (this.over) { return; }
    this.relax();
    this.greeted = this.live = true;
    rooms.forEach(function (room) {
      var entry = self.admitted[room.name];
      delete self.admitted[room.name];
      room.since = null;
      if (room.joined) { resumed = true; return; }
      self.host.joined(room, null, {recovered: recovered && !(entry && !entry.recovered), cursor: answer.cursor});
    });
    if (!recovered || !this.host.position()) { this.host.moved(answer.cursor); }
    recovered = this.whole && (recovered || !resumed);
    this.whole = true;
    this.host.opened(recovered);
  };

  EventStreamTransport.prototype.interrupted = function () {
    // Before the first answer, and when the browser has given up, waiting for it is in vain.
    if (!this.greeted || this.source.readyState === CLOSED) {
      return this.host.lost({code: 'connection_lost', message: 'the event stream ended'});
    }
    if (!this.live) { return; }
    this.live = false;
    this.expect();
    this.host.interrupted();
  };

  EventStreamTransport.prototype.publish = function (message, cb) {
    var body = {event: message.event, data: message.data, key: message.key};
    Realtime.request(this.host.options, 'POST', Realtime.messagesPath(message.room), body, cb);
  };

  EventStreamTransport.prototype.expect = function () {
    var self = this;
    this.relax();
    this.deadline = this.host.options.clock.setTimeout(function () {
      self.host.lost({code: 'timeout', message: 'the event stream did not answer in time'});
    }, this.host.options.streamTimeout);
  };

  EventStreamTransport.prototype.relax = function () {
    this.host.options.clock.clearTimeout(this.deadline);
    this.deadline = null;
  };

  EventStreamTransport.prototype.silence = function () {
    var source = this.source;
    this.source = null;
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

/*
 * Realtime: the one face of the browser client, whatever carries the messages.
 *
 *     var rt = new Realtime();
 *     rt.on('message', function (data, id) { … });
 *     rt.on('realtime.state', function (now) { … });       // {state, transport, retryIn, degraded}
 *     rt.join('lobby', {history: 50}, function (error, answer) { … });
 *     rt.connect();
 *     rt.publish('lobby', {text: 'hi'}, function (error, result) { … });
 *
 * Load order: this file, then those named at its end.
 *
 * This file keeps rooms and listeners and tells the story to the page. It may not open a connection (a transport
 * does), choose one or decide when to try again (the link does), or touch the document. ES5 without a build step;
 * the only global is `Realtime`. It also loads in node, where the tests hand in clock, sockets and XHR.
 */
(function (root) {
  'use strict';

  function Realtime(options) {
    if (!(this instanceof Realtime)) { return new Realtime(options); }
    var self = this;
    this.options = Realtime.fill(options || {});
    this.state = 'idle';
    this.transport = null;
    this.degraded = false;                 // the server has said that its bus is away
    this._over = null;                     // what we were connected over last
    this._listeners = Object.create(null);
    this._rooms = Object.create(null);     // name -> what we want of this room and how far we are
    this._leaving = Object.create(null);   // name -> what waits for the server to let go of it
    this._cursor = new Realtime.Cursor(this.options.remember);
    this._link = new Realtime.Link(this);
    this._outbox = new Realtime.Outbox(this.options, function () { self._link.suspect(); },
      function (message, state, error) { self._told(message, state, error); });
  }

  Realtime.transports = {};

  /** Connect, or when a wait for the next attempt is running: try now. */
  Realtime.prototype.connect = function () { this._link.start(); return this; };

  /** Stop. Rooms and position are kept: connect() goes on from there. */
  Realtime.prototype.close = function () {
    this._link.stop();
    this._outbox.fail({code: 'closed', message: 'the connection was closed by the page'});
    this._settle({code: 'closed', message: 'the connection was closed by the page'});
    return this;
  };

  /**
   * Follow a room. {after: id} asks for everything since; {history: n} for the last n messages first. {name: 'Ann'} is
   * under which name to be present; joining again under another one changes it.
   * cb(null, {recovered, cursor}) once everything asked for has been delivered, or cb({code, message}).
   */
  Realtime.prototype.join = function (name, options, cb) {
    if (typeof options === 'function') { cb = options; options = null; }
    var room = this._rooms[name];
    cb = this._safe(cb);
    if (this._leaving[name]) {
      this._leaving[name].joins.push({options: options, cb: cb});
    } else if (room) {
      if (options && options.name && options.name !== room.person) { Realtime.rename(this, room, options.name); }
      if (room.joined) {
        cb(null, {recovered: true, cursor: this._cursor.position});
      } else {
        room.waiting.push(cb);
      }
    } else {
      room = this._rooms[name] = {
        name: name, after: options && options.after || null, history: options && options.history || 0,
        joined: false, since: null, waiting: [cb], person: options && options.name || null
      };
      this._link.join(room);
    }
    return this;
  };

  /** Stop following a room. After cb no event of it arrives any more. */
  Realtime.prototype.leave = function (name, cb) {
    var self = this, room = this._rooms[name], leaving = this._leaving[name];
    function end(waiting) { waiting({code: 'left', message: 'the room was left'}); }
    cb = this._safe(cb);
    if (leaving) {
      leaving.told.push(cb);
      leaving.joins.splice(0).forEach(function (join) { end(join.cb); });
    } else if (!room) {
      cb(null);
    } else {
      delete this._rooms[name];
      this._leaving[name] = {told: [cb], joins: []};
      room.waiting.splice(0).forEach(end);
      this._link.leave(room, function () { self._left(name); });
    }
    return this;
  };

  /**
   * Publish. cb(null, {id, key}) once the server has accepted it, cb({code, message, key}) when it has not and we
   * gave up. Publish again with the returned key to try again: the server knows the key, so nobody sees it twice.
   * {transient: true} is for who is connected now (somebody types): it has neither id nor key and waits for nothing.
   */
  Realtime.prototype.publish = function (name, data, options, cb) {
    if (typeof options === 'function') { cb = options; options = null; }
    if (options && options.transient) { return Realtime.say(this, name, data, options, this._safe(cb)); }
    return this._outbox.add({
      room: name, event: options && options.event || 'message', data: data,
      key: options && options.key || Realtime.makeKey(this.options)
    }, this._safe(cb));
  };

  /** Who is in a room: cb(null, {members, viewers, total}) or cb({code, message}). */
  Realtime.prototype.presence = function (name, cb) {
    Realtime.present(this, name, this._safe(cb));
    return this;
  };

  /** What is not answered yet, oldest first: {key, room, event, data, state, tries, since, error} each. */
  Realtime.prototype.outbox = function () { return this._outbox.list(); };

  /**
   * Go over to a transport while messages flow, and stay with it as long as it works: the new connection has caught up
   * before the old one is let go. null: back to the order of `transports`. cb(null) afterwards, or cb({code, message}).
   */
  Realtime.prototype.switchTo = function (transport, cb) {
    this._link.change(transport || null, this._safe(cb));
    return this;
  };

  Realtime.prototype.on = function (event, fn) {
    (this._listeners[event] = this._listeners[event] || []).push(fn);
    this._link.watch(event);
    return this;
  };

  Realtime.prototype.off = function (event, fn) {
    var kept = (this._listeners[event] || []).filter(function (other) { return fn && other !== fn; });
    if (kept.length) { this._listeners[event] = kept; } else { delete this._listeners[event]; }
    return this;
  };

  // What follows is for the link and the transports only.

  /** What the page gave, if it did: its mistake belongs on the console, and may not stop other calls or the stream. */
  Realtime.prototype._safe = function (fn) {
    var clock = this.options.clock;
    return function () {
      if (!fn) { return; }
      try { fn.apply(null, arguments); } catch (error) { clock.setTimeout(function () { throw error; }, 0); }
    };
  };

  Realtime.prototype._emit = function (event, data, id) {
    (this._listeners[event] || []).slice().forEach(function (fn) { this._safe(fn)(data, id); }, this);
  };

  /** Every message comes through here, from any transport: seen ones end here. */
  Realtime.prototype._deliver = function (event, data, id) {
    if (id && !this._cursor.accept(id)) { return; }
    this._emit(event, data, id || null);
  };

  Realtime.prototype._wanted = function () {
    var rooms = this._rooms;
    return Object.keys(rooms).map(function (name) { return rooms[name]; });
  };

  /** The server has answered for a room: it is joined, or it is refused and forgotten. */
  Realtime.prototype._joined = function (room, error, answer) {
    if (this._rooms[room.name] !== room) { return; }
    if (error) {
      delete this._rooms[room.name];
      this._emit('realtime.error', {code: error.code, message: error.message, room: room.name});
    }
    room.joined = !error;
    room.waiting.splice(0).forEach(function (cb) {
      if (error) { return cb(error); }
      cb(null, {recovered: answer.recovered !== false, cursor: answer.cursor || null});
    });
    this._forget();
  };

  Realtime.prototype._left = function (name) {
    var leaving = this._leaving[name], self = this;
    delete this._leaving[name];
    this._forget();
    if (!leaving) { return; }
    leaving.told.forEach(function (cb) { cb(null); });
    leaving.joins.forEach(function (join) { self.join(name, join.options, join.cb); });
  };

  /** Without a room there is nothing to resume, and a room entered later shows its history again. */
  Realtime.prototype._forget = function () {
    if (!Object.keys(this._rooms).length && !Object.keys(this._leaving).length) { this._cursor.clear(); }
  };

  /** A connection is gone: the server has let go of all rooms; `error` also ends the joins that were asked for. */
  Realtime.prototype._settle = function (error) {
    Object.keys(this._leaving).forEach(this._left, this);
    if (error) {
      this._wanted().forEach(function (room) {
        room.waiting.splice(0).forEach(function (cb) { cb(error); });
      });
    }
  };

  Realtime.prototype._change = function (state, transport, retryIn, seamless) {
    // A connection that was lost says nothing of the next one's server; what that one has said already stands.
    var from = this._over, degraded = this.degraded && (!!transport || this.state !== 'connected');
    if (this.state === state && this.transport === transport && retryIn === undefined &&
      this.degraded === degraded) { return; }
    this.state = state;
    this.transport = transport;
    this.degraded = degraded;
    this._emit('realtime.state', {
      state: state, transport: transport, retryIn: retryIn === undefined ? null : retryIn, degraded: degraded
    });
    if (!transport || transport === from) { return; }
    this._over = transport;
    this._emit('realtime.transport', {transport: transport, from: from, seamless: !!seamless});
  };

  /** The server's bus went or is back. */
  Realtime.prototype._degrade = function (degraded) {
    if (this.degraded === degraded) { return; }
    this.degraded = degraded;
    this._emit('realtime.state', {state: this.state, transport: this.transport, retryIn: null, degraded: degraded});
  };

  Realtime.prototype._told = function (message, state, error) {
    this._emit('realtime.outbox', {
      key: message.key, room: message.room, state: state, size: this._outbox.entries.length,
      error: error && {code: error.code, message: error.message}
    });
  };

  if (typeof module === 'object' && module.exports) {
    module.exports = Realtime;
    ['options', 'cursor', 'time', 'http', 'here', 'past', 'parser', 'eventsource', 'pulse', 'watch', 'websocket',
      'tabs', 'leading', 'sse', 'poll', 'outbox', 'link', 'switch', 'trial'].forEach(function (part) {
      require('./realtime-' + part + '.js');
    });
  } else {
    root.Realtime = Realtime;
  }
}(typeof window === 'undefined' ? {} : window));

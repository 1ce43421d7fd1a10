/*
 * The WebSocket transport: one connection of the stock socket.io-client, from opening to its end.
 *
 * Reconnecting is not its business: Socket.IO's own reconnection is off, because only the link knows the other
 * transport and only the cursor knows where to go on. This file may not keep anything beyond one connection, start
 * a second one, or wait longer than `connectTimeout` without a sign of life before it has answered.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  function WebSocketTransport(host) {
    this.host = host;
    this.socket = null;
    this.deadline = null;
    this.asking = Object.create(null);   // room name -> what to do once its join was answered, or true
    this.pending = 0;
    this.recovered = true;
    this.opened = false;
    this.named = Object.create(null);   // room name -> under which name the server knows us there
    this.over = false;
  }

  WebSocketTransport.available = function (options) {
    return typeof options.io === 'function' && !!options.WebSocket;
  };

  WebSocketTransport.prototype.open = function () {
    var self = this, options = this.host.options, place = Realtime.placeOf(options.url);
    this.expect();
    try {
      // Socket.IO would take a path in the address for the name of a namespace.
      this.socket = options.io(place.origin || undefined, {
        transports: ['websocket'], reconnection: false, forceNew: true, path: place.path + options.socketPath,
        timeout: options.connectTimeout, withCredentials: options.withCredentials, auth: options.auth || undefined
      });
    } catch (error) {
      return this.fail('connect_failed', String(error && error.message || error));
    }
    this.socket.on('connect', function () { self.connected(); });
    this.socket.on('connect_error', function (error) {
      var told = Realtime.refusal(error && error.data);   // where the server says why, and when to come back
      self.fail(error && error.data && error.data.code ? told.code : 'connect_failed',
        String(error && error.message || error), told.retryAfter);
    });
    this.socket.on('disconnect', function (reason) { self.fail('connection_lost', String(reason)); });
    // The heartbeat of Engine.IO, which closes the connection itself when it stays away.
    if (this.socket.io) { this.socket.io.on('ping', function () { self.host.alive(); }); }
    this.socket.onAny(function () { self.arrived(Array.prototype.slice.call(arguments)); });
  };

  /** CONNECT was answered. Rooms are joined one by one; only with the last answer the connection counts as open. */
  WebSocketTransport.prototype.connected = function () {
    var self = this, rooms = this.host.rooms();
    rooms.forEach(function (room) { self.ask(room); });
    if (!rooms.length) { this.ready(); }
  };

  WebSocketTransport.prototype.ready = function () {
    this.relax();
    this.opened = true;
    this.host.opened(this.recovered);
  };

  WebSocketTransport.prototype.join = function (room) {
    if (this.socket && this.socket.connected && !this.over) { this.ask(room); }
  };

  WebSocketTransport.prototype.ask = function (room) {
    var self = this, request = {room: room.name}, again = room.joined;
    // A room that we have been in goes on from the position all rooms share, or from where it was entered when that
    // is later; a new one has its own wishes.
    var after = again ? Realtime.newestOf([this.host.position(), room.since]) : room.after;
    if (after) { request.after = after; }
    if (!again && room.history) { request.history = room.history; }
    if (room.person) { request.name = room.person; }
    this.named[room.name] = room.person;
    this.asking[room.name] = true;
    this.pending += 1;
    this.expect();
    this.host.joining(!this.opened);
    this.socket.emit('join', request, function (answer) { self.answered(room, again, answer); });
  };

  WebSocketTransport.prototype.answered = function (room, again, answer) {
    if (this.over) { return; }
    var error = answer && answer.ok ? null : Realtime.refusal(answer && answer.error), leave = this.asking[room.name];
    if (error && error.retry) { return this.fail(error.code, error.message, error.retryAfter); }
    delete this.asking[room.name];
    this.pending -= 1;
    if (again && answer && answer.recovered === false) { this.recovered = false; }
    if (!error) { room.since = answer.cursor; }
    this.host.covered(error ? null : answer.cursor);
    this.host.joined(room, error, answer);
    if (!error) { this.rename(room); }   // it may have another name by now
    if (typeof leave === 'function') { leave(!error); }
    if (this.over || this.pending) { return; }
    if (this.opened) { this.relax(); } else { this.ready(); }
  };

  WebSocketTransport.prototype.rename = function (room) {
    var known = this.named[room.name] === room.person || this.asking[room.name];
    if (known || this.over || !this.host.wants(room) || !this.socket || !this.socket.connected) { return; }
    this.named[room.name] = room.person;
    this.socket.emit('join', {room: room.name, name: room.person}, function () {});
  };

  WebSocketTransport.prototype.leave = function (room, cb) {
    var self = this;
    function send(joined) {
      if (!joined || !self.socket || !self.socket.connected) { return cb(); }
      self.socket.emit('leave', {room: room.name}, function () { cb(); });
    }
    // A server may work on two requests of one connection in any order: the join is answered first.
    if (this.asking[room.name]) { this.asking[room.name] = send; } else { send(true); }
  };

  WebSocketTransport.prototype.publish = function (message, cb) {
    this.socket.emit('publish', message, function (answer) {
      if (answer && answer.ok) { cb(null, {id: answer.id}); } else { cb(Realtime.refusal(answer && answer.error)); }
    });
  };

  /** Several arguments are a list, as they are on an event stream; the id comes last where the server sends ids. */
  WebSocketTransport.prototype.arrived = function (args) {
    var event = args.shift(), id = null;
    if (this.over) { return; }
    if (this.pending) { this.expect(); }   // a long replay is a sign of life
    if (event === 'realtime.reset') { return this.host.reset(args[0] && args[0].cursor); }
    if (event.indexOf('realtime.') === 0) { return this.host.control(event, args[0]); }
    // Alone it is the id of an event without data, if it looks like a time at all.
    if (Realtime.isId(args[args.length - 1]) && (args.length > 1 || args[0].length > 13)) { id = args.pop(); }
    // Behind a transient message that is a string stands null, where its id would be.
    if (args.length === 2 && args[1] === null && typeof args[0] === 'string') { args.pop(); }
    this.host.deliver(event, args.length > 1 ? args : args.length ? args[0] : null, id);
  };

  WebSocketTransport.prototype.watch = function () {};   // Socket.IO hands over every event, known or not

  WebSocketTransport.prototype.suspect = function () {
    if (this.opened) { this.fail('mute', 'the connection is open but does not answer'); }
  };

  WebSocketTransport.prototype.expect = function () {
    var self = this;
    this.relax();
    this.deadline = this.host.options.clock.setTimeout(function () {
      self.fail('timeout', 'the WebSocket did not answer in time');
    }, this.host.options.connectTimeout);
  };

  WebSocketTransport.prototype.relax = function () {
    this.host.options.clock.clearTimeout(this.deadline);
    this.deadline = null;
  };

  WebSocketTransport.prototype.fail = function (code, message, retryAfter) {
    if (!this.over) { this.host.lost({code: code, message: message, retryAfter: retryAfter || 0}); }
  };

  WebSocketTransport.prototype.close = function () {
    this.over = true;
    this.relax();
    if (this.socket) { this.socket.disconnect(); }
  };

  Realtime.transports.websocket = WebSocketTransport;
}(typeof window === 'undefined' ? {} : window));

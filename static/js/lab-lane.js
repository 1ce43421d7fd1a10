/*
 * Lab.Lane: one transport of the lab at work: the browser client kept to it, its wire, its tally, and what one can do
 * to it while it runs.
 *
 * The client (realtime.js) is the one that every page uses; it is only told which transports there are. Two more are
 * made of its own: Socket.IO's long polling, and event streams over the polyfill. This file may not touch the document.
 */
(function (root) {
  'use strict';

  var Lab = root.Lab, Realtime = root.Realtime;
  var FALLBACK = ['websocket', 'sse', 'poll'];

  /** A transport that is another one with some parts exchanged. The link goes on talking to `host` itself. */
  function variant(base, change) {
    function Variant(host) {
      var own = Object.create(host);
      own.options = change(Object.create(host.options));
      return new Realtime.transports[base](own);
    }
    Variant.available = function (options) {
      return Realtime.transports[base].available(change(Object.create(options)));
    };
    return Variant;
  }

  Realtime.transports.polling = variant('websocket', function (options) {
    var io = options.io;
    options.WebSocket = true;   // the client asks for one before it takes the stock client at all
    options.io = typeof io !== 'function' ? io : function (url, given) {
      given.transports = ['polling'];
      given.upgrade = false;
      return io(url, given);
    };
    return options;
  });

  Realtime.transports.polyfill = variant('sse', function (options) {
    options.EventSource = options.XMLHttpRequest && Realtime.EventSource;
    return options;
  });

  /** `tell(lane)`: something about it has changed that people should see. */
  function Lane(key, tell) {
    this.key = key;
    this.tell = tell;
    this.state = 'idle';       // waiting, connected, reconnecting, failed, closed
    this.reason = '';
    this.transport = key;      // what carries it now
    this.disturbed = [];       // what was done to it: cut, frozen …
    this.tally = new Lab.Tally();
    this.wire = null;
    this.rt = null;
  }

  Lane.prototype.available = function () {
    return Realtime.transports[this.key].available(this.options({name: ''}));
  };

  Lane.prototype.options = function (wire) {
    var browser = Lab.browser, io = root.io;
    return {
      transports: [this.key], shareTabs: false,   // each lane pays for its own
      io: typeof io !== 'function' ? null : function (url, given) {
        given.query = {lane: wire.name};
        return io(url, given);
      },
      WebSocket: browser.WebSocket || null, XMLHttpRequest: Lab.tapped.requests(wire),
      EventSource: browser.EventSource ? Lab.tapped.sources(wire) : null
    };
  };

  /** Follow a room. `got(text, id)` for each message; cb(error) once it is in, or cannot be. */
  Lane.prototype.start = function (room, got, cb) {
    var self = this, rt;
    this.wire = new Lab.Wire(Realtime.makeKey({crypto: root.crypto, random: Math.random}));
    this.rt = rt = new Realtime(this.options(this.wire));
    this.become('waiting');
    rt.on('realtime.state', function (now) { self.changed(now); });
    rt.on('realtime.transport', function (now) {
      self.transport = now.transport;
      if (now.from) { self.tally.changes += 1; }
      self.tell(self);
    });
    rt.on('realtime.error', function (error) { self.reason = error.message; });
    rt.on('lab', function (data, id) { got(data, id); });
    rt.join(room, function (error) { cb(error || null); });
    rt.connect();
  };

  Lane.prototype.changed = function (now) {
    if (now.state === 'connected') {
      this.tally.back(Lab.now());
      this.become('connected');
    } else if (now.state === 'closed') {
      this.become('closed');
    } else if (this.state === 'connected') {
      this.tally.lost(Lab.now());
      this.become('reconnecting');
    }
  };

  Lane.prototype.become = function (state) {
    this.state = state;
    this.tell(this);
  };

  Lane.prototype.fail = function (reason) {
    this.reason = reason;
    this.become('failed');
    if (this.rt) { this.rt.close(); }
    this.state = 'failed';
    this.tell(this);
  };

  Lane.prototype.stop = function () {
    if (!this.rt) { return; }
    this.undo();
    if (this.state !== 'failed') { this.rt.close(); }
    this.wire.forget();
  };

  Lane.prototype.figures = function (accepted) {
    return this.tally.figures(accepted, this.wire || {requests: 0, sent: 0, received: 0});
  };

  // ---- what one can do to it ----

  Lane.prototype.disturb = function (what) {
    if (this.disturbed.indexOf(what) < 0) { this.disturbed.push(what); }
    this.tell(this);
  };

  /** End its connections here, as a broken network would. */
  Lane.prototype.cut = function () {
    this.disturb('cut');
    return this.wire.cut();
  };

  Lane.prototype.freeze = function (frozen) {
    if (frozen) { this.disturb('frozen'); }
    this.wire.freeze(frozen);
    this.tell(this);
  };

  Lane.prototype.slow = function (ms) {
    if (ms) { this.disturb('delayed'); }
    this.wire.slow(ms);
    this.tell(this);
  };

  /** Without WebSocket the lane does what the client does in every page: it falls back, and probes upward later. */
  Lane.prototype.block = function (blocked) {
    if (blocked) { this.disturb('blocked'); }
    this.rt.options.transports = FALLBACK;
    this.wire.block(blocked);
    if (!blocked && this.state === 'connected') { this.rt.switchTo(null); }
    this.tell(this);
  };

  /** Go over to another transport while messages flow. cb(error) */
  Lane.prototype.change = function (transport, cb) {
    var self = this, before = this.rt.options.transports;
    this.rt.options.transports = [transport];
    this.disturb('switched');
    this.rt.switchTo(transport, function (error) {
      if (error && error.code !== 'replaced') { self.rt.options.transports = before; }
      cb(error);
    });
  };

  /** At the end of a run nothing is held back any more. */
  Lane.prototype.undo = function () {
    this.wire.slow(0);
    this.wire.freeze(false);
    if (this.wire.blocked) { this.wire.block(false); }
  };

  Lab.Lane = Lane;
}(typeof window === 'undefined' ? {} : window));

/*
 * The lab's taps: XMLHttpRequest, WebSocket and EventSource as the browser's own, but counted, delayed and cut by the
 * wire (lab-wire.js) that their address names.
 *
 * The stock Socket.IO client takes XMLHttpRequest and WebSocket from the window, and keeps the latter when it is
 * loaded: so this comes before it. An address that names no lane gets what the browser would give it. This file may not
 * know what is in a message.
 */
(function (root) {
  'use strict';

  var Lab = typeof module === 'object' && module.exports ? require('./lab-settings.js') : root.Lab;
  var CLOSED = 2;

  function nothing() {}

  function attempt(fn) {
    try { return fn(); } catch (_) { return undefined; }
  }

  /** What there was before us. `given`: stand-ins, for tests. */
  Lab.taps = function (given) {
    var XHR = given.XMLHttpRequest, WebSocket = given.WebSocket, EventSource = given.EventSource;

    function Request(wire) {
      this._wire = wire instanceof Lab.Wire ? wire : null;
      this._inner = new XHR();
      this._over = false;
      this._read = 0;
      this.readyState = this.status = this.timeout = 0;
      this.responseText = this.responseURL = '';
      this.withCredentials = false;
      this.onreadystatechange = this.onprogress = null;
    }

    Request.prototype.open = function (method, url, async) {
      this._wire = this._wire || Lab.wireOf(url);
      this._url = this._wire ? this._wire.tag(url) : url;
      this._inner.open(method, this._url, async !== false);
    };
    Request.prototype.setRequestHeader = function (name, value) { this._inner.setRequestHeader(name, value); };
    Request.prototype.getResponseHeader = function (name) { return this._inner.getResponseHeader(name); };
    Request.prototype.getAllResponseHeaders = function () { return this._inner.getAllResponseHeaders(); };

    Request.prototype.send = function (body) {
      var self = this, inner = this._inner, wire = this._wire;
      inner.withCredentials = this.withCredentials;
      if (this.timeout) { inner.timeout = this.timeout; }
      inner.onreadystatechange = function () { self._news('onreadystatechange'); };
      inner.onprogress = function () { self._news('onprogress'); };
      if (wire) {
        wire.asked(this._url, body);
        wire.opened(this);
      }
      inner.send(body === undefined ? null : body);
    };

    /** What came is shown as it stood when it came, however late that is. */
    Request.prototype._news = function (handler) {
      var self = this, inner = this._inner, wire = this._wire;
      var now = {
        readyState: inner.readyState, status: attempt(function () { return inner.status; }) || 0,
        text: inner.readyState > 2 && attempt(function () { return inner.responseText; }) || '', url: inner.responseURL
      };
      if (wire) { this._count(now); }
      function show() {
        if (self._over) { return; }
        self.readyState = now.readyState;
        self.status = now.status;
        self.responseText = now.text;
        self.responseURL = now.url || '';
        if (self[handler]) { self[handler].call(self, {type: handler.slice(2), target: self}); }
      }
      if (wire) { wire.pass(show); } else { show(); }
    };

    Request.prototype._count = function (now) {
      var wire = this._wire, text = now.text;
      if (now.status && !this._head) {
        this._head = (attempt(this._inner.getAllResponseHeaders.bind(this._inner)) || '').length + 19;
        wire.got(this._head);
      }
      if (text.length > this._read) {
        wire.got(Lab.bytes(text.substring(this._read)));
        this._read = text.length;
      }
      if (now.readyState === 4) { wire.closed(this); }
    };

    Request.prototype.abort = function () {
      this._over = true;
      this._inner.abort();
      if (this._wire) { this._wire.closed(this); }
    };

    Request.prototype.cut = function () { this._inner.abort(); };

    /** A constructor of requests of one lane. */
    function requests(wire) {
      return function () { return new Request(wire); };
    }

    function Socket(url, protocols) {
      var self = this, wire = Lab.wireOf(url);
      if (!wire) { return protocols === undefined ? new WebSocket(url) : new WebSocket(url, protocols); }
      this.socket = true;
      this._wire = wire;
      this._over = false;
      this.readyState = 0;
      this.onopen = this.onmessage = this.onerror = this.onclose = null;
      wire.asked(url, null, Lab.heads.upgrade);
      if (wire.blocked) {
        wire.clock.setTimeout(function () {
          self._tell('onerror', {type: 'error'});
          self._end({type: 'close', code: 1006, reason: ''});
        }, 0);
        return this;
      }
      this._inner = protocols === undefined ? new WebSocket(url) : new WebSocket(url, protocols);
      wire.opened(this);
      this._inner.onopen = function (e) {
        wire.got(Lab.heads.switching);
        wire.pass(function () { self.readyState = 1; self._tell('onopen', e); });
      };
      this._inner.onmessage = function (e) {
        wire.frame(e.data, false);
        wire.pass(function () { self._tell('onmessage', e); });
      };
      this._inner.onerror = function (e) { wire.pass(function () { self._tell('onerror', e); }); };
      this._inner.onclose = function (e) { wire.closed(self); wire.pass(function () { self._end(e); }); };
      return this;
    }

    Socket.CONNECTING = 0;
    Socket.OPEN = 1;
    Socket.CLOSING = 2;
    Socket.CLOSED = 3;

    Socket.prototype._tell = function (handler, e) {
      if (!this._over && this[handler]) { this[handler].call(this, e); }
    };
    Socket.prototype._end = function (e) {
      this.readyState = 3;
      this._tell('onclose', e);
      this._over = true;
    };
    Socket.prototype.send = function (data) {
      this._wire.frame(data, true);
      if (this._inner && !this._over) { attempt(this._inner.send.bind(this._inner, data)); }
    };
    Socket.prototype.close = function () { if (this._inner) { this._inner.close(); } };
    Socket.prototype.cut = function () {
      var self = this, inner = this._inner;
      inner.onopen = inner.onmessage = inner.onerror = inner.onclose = nothing;
      inner.close();
      this._wire.pass(function () { self._end({type: 'close', code: 1006, reason: ''}); });
    };

    /** The browser's own EventSource, for one lane. */
    function Source(wire, url, init) {
      var self = this;
      this._wire = wire;
      this._over = false;
      this._listeners = Object.create(null);
      this.url = wire.tag(url);
      this.readyState = 0;
      this._inner = new EventSource(this.url, {withCredentials: !!(init && init.withCredentials)});
      wire.opened(this);
      // It comes back by itself: each opening is a request.
      this._inner.onopen = function () { wire.asked(self.url); wire.got(Lab.heads.stream); };
    }

    Source.prototype.addEventListener = function (type, fn) {
      var self = this, wire = this._wire, inner = this._inner, listeners = this._listeners[type];
      if (listeners) { listeners.push(fn); return; }
      listeners = this._listeners[type] = [fn];
      inner.addEventListener(type, function (e) {
        var state = inner.readyState;
        if (typeof e.data === 'string') { wire.got(Lab.block(type, e.data, e.lastEventId)); }
        wire.pass(function () {
          if (self._over) { return; }
          self.readyState = state;
          listeners.forEach(function (listener) { listener.call(self, e); });
        });
      }, false);
    };
    Source.prototype.close = function () {
      this._over = true;
      this.readyState = CLOSED;
      this._inner.close();
      this._wire.closed(this);
    };
    /** A browser would come back by itself; one that has given up does not, and that is what is played here. */
    Source.prototype.cut = function () {
      var self = this;
      this._inner.close();
      this._wire.pass(function () {
        if (self._over) { return; }
        self.readyState = CLOSED;
        (self._listeners.error || []).forEach(function (listener) { listener.call(self, {type: 'error'}); });
      });
    };

    return {
      Request: Request, Socket: Socket, requests: requests,
      sources: function (wire) { return function (url, init) { return new Source(wire, url, init); }; }
    };
  };

  /** Bytes of an event on its stream; control events have no id, and their last id is an earlier event's. */
  Lab.block = function (type, data, id) {
    var own = id && type.indexOf('realtime.') !== 0 ? 'id: ' + id + '\n' : '';
    return Lab.bytes(own + 'event: ' + type + '\ndata: ' + data + '\n\n');
  };

  if (root.document) {
    Lab.browser = {XMLHttpRequest: root.XMLHttpRequest, WebSocket: root.WebSocket, EventSource: root.EventSource};
    Lab.tapped = Lab.taps(Lab.browser);
    root.XMLHttpRequest = Lab.tapped.Request;
    if (root.WebSocket) { root.WebSocket = Lab.tapped.Socket; }
    Lab.correct();
  }
}(typeof window === 'undefined' ? {} : window));

/*
 * Realtime.EventSource: EventSource over XMLHttpRequest, for browsers that have none.
 *
 * It does what the HTML standard says (section 9.2): the format of the stream, reconnecting with the last id, giving
 * up on what is no stream. Four things differ, because XMLHttpRequest is all there is. To another origin the last id
 * goes into the query (`lastEventId`), since a header would ask for permission first. The server is asked for two
 * kilobytes of padding, since old browsers hold the first ones back. As the text of a request only grows, a stream is
 * renewed before it is large, silently, from its last id. And in a browser that shows no text before the end, the
 * server is asked to end each answer with its first news (`wait`). This file may not know what the events mean.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var CONNECTING = 0, OPEN = 1, CLOSED = 2, RETRY = 3000, LARGE = 512 * 1024;
  var BLIND = 5000, WAIT = 25;   // milliseconds without a character; seconds that an answer may be held back then

  /** The whole address, as links have it; what is none is left to XMLHttpRequest to refuse. */
  function absolute(url) {
    var anchor = root.document && root.document.createElement('a');
    if (!anchor) { return url; }
    anchor.href = url;
    return anchor.href || url;
  }

  function origin(url) { return (/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(url) || [''])[0].toLowerCase(); }

  /** Text as a header takes it: each of its bytes in UTF-8 a character. */
  function bytes(text) {
    return encodeURIComponent(text).replace(/%(..)/g, function (_, hex) {
      return String.fromCharCode(parseInt(hex, 16));
    });
  }

  /** As the browser's own; `init` may also bring `XMLHttpRequest` and `clock`. */
  function EventSource(url, init) {
    init = init || {};
    this.url = absolute(String(url));
    this.withCredentials = !!init.withCredentials;
    this.readyState = CONNECTING;
    this.onopen = this.onmessage = this.onerror = null;
    this._XHR = init.XMLHttpRequest || root.XMLHttpRequest;
    this._clock = init.clock || Realtime.clock;
    this._listeners = Object.create(null);
    // Whether a header asks nobody for permission: it stays with the page's own origin.
    this._own = !root.location || origin(this.url) === origin(root.location.href);
    this._again = false;      // it has been connected, or has tried to
    this._id = '';
    this._retry = RETRY;
    this._timer = this._blind = null;
    this._sighted = false;    // this browser shows text before an answer's end
    this._polls = false;      // it shows none
    this._wait = 0;           // seconds that the next answer may then be held back; the first one opens the stream
    this._connect();
  }

  EventSource.CONNECTING = EventSource.prototype.CONNECTING = CONNECTING;
  EventSource.OPEN = EventSource.prototype.OPEN = OPEN;
  EventSource.CLOSED = EventSource.prototype.CLOSED = CLOSED;

  EventSource.prototype.addEventListener = function (type, fn) {
    var listeners = this._listeners[type] = this._listeners[type] || [];
    if (listeners.indexOf(fn) < 0) { listeners.push(fn); }
  };

  EventSource.prototype.removeEventListener = function (type, fn) {
    this._listeners[type] = (this._listeners[type] || []).filter(function (other) { return other !== fn; });
  };

  EventSource.prototype.close = function () {
    this.readyState = CLOSED;
    this._clock.clearTimeout(this._timer);
    this._drop();
  };

  EventSource.prototype._drop = function () {
    var xhr = this._xhr;
    this._clock.clearTimeout(this._blind);
    this._xhr = null;
    if (xhr) { xhr.abort(); }
  };

  EventSource.prototype._fire = function (event) {
    var self = this, clock = this._clock, type = event.type, heard = this._listeners[type] || [];
    var own = {open: this.onopen, message: this.onmessage, error: this.onerror}[type];
    event.target = event.currentTarget = this;
    (own ? [own] : []).concat(heard).forEach(function (fn) {
      // One that was taken away by another just now is not called any more.
      if (fn !== own && self._listeners[type].indexOf(fn) < 0) { return; }
      try {
        if (typeof fn === 'function') { fn.call(self, event); } else { fn.handleEvent(event); }
      } catch (error) { clock.setTimeout(function () { throw error; }, 0); }
    });
  };

  EventSource.prototype._address = function () {
    var url = this.url.split('#')[0], query = this._polls || /[?&]padding=/.test(url) ? [] : ['padding=true'];
    if (this._id && !this._own) { query.push('lastEventId=' + encodeURIComponent(this._id)); }
    if (this._polls) { query.push('wait=' + this._wait); }
    return query.length ? url + (url.indexOf('?') < 0 ? '?' : '&') + query.join('&') : url;
  };

  EventSource.prototype._connect = function () {
    var self = this, xhr = this._xhr = new this._XHR(), polls = this._polls;
    var read = 0, accepted = false, told = false, parser;

    parser = new Realtime.Parser(this._id, function (event, id) {
      self._id = id;
      told = true;
      if (!event || self.readyState === CLOSED || self._xhr !== xhr) { return; }
      event.origin = origin(xhr.responseURL || self.url);
      self._fire(event);
    }, function (ms) { self._retry = ms; });

    function news() {
      var text = '', over = xhr.readyState === 4, status = 0;
      if (self._xhr !== xhr || xhr.readyState < 2) { return; }
      // Some old browsers throw at the one or the other before the end has come.
      try { status = xhr.status; text = xhr.responseText || ''; } catch (_) { status = status || 0; }
      if (status && !accepted && !self._accept(xhr, status)) { return; }
      accepted = accepted || !!status;
      if (!accepted && !over) { return; }
      if (text.length > read) {
        if (!over) { self._sees(); }
        status = text.substring(read);
        read = text.length;
        parser.feed(status);
      }
      if (self._xhr !== xhr) { return; }
      if (over) { return polls && accepted ? self._ask() : self._lost(); }
      // Not in the midst of the first block: it would never become whole.
      if (read > LARGE && (parser.idle() || told && read > 4 * LARGE)) { self._renew(); }
    }

    xhr.open('GET', this._address(), true);
    xhr.withCredentials = this.withCredentials;
    xhr.setRequestHeader('Accept', 'text/event-stream');
    if (this._own && this._again) {
      xhr.setRequestHeader('Cache-Control', 'no-cache');
      if (this._id) { xhr.setRequestHeader('Last-Event-ID', bytes(this._id)); }
    }
    this._again = true;
    xhr.onreadystatechange = xhr.onprogress = news;
    if (!this._sighted) {
      this._blind = this._clock.setTimeout(function () {
        self._polls = true;
        self._renew();
      }, polls ? 2 * WAIT * 1000 : BLIND);
    }
    xhr.send(null);
  };

  /** Text was seen before its answer's end: this browser streams. */
  EventSource.prototype._sees = function () {
    this._clock.clearTimeout(this._blind);
    this._sighted = true;
    this._polls = false;
  };

  /** An answer is whole, in a browser that shows no part of one: ask for the next. */
  EventSource.prototype._ask = function () {
    var self = this;
    this._drop();
    this._wait = WAIT;
    this._timer = this._clock.setTimeout(function () { self._connect(); }, this._retry);
  };

  /** The head has come: it is a stream, or this ends for good. */
  EventSource.prototype._accept = function (xhr, status) {
    var type = xhr.getResponseHeader('Content-Type') || '', renewed = this.readyState === OPEN;
    if (status === 200 && /^text\/event-stream\s*(;|$)/i.test(type)) {
      this.readyState = OPEN;
      // One that was sent on to another origin could not come back there with a header.
      this._own = this._own && (!xhr.responseURL || origin(xhr.responseURL) === origin(this.url));
      if (!renewed) { this._fire({type: 'open'}); }
      return this._xhr === xhr;
    }
    this.close();
    this._fire({type: 'error'});
    return false;
  };

  /** The stream has ended or could not be reached: come back after the time that the server has asked for. */
  EventSource.prototype._lost = function () {
    var self = this;
    this._clock.clearTimeout(this._blind);
    this._xhr = null;
    this._wait = 0;
    this.readyState = CONNECTING;
    this._fire({type: 'error'});
    if (this.readyState !== CLOSED) {
      this._timer = this._clock.setTimeout(function () { self._connect(); }, this._retry);
    }
  };

  /** The text has grown large: begin a new one. It stays open all the while, for whoever listens. */
  EventSource.prototype._renew = function () {
    this._drop();
    this._connect();
  };

  Realtime.EventSource = EventSource;
}(typeof window === 'undefined' ? {} : window));

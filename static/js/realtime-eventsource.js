/*
 * Realtime.EventSource: EventSource over XMLHttpRequest, for browsers that have none.
 *
 * It does what the HTML standard says (section 9.2): the format of the stream, reconnecting with the last id, giving
 * up on what is no stream. Three things differ, because XMLHttpRequest is all there is: the last id goes into the
 * query (`lastEventId`), since a header would ask other origins for permission first; the server is asked for two
 * kilobytes of padding, since old browsers hold the first ones back; and as the text of a request only grows, a stream
 * is renewed before it is large, silently, from its last id. A browser that shows no text before the end sees none
 * of it: long poll is for those. This file may not know what the events mean.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var CONNECTING = 0, OPEN = 1, CLOSED = 2, RETRY = 3000, LARGE = 512 * 1024;

  /** Text in pieces of any size becomes events: `dispatch({type, data, lastEventId})`, `delay(milliseconds)`. */
  function Parser(id, dispatch, delay) {
    this.id = id;             // of the block that is being read
    this.dispatch = dispatch;
    this.delay = delay;
    this.started = this.cr = false;
    this.line = '';
    this.begin();
  }

  Parser.prototype.begin = function () {
    this.type = '';
    this.data = [];
  };

  Parser.prototype.feed = function (text) {
    var at = 0, end;
    if (text && !this.started) {
      this.started = true;
      if (text.charAt(0) === '\uFEFF') { at = 1; }
    }
    while (at < text.length) {
      // A CR has ended the line already; an LF right behind it belongs to it.
      if (this.cr && text.charAt(at) === '\n') { at += 1; }
      this.cr = false;
      end = at;
      while (end < text.length && text.charAt(end) !== '\n' && text.charAt(end) !== '\r') { end += 1; }
      this.line += text.substring(at, end);
      if (end === text.length) { return; }
      this.cr = text.charAt(end) === '\r';
      at = end + 1;
      end = this.line;
      this.line = '';
      this.take(end);
    }
  };

  /** Between two blocks, where nothing is lost when the stream ends. */
  Parser.prototype.idle = function () { return !this.line && !this.data.length && !this.type; };

  Parser.prototype.take = function (line) {
    var colon = line.indexOf(':'), name = colon < 0 ? line : line.substring(0, colon);
    var value = colon < 0 ? '' : line.substring(colon + 1).replace(/^ /, ''), event;
    if (!line) {
      event = {type: this.type || 'message', data: this.data.join('\n'), lastEventId: this.id};
      event = this.data.length ? event : null;
      this.begin();
      this.dispatch(event, this.id);
    } else if (name === 'data') {
      this.data.push(value);
    } else if (name === 'event') {
      this.type = value;
    } else if (name === 'id') {
      if (value.indexOf('\0') < 0) { this.id = value; }
    } else if (name === 'retry' && /^\d+$/.test(value)) {
      this.delay(parseInt(value, 10));
    }
  };

  /** As the browser's own; `init` may also bring `XMLHttpRequest` and `clock`. */
  function EventSource(url, init) {
    init = init || {};
    this.url = String(url);
    this.withCredentials = !!init.withCredentials;
    this.readyState = CONNECTING;
    this.onopen = this.onmessage = this.onerror = null;
    this._XHR = init.XMLHttpRequest || root.XMLHttpRequest;
    this._clock = init.clock || Realtime.clock;
    this._listeners = Object.create(null);
    this._id = '';
    this._retry = RETRY;
    this._timer = null;
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
    this._xhr = null;
    if (xhr) { xhr.abort(); }
  };

  EventSource.prototype._fire = function (event) {
    var clock = this._clock, own = {open: this.onopen, message: this.onmessage, error: this.onerror};
    event.target = this;
    (own[event.type] ? [own[event.type]] : []).concat(this._listeners[event.type] || []).forEach(function (fn) {
      try { fn.call(this, event); } catch (error) { clock.setTimeout(function () { throw error; }, 0); }
    }, this);
  };

  EventSource.prototype._address = function () {
    var parts = this.url.split('#')[0], query = /[?&]padding=/.test(parts) ? [] : ['padding=true'];
    if (this._id) { query.push('lastEventId=' + encodeURIComponent(this._id)); }
    return query.length ? parts + (parts.indexOf('?') < 0 ? '?' : '&') + query.join('&') : parts;
  };

  EventSource.prototype._connect = function () {
    var self = this, xhr = this._xhr = new this._XHR(), read = 0, accepted = false, parser;

    parser = new Parser(this._id, function (event, id) {
      self._id = id;
      if (!event || self.readyState === CLOSED || self._xhr !== xhr) { return; }
      event.origin = (/^[a-z]+:\/\/[^/]*/i.exec(xhr.responseURL || self.url) || [''])[0];
      self._fire(event);
    }, function (ms) { self._retry = ms; });

    function news() {
      var text, over = xhr.readyState === 4, status;
      if (self._xhr !== xhr || xhr.readyState < 3) { return; }
      // Some old browsers throw here before the head has come.
      try { status = xhr.status; text = xhr.responseText || ''; } catch (_) { return; }
      if (!status && !over) { return; }
      if (status && !accepted && !self._accept(xhr, status)) { return; }
      accepted = accepted || !!status;
      if (text.length > read) {
        status = text.substring(read);
        read = text.length;
        parser.feed(status);
      }
      if (self._xhr !== xhr) { return; }
      if (over) { return self._again(); }
      if (read > LARGE && (parser.idle() || read > 4 * LARGE)) { self._renew(); }
    }

    xhr.open('GET', this._address(), true);
    xhr.withCredentials = this.withCredentials;
    xhr.setRequestHeader('Accept', 'text/event-stream');
    xhr.onreadystatechange = xhr.onprogress = news;
    xhr.send(null);
  };

  /** The head has come: it is a stream, or this ends for good. */
  EventSource.prototype._accept = function (xhr, status) {
    var type = xhr.getResponseHeader('Content-Type') || '', renewed = this.readyState === OPEN;
    if (status === 200 && /^text\/event-stream\s*(;|$)/i.test(type)) {
      this.readyState = OPEN;
      if (!renewed) { this._fire({type: 'open'}); }
      return this._xhr === xhr;
    }
    this.close();
    this._fire({type: 'error'});
    return false;
  };

  /** The stream has ended or could not be reached: come back after the time that the server has asked for. */
  EventSource.prototype._again = function () {
    var self = this;
    this._xhr = null;
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

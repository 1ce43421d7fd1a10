/*
 * Realtime.Parser: the text of an event stream, in pieces of any size, becomes events, as the HTML standard says
 * (section 9.2.6). This file does no I/O, knows no clock, and may not know what the events mean.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  /**
   * `id`: the last one of the stream before this one. `dispatch(event, id)` is called at the end of each block, with
   * {type, data, lastEventId}, or with null for a block without data; `delay(milliseconds)` at each `retry`.
   */
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
      this.delay(Math.min(parseInt(value, 10), 2147483647));   // a timer holds no more
    }
  };

  Realtime.Parser = Parser;
}(typeof window === 'undefined' ? {} : window));

/*
 * What was said before that which is shown: asked for by a button, or by scrolling to the top, page by page, up to
 * where the room's log begins. This file may not put anything on the page but its own line at the top.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat, Realtime = root.Realtime;
  var PAGE = 50;

  /** `elements`: {older, begin, beginRoom, trouble}; `show(messages, then)` is given what was found, oldest first. */
  function Past(elements, options, show) {
    var self = this;
    this.elements = elements;
    this.options = options;
    this.show = show;
    this.room = null;
    this.before = function () { return null; };
    this.reached = null;   // the oldest id that was asked for; not everything in a log is a message to show
    this.abort = null;
    elements.older.addEventListener('click', function () { self.more(); }, false);
  }

  /** A room is shown from an id on, which `before()` tells. `whole`: there is nothing before that. */
  Past.prototype.enter = function (room, before, whole, name) {
    this.leave();
    this.room = room;
    this.elements.beginRoom.textContent = name;
    this.before = before;
    this.ended(whole);
  };

  /** Some of the oldest messages were taken off the page, and can be asked for again. */
  Past.prototype.trimmed = function () {
    this.reached = null;
    if (this.room !== null) { this.ended(false); }
  };

  Past.prototype.leave = function () {
    if (this.abort) { this.abort(); }
    this.abort = null;
    this.room = this.reached = null;
    this.elements.older.hidden = true;
    this.elements.begin.hidden = true;
    this.elements.trouble.textContent = '';
    this.busy(false);
  };

  /** Whether the log begins with what is shown. */
  Past.prototype.ended = function (ended) {
    this.elements.older.hidden = ended;
    this.elements.begin.hidden = !ended || !this.before();
  };

  Past.prototype.busy = function (busy) {
    this.elements.older.textContent = busy ? 'Loading…' : 'Load older messages';
    this.elements.older.setAttribute('aria-disabled', busy ? 'true' : 'false');
  };

  /** Ask for the page before; nothing where that is under way, or there is none. */
  Past.prototype.more = function () {
    var self = this, before = this.reached || this.before();
    if (this.abort || this.elements.older.hidden || !before) { return; }
    this.busy(true);
    this.elements.trouble.textContent = '';
    this.abort = Realtime.request(this.options, 'GET', Realtime.messagesPath(this.room, {before: before, limit: PAGE}),
      null, function (error, answer) {
        self.abort = null;
        self.busy(false);
        if (error) {
          self.elements.trouble.textContent = 'Older messages could not be loaded: ' + error.message + '.';
          return;
        }
        if (answer.messages.length) { self.reached = answer.messages[0].id; }
        var focused = root.document.activeElement === self.elements.older;
        self.show(answer.messages.filter(function (one) { return one.event === 'message'; }), function () {
          self.ended(answer.messages.length < PAGE);
        });
        if (focused && self.elements.older.hidden) { root.document.getElementById('scroll').focus(); }
      });
  };

  Chat.Past = Past;
}(window));

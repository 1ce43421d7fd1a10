/*
 * The line above the message field: what of ours, in any room, is not sent yet, and on request the list of it.
 *
 * What goes out at once never shows here. This file may not send anything itself.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat;
  var PATIENCE_MS = 1000;   // what is sent within this time was simply sent
  var STATES = {waiting: 'Waiting', sent: 'Sending', retrying: 'Trying again'};

  /** `elements`: {queue, words, toggle, list, all}; `go(room)` shows a room, `called(room)` names it. */
  function Queue(elements, go, called) {
    var self = this;
    this.elements = elements;
    this.go = go;
    this.called = called;
    this.sending = null;
    this.open = false;
    this.due = null;
    elements.toggle.addEventListener('click', function () {
      self.open = !self.open;
      self.draw();
    }, false);
    elements.all.addEventListener('click', function () { self.sending.again(); }, false);
  }

  /** Something changed. */
  Queue.prototype.update = function (sending) {
    var self = this;
    this.sending = sending;
    if (sending.entries.length && this.elements.queue.hidden && !sending.failed().length) {
      if (this.due === null) { this.due = root.setTimeout(function () { self.due = null; self.draw(); }, PATIENCE_MS); }
      return;
    }
    root.clearTimeout(this.due);
    this.due = null;
    this.draw();
  };

  Queue.prototype.draw = function () {
    var elements = this.elements, entries = this.sending.entries, failed = this.sending.failed().length;
    var waiting = entries.length - failed, words = [];
    if (waiting) { words.push(waiting === 1 ? '1 message waits to be sent' : waiting + ' messages wait to be sent'); }
    if (entries.some(function (entry) { return entry.limited && !entry.error; })) {
      words.push('too many at once, so it is tried again by itself');
    }
    if (failed) { words.push(failed + ' could not be sent'); }
    words = words.join(' · ');
    if (elements.words.textContent !== words) { elements.words.textContent = words; }
    this.open = this.open && entries.length > 0;
    elements.queue.hidden = !entries.length;
    elements.queue.setAttribute('data-failed', failed ? 'true' : 'false');
    elements.all.hidden = !failed;
    elements.toggle.textContent = this.open ? 'Hide' : 'Show';
    elements.toggle.setAttribute('aria-expanded', this.open ? 'true' : 'false');
    elements.list.hidden = !this.open;
    if (this.open) { this.fill(entries); }
    if (this.sending.view) { this.sending.view.scroll.resized(); }
  };

  Queue.prototype.fill = function (entries) {
    var list = this.elements.list, self = this, focused = root.document.activeElement;
    // Who has just pressed a button in here goes on from the list, and is not thrown to the top of the page.
    var inside = list.contains(focused);
    list.textContent = '';
    entries.forEach(function (entry) {
      var item = Chat.make('li'), text = Chat.make('bdi', 'what', entry.text.slice(0, 200));
      var room = Chat.button('choice', self.called(entry.room).title, function () { self.go(entry.room); });
      item.setAttribute('data-state', entry.error ? 'failed' : entry.state);
      item.appendChild(room);
      item.appendChild(text);
      item.appendChild(Chat.make('span', 'how', entry.error ? 'Failed' : STATES[entry.state]));
      if (entry.error) {
        item.title = entry.error.message;
        item.appendChild(Chat.button('choice', 'Try again', function () { self.sending.publish(entry); }));
        item.appendChild(Chat.button('choice', 'Discard', function () { self.sending.discard(entry); }));
      }
      list.appendChild(item);
    });
    if (inside) { list.focus(); }
  };

  Chat.Queue = Queue;
}(window));

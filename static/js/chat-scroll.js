/*
 * Where the reader is in the conversation: at its end, and staying there, or further up, and kept at the same line.
 *
 * This file moves the scroll position and shows the two buttons that jump. It may not know the messages.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat;
  var NEAR_END = 80, NEAR_TOP = 120;   // pixels

  /**
   * `elements`: {messages, scroll, jump, back}. `tell.moved()` at every move, `tell.top()` when somebody comes near the
   * top.
   */
  function Scroll(elements, tell) {
    var self = this;
    this.scroll = elements.scroll;
    this.list = elements.messages;
    this.jump = elements.jump;
    this.back = elements.back;
    this.mark = null;         // the element that the button "new, further up" leads to
    this.following = true;    // the reader is at the end, and wants to stay there
    this.tell = tell;
    this.was = 0;
    this.line = null;         // the first message in sight, and how far below the top it begins: {item, top}
    this.scroll.addEventListener('scroll', function () {
      var up = self.scroll.scrollTop < self.was;
      self.was = self.scroll.scrollTop;
      self.settle();
      if (up && self.was < NEAR_TOP) { tell.top(); }
    }, false);
    // What was opened in here may have put the end out of sight: who reads it now is not taken there.
    this.scroll.addEventListener('click', function () { self.settle(); }, false);
    this.jump.addEventListener('click', function () {
      self.toEnd();
      self.scroll.focus();
    }, false);
    this.back.addEventListener('click', function () {
      self.toMark();
      self.scroll.focus();
    }, false);
  }

  Scroll.prototype.atEnd = function () {
    return this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < NEAR_END;
  };

  Scroll.prototype.toEnd = function () {
    this.following = true;
    this.scroll.scrollTop = this.scroll.scrollHeight;
    this.was = this.scroll.scrollTop;
    this.look();
  };

  /** The reader has moved, or what they see has. */
  Scroll.prototype.settle = function () {
    this.following = this.atEnd();
    this.note();
    this.look();
    this.tell.moved();
  };

  Scroll.prototype.note = function () {
    var items = this.list.children, top = this.scroll.getBoundingClientRect().top, low = 0, high = items.length - 1, at;
    while (low < high) {
      at = Math.floor((low + high) / 2);
      if (items[at].getBoundingClientRect().bottom > top) { high = at; } else { low = at + 1; }
    }
    this.line = items[low] ? {item: items[low], top: items[low].getBoundingClientRect().top - top} : null;
  };

  /** There is more or less room than before: who was at the end stays there, and who reads further up at their line. */
  Scroll.prototype.resized = function () {
    var line = this.line, place = this.scroll;
    if (this.following) { return this.toEnd(); }
    if (!line || line.item.parentNode !== this.list) { return; }
    place.scrollTop += line.item.getBoundingClientRect().top - place.getBoundingClientRect().top - line.top;
    this.was = place.scrollTop;
    this.look();
  };

  /** Run what changes the height above the reader, who goes on reading the same line. */
  Scroll.prototype.keep = function (change) {
    var below = this.scroll.scrollHeight - this.scroll.scrollTop;
    change();
    this.scroll.scrollTop = this.scroll.scrollHeight - below;
    this.was = this.scroll.scrollTop;
    this.look();
  };

  /** Show the line "new" below the top, with what was said before it for the context. */
  Scroll.prototype.toMark = function () {
    if (!this.mark) { return; }
    var top = this.mark.getBoundingClientRect().top - this.scroll.getBoundingClientRect().top;
    this.scroll.scrollTop += top - this.scroll.clientHeight / 4;
    this.was = this.scroll.scrollTop;
    this.following = this.atEnd();
    this.look();
  };

  Scroll.prototype.count = function (count) {
    var words = count ? count + (count === 1 ? ' new message' : ' new messages') : 'Latest messages';
    if (this.jump.firstChild.nodeValue !== words) { this.jump.firstChild.nodeValue = words; }
  };

  /** Which of the buttons there is something for. */
  Scroll.prototype.look = function () {
    var mark = this.mark && this.mark.parentNode && this.mark;
    this.jump.hidden = this.following;
    this.back.hidden = !mark || mark.getBoundingClientRect().bottom >= this.scroll.getBoundingClientRect().top;
  };

  Chat.Scroll = Scroll;
}(window));

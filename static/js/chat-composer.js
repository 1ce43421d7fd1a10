/*
 * The field for a message: it grows, Enter sends, each room has its own draft. This file may not send anything itself.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat;
  var HIGHEST = 180, MOST = 8000, NEARLY = 500;

  /** `elements`: {form, text, left}; `tell`: {send(text), resized(), wrote(text)}. */
  function Composer(elements, settings, tell) {
    var self = this;
    this.text = elements.text;
    this.left = elements.left;
    this.settings = settings;
    this.tell = tell;
    this.room = null;
    root.addEventListener('resize', function () { self.grow(); }, false);
    elements.form.addEventListener('submit', function (e) { self.submit(e); }, false);
    this.text.addEventListener('input', function () {
      self.grow();
      self.keep();
      tell.wrote(self.text.value);
    }, false);
    this.text.addEventListener('keydown', function (e) {
      // An input method that is still composing a word keeps its Enter (as key code 229 where it is not said).
      if (e.keyCode === 13 && !e.shiftKey && !e.isComposing) { self.submit(e); }
    }, false);
  }

  Composer.prototype.grow = function () {
    var text = this.text, left = MOST - text.value.length;
    text.style.height = 'auto';
    text.style.height = Math.min(text.scrollHeight, HIGHEST) + 'px';
    this.left.textContent = left < NEARLY ? left + ' characters left' : '';
    this.tell.resized();
  };

  Composer.prototype.keep = function () {
    if (this.room !== null) { this.settings.draft(this.room, this.text.value); }
  };

  /** A room is shown, with what was begun in it. */
  Composer.prototype.enter = function (room) {
    if (room === this.room) { return; }
    this.room = room;
    this.text.value = this.settings.drafts[room] || '';
    this.grow();
  };

  Composer.prototype.submit = function (e) {
    var written = this.text.value.replace(/\s+$/, '');
    e.preventDefault();
    if (!written.trim()) { return; }
    this.text.value = '';
    this.keep();
    this.grow();
    this.tell.send(written);
    this.text.focus();
  };

  Chat.Composer = Composer;
}(window));

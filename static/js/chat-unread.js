/*
 * What was said while nobody looked: from which message on, how many, and up to where a room has been read.
 *
 * "Looking" is the page being shown and the conversation being at its end; the page says so. This file may not touch
 * the document. It also loads in node, for the tests.
 */
(function (root) {
  'use strict';

  var Chat = typeof module === 'object' && module.exports ? require('./chat-model.js') : root.Chat;

  /** `compare(a, b)`: the order of ids. `read`: the last id that was read in this room before, or null. */
  function Unread(compare, read) {
    this.compare = compare;
    this.read = read;
    this.newest = read;     // the last id that is here
    this.first = null;      // where the line "new" stands
    this.count = 0;         // messages from there on that were not looked at
    this.looking = false;
  }

  /** A message is here; true when the line "new" belongs before it. Our own are read, and so is what is old. */
  Unread.prototype.arrive = function (id, own) {
    if (!id || (this.newest && this.compare(id, this.newest) <= 0)) { return false; }
    this.newest = id;
    if (own || this.looking) {
      this.read = id;
      return false;
    }
    // Who was never here before has missed nothing.
    if (this.read === null) { return false; }
    this.count += 1;
    if (this.count > 1) { return false; }
    this.first = id;
    return true;
  };

  /** Somebody looks now, or not any more. */
  Unread.prototype.look = function (looking) {
    this.looking = looking;
    if (looking) {
      this.read = this.newest;
      this.count = 0;
    }
  };

  /** History is complete: who is here for the first time has read it. */
  Unread.prototype.begin = function () {
    if (this.read === null) { this.read = this.newest = this.newest || '0-0'; }
  };

  /** The page's title. */
  Chat.title = function (room, count) { return (count ? '(' + count + ') ' : '') + room + ' · Realtime'; };

  Chat.Unread = Unread;
  if (typeof module === 'object' && module.exports) { module.exports = Chat; }
}(typeof window === 'undefined' ? {} : window));

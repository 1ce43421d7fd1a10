/*
 * How much is new in the rooms that are not shown.
 *
 * Events do not say their room, so the connection follows only the one that is shown. The log is asked what came in the
 * others since they were read: all of them when the page is opened or looked at again, then one after the other,
 * while somebody looks. A room with more than is counted, or that may not be read, is not asked for until it was read.
 * This file may not touch the document or the connection. It also loads in node, for the tests.
 */
(function (root) {
  'use strict';

  var Chat = typeof module === 'object' && module.exports ? require('./chat-model.js') : root.Chat;
  var MOST = 10;             // counted; one less is shown
  var TURN_MS = 10 * 1000;   // from one question to the next
  var SOON_MS = 200;         // and while all are asked for

  /** A count as it is shown. */
  Chat.countOf = function (count) { return count < MOST ? String(count) : MOST - 1 + '+'; };

  /**
   * `settings`: how far rooms were read, and `tag`, whose messages are our own. `ask(room, after, limit, cb)`: as
   * `Realtime.request` answers. `tell(room, count)`. `clock`: {setTimeout, clearTimeout, now}.
   */
  function Elsewhere(settings, ask, tell, clock) {
    this.settings = settings;
    this.ask = ask;
    this.tell = tell;
    this.clock = clock;
    this.rooms = [];                      // to be asked for, whose turn it is first
    this.known = Object.create(null);     // room -> {read, after, count, refused}
    this.looking = this.asking = false;
    this.left = 0;                        // how many are to be asked for soon
    this.swept = null;                    // when all of them were last asked for
    this.timer = null;
  }

  /** These are the rooms that are not shown. */
  Elsewhere.prototype.watch = function (rooms) {
    var before = this.rooms;
    // New ones first, the others keep their turn.
    this.rooms = rooms.filter(function (room) { return before.indexOf(room) < 0; });
    this.rooms.forEach(this.of, this);   // one that was just left has been read
    this.rooms = this.rooms.concat(before.filter(function (room) { return rooms.indexOf(room) >= 0; }));
    this.wait();
  };

  /** Whether somebody looks at a page that is connected. `anew`: now, after a time in which nobody did. */
  Elsewhere.prototype.look = function (looking, anew) {
    var now = this.clock.now();
    this.looking = looking;
    // Not at every connection: after an outage all pages come back at once.
    if (looking && (this.swept === null || (anew && now - this.swept > TURN_MS))) {
      this.swept = now;
      this.left = this.rooms.length;
      this.clock.clearTimeout(this.timer);
      this.timer = null;
    }
    this.wait();
  };

  Elsewhere.prototype.wait = function () {
    var self = this;
    if (this.timer !== null || this.asking || !this.looking || !this.rooms.length) { return; }
    this.timer = this.clock.setTimeout(function () {
      self.timer = null;
      self.next();
    }, this.left > 0 ? SOON_MS : TURN_MS);
  };

  /** What is known of a room since it was read last, perhaps in another tab; null where it never was. */
  Elsewhere.prototype.of = function (room) {
    var read = this.settings.readUpTo(room), one = this.known[room];
    if (!read) { return null; }
    if (!one || one.read !== read) {
      one = this.known[room] = {read: read, after: read, count: 0, refused: false};
      this.tell(room, 0);
    }
    return one;
  };

  /** Ask for the room whose turn it is; those of which nothing is to be asked cost none. */
  Elsewhere.prototype.next = function () {
    var self = this, tries = this.left > 0 ? this.left : this.rooms.length, room, one;
    if (!this.looking || !this.rooms.length) { return; }
    do {
      room = this.rooms.shift();
      this.rooms.push(room);
      this.left -= 1;
      tries -= 1;
      one = this.of(room);
    } while (tries > 0 && (!one || one.refused || one.count >= MOST));
    if (!one || one.refused || one.count >= MOST) { return this.wait(); }
    this.asking = true;
    this.ask(room, one.after, MOST, function (error, answer) {
      self.asking = false;
      if (self.of(room) === one && self.rooms.indexOf(room) >= 0) { self.heard(room, one, error, answer); }
      self.wait();
    });
  };

  Elsewhere.prototype.heard = function (room, one, error, answer) {
    var tag = this.settings.tag;
    if (error) {
      one.refused = !error.retry;
      return;
    }
    one.after = answer.cursor;
    one.count += answer.messages.filter(function (message) {
      return message.event === 'message' && Chat.read(message.data).from !== tag;
    }).length;
    this.tell(room, one.count);
  };

  Chat.Elsewhere = Elsewhere;
  if (typeof module === 'object' && module.exports) { module.exports = Chat; }
}(typeof window === 'undefined' ? {} : window));

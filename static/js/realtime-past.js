/*
 * Realtime.Past: brings the past of rooms by GET, for transports whose stream has one position for all rooms.
 *
 * A stream replays everything after the shared position. A new room only wants its last messages, or those after an
 * id of its own; what the stream would replay beyond that is unwanted, and would come out of order. Mostly there is
 * no such thing. Where there is (the other rooms have been quiet, so the position is old), all rooms are brought up
 * to the newest position that was learned here, and the stream goes on from there.
 * This file may not open a stream, and may not try again: a failure that may pass ends the transport.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var PAGE = 200, PAGES = 100;

  function before(a, b) { return Realtime.compareIds(a, b) < 0; }

  function least(ids) {
    return ids.filter(Boolean).reduce(function (a, b) { return a && before(a, b) ? a : b; }, null);
  }

  function cursorOf(entry) { return entry.cursor; }

  function Past(host) {
    this.host = host;
    this.over = false;
  }

  Past.prototype.close = function () { this.over = true; };

  /**
   * Deliver what the new `rooms` want, refuse those that the server refuses, and see to it that afterwards one
   * position is right for them and the `others`. cb(found, recovered): {room, recovered} of each room that is in,
   * and whether the others have got everything.
   */
  Past.prototype.bring = function (rooms, others, cb) {
    var self = this, host = this.host, found = [], open = rooms.length;
    rooms.forEach(function (room) {
      host.joining(false);
      self.fetch(room, function (error, entry) {
        if (error) {
          host.covered(null);
          host.joined(room, error);
        } else {
          found.push(entry);
        }
        open -= 1;
        if (!open) { self.level(found, others, cb); }
      });
    });
  };

  /** `reach`: what the room got up to there was not asked for, or not asked for any more. */
  Past.prototype.fetch = function (room, cb) {
    var self = this, limit = Math.max(1, room.history), from = room.joined ? room.since : room.after;
    if (from) { return this.follow({room: room, cursor: from, reach: from, recovered: true}, null, PAGES, cb); }
    // Even a room that wants no history is asked for: so that it can refuse, and for its position.
    this.ask(room, {limit: limit}, function (error, messages, answer) {
      if (error) { return cb(error); }
      if (room.history) { self.deliver(room, messages); }
      cb(null, {
        room: room, cursor: answer.cursor, reach: messages.length === limit ? messages[0].id : null, recovered: true
      });
    });
  };

  /** Deliver page by page what came after the entry's cursor: up to `goal`, or all of it. */
  Past.prototype.follow = function (entry, goal, pages, cb) {
    var self = this;
    this.ask(entry.room, {after: entry.cursor, limit: PAGE}, function (error, messages, answer) {
      if (error) { return cb(error); }
      self.deliver(entry.room, messages);
      entry.recovered = entry.recovered && answer.recovered !== false;
      entry.cursor = messages.length ? messages[messages.length - 1].id :
        Realtime.newestOf([entry.cursor, answer.cursor]);
      if (!messages.length || pages < 2 || (goal && !before(entry.cursor, goal))) { return cb(null, entry); }
      self.follow(entry, goal, pages - 1, cb);
    });
  };

  Past.prototype.level = function (found, others, cb) {
    var self = this, host = this.host, position = host.position() || least(found.map(cursorOf));
    var goal = Realtime.newestOf(found.map(cursorOf)), whole = true, open, behind;

    function finish(reached) {
      found.forEach(function (entry) { host.covered(entry.cursor); });
      if (reached) { host.moved(reached); }
      cb(found, whole);
    }

    if (!found.some(function (entry) { return entry.reach && position && before(position, entry.reach); })) {
      return finish(null);
    }
    behind = others.map(function (room) { return {room: room, cursor: position, recovered: true}; }).concat(found)
      .filter(function (entry) { return entry.cursor && before(entry.cursor, goal); });
    open = behind.length;
    if (!open) { return finish(goal); }
    behind.forEach(function (entry) {
      self.follow(entry, goal, PAGES, function (error) {
        // One that is refused by now will be refused by the stream; it holds nobody else up.
        if (!error && found.indexOf(entry) < 0) { whole = whole && entry.recovered; }
        if (error) { entry.cursor = null; }
        open -= 1;
        if (!open) { finish(least([goal].concat(behind.map(cursorOf)))); }
      });
    });
  };

  Past.prototype.deliver = function (room, messages) {
    var host = this.host;
    messages.forEach(function (message) {
      if (host.wants(room)) { host.deliver(message.event, message.data, message.id); }
    });
  };

  Past.prototype.ask = function (room, query, cb) {
    var self = this, host = this.host;
    Realtime.request(host.options, 'GET', Realtime.messagesPath(room.name, query), null, function (error, answer) {
      if (self.over) { return; }
      if (error && error.retry) { return host.lost(error); }
      cb(error, answer && answer.messages || [], answer || {});
    });
  };

  Realtime.Past = Past;
}(typeof window === 'undefined' ? {} : window));

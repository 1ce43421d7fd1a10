/*
 * Realtime.Cursor: where we stand in the log, and what we have seen of it.
 *
 * Ids (`<milliseconds>-<n>`) are a total order over all rooms, so one id resumes any set of rooms, on any transport.
 * That is only true while every room has been delivered up to that id. This file knows when that is so; it knows no
 * transport, room, timer or event name, and may not ask for anything.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  /** Compare numbers written in decimal. Both parts of an id may be beyond what a JavaScript number holds exactly. */
  function compareDigits(a, b) {
    a = a.replace(/^0+(?=\d)/, '');
    b = b.replace(/^0+(?=\d)/, '');
    if (a.length !== b.length) { return a.length < b.length ? -1 : 1; }
    return a === b ? 0 : a < b ? -1 : 1;
  }

  /** -1, 0 or 1 as `a` stands before, at or after `b`. */
  Realtime.compareIds = function (a, b) {
    var x = String(a).split('-'), y = String(b).split('-');
    return compareDigits(x[0], y[0]) || compareDigits(x[1] || '0', y[1] || '0');
  };

  /** The newest of some ids; null, undefined and '' are none. */
  Realtime.newestOf = function (ids) {
    return ids.filter(Boolean).reduce(function (a, b) { return a && Realtime.compareIds(b, a) < 0 ? a : b; }, null);
  };

  Realtime.isId = function (value) { return typeof value === 'string' && /^\d{1,20}-\d{1,20}$/.test(value); };

  /** When a message was accepted by the server, in milliseconds since 1970. */
  Realtime.timeOf = function (id) { return parseInt(id, 10); };

  /** The last `limit` ids: a ring to forget the oldest, a map to find one. */
  function Seen(limit) {
    this.limit = limit;
    this.clear();
  }

  Seen.prototype.clear = function () {
    this.ring = [];
    this.next = 0;
    this.known = Object.create(null);
  };

  Seen.prototype.has = function (id) { return this.known[id] === true; };

  /** Remember `id`; false when it was known already. */
  Seen.prototype.add = function (id) {
    if (this.known[id]) { return false; }
    if (this.ring.length === this.limit) { delete this.known[this.ring[this.next]]; }
    this.ring[this.next] = id;
    this.known[id] = true;
    this.next = (this.next + 1) % this.limit;
    return true;
  };

  /**
   * `position` is the id to resume from.
   *
   * While joins are under way it stands still: what arrives then may be the replay of one room, further along than
   * another room has been delivered, and events do not say their room. A connection that breaks in the middle
   * resumes from the old position; what comes a second time is recognised by its id. For the same reason a message
   * is dropped when it was *seen*, never because its id is at or before the position.
   */
  function Cursor(limit) {
    this.seen = new Seen(limit);
    this.clear();
  }

  Cursor.prototype.clear = function () {
    this.position = null;
    this.seen.clear();
    this.abandon();
  };

  /** A message arrived. False: drop it, it was here before. */
  Cursor.prototype.accept = function (id) {
    // In the order of arrival, not the highest: a live message may come after a replayed one that is newer.
    if (!this.joining) { this.position = id; }
    return this.seen.add(id);
  };

  /** A join was sent. `all`: it is one of the joins of a new connection, which together cover every room. */
  Cursor.prototype.begin = function (all) {
    if (!this.joining) { this.all = all; this.lowest = null; }
    this.joining += 1;
  };

  /** A join was answered; `cursor` is the position its replay ended at, null when it was refused. */
  Cursor.prototype.end = function (cursor) {
    if (!this.joining) { return; }
    if (cursor && (!this.lowest || Realtime.compareIds(cursor, this.lowest) < 0)) { this.lowest = cursor; }
    this.joining -= 1;
    if (this.joining || !this.lowest) { return; }
    // Joins of a running connection say nothing about the rooms it had before: only live messages move those on.
    // Those of a new connection cover every room up to the lowest answer; that may be further back than we were, when
    // the log was rolled back or this server is a moment behind the last one.
    if (this.all || !this.position) { this.position = this.lowest; }
  };

  /** The connection broke, or was replaced: no answer to a join will come any more. */
  Cursor.prototype.abandon = function () {
    this.joining = 0;
    this.all = false;
    this.lowest = null;
  };

  /** The server says that what we knew of the log is void, and where to go on from. */
  Cursor.prototype.reset = function (cursor) {
    if (Realtime.isId(cursor)) { this.position = cursor; }
  };

  Realtime.Seen = Seen;
  Realtime.Cursor = Cursor;
}(typeof window === 'undefined' ? {} : window));

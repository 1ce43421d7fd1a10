/*
 * The second half of Realtime.Tabs: what the leader hands on of the one real stream, to whom, and up to where.
 *
 * Ids of a stream rise. So whoever was handed what came up to an id has everything up to there, also where none of it
 * was for its rooms. This file may not open or close anything.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var Group = Realtime.Tabs, MOST_SILENT = 4, EARLY = 0.6;

  function values(map) { return Object.keys(map).map(function (name) { return map[name]; }); }

  Group.prototype.union = function (readers) {
    var rooms = Object.create(null);
    readers.forEach(function (reader) { reader.rooms.forEach(function (room) { rooms[room] = true; }); });
    return Object.keys(rooms);
  };

  /** The live readers of any of these rooms; null: all. */
  Group.prototype.reading = function (rooms) {
    return values(this.readers).filter(function (reader) {
      return reader.live && (!rooms || rooms.some(function (room) { return reader.rooms.indexOf(room) >= 0; }));
    });
  };

  Group.prototype.tell = function (readers, told) {
    var ids = readers.map(function (reader) { return reader.id; }), sources = this.sources;
    if (!ids.length) { return; }
    told.what = 'told';
    told.ids = ids;
    this.post(told);
    ids.forEach(function (id) { if (sources[id]) { sources[id].hear(told); } });
  };

  /** The stream stands. Who has just come is told so; who was here before, only if something is missing. */
  Group.prototype.ready = function (answer) {
    values(this.readers).forEach(function (reader) {
      var whole = answer.recovered !== false, cursor = whole && reader.at || answer.cursor;
      if (reader.live) {
        if (!whole) { this.tell([reader], {event: 'realtime.reset', data: JSON.stringify({cursor: cursor})}); }
        return;
      }
      reader.live = true;
      reader.beaten = null;
      this.tell([reader], {event: 'realtime.ready', readyState: 1,
        data: JSON.stringify({recovered: whole, cursor: cursor, rooms: reader.rooms})});
    }, this);
  };

  Group.prototype.message = function (enclosed, lastEventId) {
    // What has no id of its own, which is transient, bears that of the message before it.
    var id = lastEventId === this.last ? null : lastEventId || null, readers = this.reading(enclosed.rooms);
    this.last = lastEventId;
    if (id) {
      readers = readers.filter(function (reader) { return !reader.at || Realtime.compareIds(id, reader.at) > 0; });
      this.position = id;
      this.reading(null).forEach(function (reader) { reader.at = Realtime.newestOf([reader.at, id]); });
    }
    this.tell(readers, {event: enclosed.event, data: JSON.stringify(enclosed.data), id: id});
  };

  /** A heartbeat: not for whom the last one was so short a time ago that it would look as if it had been held back. */
  Group.prototype.beat = function (every, data) {
    var now = this.options.clock.now(), sources = this.sources, silent;
    var due = this.reading(null).filter(function (reader) {
      return reader.beaten === null || now - reader.beaten >= EARLY * every;
    });
    due.forEach(function (reader) {
      reader.beaten = now;
      reader.silent += sources[reader.id] ? 0 : 1;
    });
    this.tell(due, {event: 'realtime.heartbeat', data: data, at: this.position});
    silent = due.filter(function (reader) { return reader.silent > MOST_SILENT; });
    silent.forEach(function (reader) { delete this.readers[reader.id]; }, this);
  };

  /** It is coming back by itself, or is over for good: then everybody begins anew. */
  Group.prototype.broken = function () {
    var readers = values(this.readers), state = this.real.readyState;
    if (state === 2) {
      this.readers = Object.create(null);
      this.real = null;
    }
    readers.forEach(function (reader) { reader.live = false; });
    this.tell(readers, {event: 'error', readyState: state});
  };
}(typeof window === 'undefined' ? {} : window));

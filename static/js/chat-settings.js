/*
 * What the chat remembers in this browser: the name, the rooms, how far each was read, drafts, what waits to be sent.
 *
 * Kept where the browser allows it; otherwise for as long as the page lives. What is found there may be anything.
 * This file may not touch the document. It also loads in node, for the tests.
 */
(function (root) {
  'use strict';

  var Chat = typeof module === 'object' && module.exports ? require('./chat-model.js') : root.Chat;
  var MOST_ROOMS = 12, MOST_MARKS = 50, MOST_QUEUED = 200;
  var TAG = /^[a-z0-9]{4}$/;

  function isText(value) { return typeof value === 'string' && value !== ''; }

  /** An object's own entries that are texts, the newest `most` of them. */
  function texts(found, most) {
    var kept = Object.create(null);
    if (found === null || typeof found !== 'object') { return kept; }
    Object.keys(found).slice(-most).forEach(function (key) { if (isText(found[key])) { kept[key] = found[key]; } });
    return kept;
  }

  /**
   * `lasting` is for the browser, `passing` for this tab (localStorage and sessionStorage, or null). `base` is where
   * the application is: two of one origin share a store, and may not share a queue.
   */
  function Settings(lasting, passing, base) {
    var rooms;
    this.base = 'realtime' + (base || '') + '.';
    this.lasting = lasting;
    this.passing = passing;
    this.name = Chat.cleanName(this.load(lasting, 'name') || '') || Chat.guest();
    this.tag = this.load(lasting, 'tag') || '';
    if (!TAG.test(this.tag)) { this.tag = (Math.random() + 1).toString(36).slice(2, 6); }
    if (!TAG.test(this.tag)) { this.tag = 'self'; }
    rooms = this.parse(lasting, 'rooms');
    this.rooms = (rooms instanceof Array ? rooms : []).filter(isText).slice(0, MOST_ROOMS);
    this.marks = texts(this.parse(lasting, 'read'), MOST_MARKS);
    this.drafts = texts(this.parse(passing, 'drafts'), MOST_MARKS);
    this.save(lasting, 'name', this.name);
    this.save(lasting, 'tag', this.tag);
  }

  Settings.prototype.load = function (place, key) {
    try { return place.getItem(this.base + key); } catch (_) { return null; }
  };

  Settings.prototype.parse = function (place, key) {
    try { return JSON.parse(this.load(place, key)); } catch (_) { return null; }
  };

  Settings.prototype.save = function (place, key, value) {
    try { place.setItem(this.base + key, value); } catch (_) { /* private mode, or full: the page still knows */ }
  };

  Settings.prototype.rename = function (name) {
    this.name = Chat.cleanName(name) || this.name;
    this.save(this.lasting, 'name', this.name);
  };

  /** Remember a room. The list keeps its order, so that it does not jump under the finger; the oldest goes. */
  Settings.prototype.visit = function (room) {
    if (this.rooms.indexOf(room) >= 0) { return; }
    this.rooms.push(room);
    if (this.rooms.length > MOST_ROOMS) { this.rooms.shift(); }
    this.save(this.lasting, 'rooms', JSON.stringify(this.rooms));
  };

  Settings.prototype.forget = function (room) {
    this.rooms = this.rooms.filter(function (other) { return other !== room; });
    this.save(this.lasting, 'rooms', JSON.stringify(this.rooms));
  };

  /** The last id that was read in a room, perhaps in another tab, or null. */
  Settings.prototype.readUpTo = function (room) {
    this.marks = texts(this.parse(this.lasting, 'read') || this.marks, MOST_MARKS);
    return this.marks[room] || null;
  };

  /** A room was read up to an id. Other tabs may have noted other rooms meanwhile. */
  Settings.prototype.mark = function (room, id) {
    if (!id || this.readUpTo(room) === id) { return; }
    delete this.marks[room];   // so that it becomes the newest
    this.marks[room] = id;
    this.save(this.lasting, 'read', JSON.stringify(texts(this.marks, MOST_MARKS)));
  };

  Settings.prototype.draft = function (room, text) {
    delete this.drafts[room];
    if (text) { this.drafts[room] = text; }
    this.save(this.passing, 'drafts', JSON.stringify(texts(this.drafts, MOST_MARKS)));
  };

  /** Messages that were not confirmed when the page was left: {room, user, text, key, time} each. */
  Settings.prototype.queued = function () {
    var found = this.parse(this.passing, 'queue');
    return (found instanceof Array ? found : []).filter(function (one) {
      return one && isText(one.room) && isText(one.user) && isText(one.text) && isText(one.key) && one.time > 0;
    }).slice(0, MOST_QUEUED);
  };

  Settings.prototype.queue = function (entries) {
    this.save(this.passing, 'queue', JSON.stringify(entries.map(function (one) {
      return {room: one.room, user: one.user, text: one.text, key: one.key, time: one.time};
    })));
  };

  Chat.Settings = Settings;
  if (typeof module === 'object' && module.exports) { module.exports = Chat; }
}(typeof window === 'undefined' ? {} : window));

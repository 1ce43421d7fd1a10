/*
 * Who is here, and who is writing: what is known of them, from what the server and the others tell.
 *
 * Names are what people call themselves; the server shows them as it got them. This file may not touch the document or
 * the connection. It also loads in node, for the tests.
 */
(function (root) {
  'use strict';

  var Chat = typeof module === 'object' && module.exports ? require('./chat-model.js') : root.Chat;
  var MOST_WRITING = 20;
  var WRITING_MS = 6000;   // a sign of writing counts for so long; the next one comes sooner, if there is one
  // What the server would not take as part of a name: controls, marks without a width, and what not every version of
  // Unicode knows. A name that is refused would keep its owner out of the room.
  var UNSEEN = new RegExp('[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u08e2\\u180e' +
    '\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ue000-\\uf8ff\\ufeff\\ufff0-\\uffff]', 'g');
  var PAIRS = /[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g;
  var COMMON = /^(?:\ud83c[\udf00-\udfff]|\ud83d[\udc00-\udec5]|\ud83e[\udd10-\udd3a]|[\ud840-\ud868][\udc00-\udfff])$/;

  /** Under which name to be present: one's name, and what tells one from others of that name. */
  Chat.presentName = function (name, tag) {
    var seen = name.replace(UNSEEN, '').replace(PAIRS, function (pair) { return COMMON.test(pair) ? pair : ''; });
    return (Chat.cleanName(seen) || 'Someone') + '#' + tag;
  };

  /** A member as the page shows it: {user, from, transports, connections}. */
  function shown(member) {
    var parts = /^([\s\S]*)#([a-z0-9]{4})$/.exec(member.name || '');
    var known = member.user !== null && !/^guest-/.test(member.user) ? member.user : null;
    return {
      user: parts ? parts[1] : member.name || known || 'Guest', from: parts ? parts[2] : '', known: known,
      transports: member.transports, connections: member.connections
    };
  }

  function key(member) { return JSON.stringify([member.user, member.name]); }

  function Roster() {
    this.clear();
  }

  Roster.prototype.clear = function () {
    this.members = Object.create(null);
    this.viewers = 0;
    this.total = 0;
    this.known = false;     // the server has answered
    this.counted = false;   // so many are here that only their number is told
  };

  /** The server's answer to who is here. */
  Roster.prototype.set = function (answer) {
    this.clear();
    this.known = true;
    answer.members.forEach(function (member) { this.members[key(member)] = member; }, this);
    this.viewers = answer.viewers;
    this.total = answer.total;
  };

  /** Somebody came or went. False: something was not heard, so that the server is to be asked again. */
  Roster.prototype.apply = function (change) {
    change.left.forEach(function (member) { delete this.members[key(member)]; }, this);
    change.joined.concat(change.changed).forEach(function (member) { this.members[key(member)] = member; }, this);
    this.viewers = change.viewers;
    this.total = change.total;
    this.counted = !!change.counted;
    return this.counted || Object.keys(this.members).length === change.total;
  };

  /** Everybody, oneself (who has this tag) first, then by name; `twin`: somebody else has the same name. */
  Roster.prototype.list = function (tag) {
    var names = Object.create(null), members = this.members;
    return Object.keys(members).map(function (name) {
      var member = shown(members[name]);
      member.own = !!tag && member.from === tag;
      names[member.user] = (names[member.user] || 0) + 1;
      return member;
    }).sort(function (a, b) {
      return b.own - a.own || a.user.localeCompare(b.user) || (a.from < b.from ? -1 : 1);
    }).map(function (member) {
      member.twin = names[member.user] > 1;
      return member;
    });
  };

  /** Who is writing. */
  function Writing() {
    this.signs = [];
  }

  /** A sign, or (`until` in the past) the end of it. `who` is {user, from}. */
  Writing.prototype.hear = function (who, now, ended) {
    this.signs = this.signs.filter(function (sign) { return sign.user !== who.user || sign.from !== who.from; });
    if (!ended && this.signs.length < MOST_WRITING) {
      this.signs.push({user: who.user, from: who.from, until: now + WRITING_MS});
    }
  };

  /** In words, and when they change by themselves: {words, names, until}; no words where nobody writes. */
  Writing.prototype.tell = function (now) {
    var names, until = Infinity;
    this.signs = this.signs.filter(function (sign) { return sign.until > now; });
    this.signs.forEach(function (sign) { until = Math.min(until, sign.until); });
    names = this.signs.map(function (sign) { return sign.user; });
    return {
      names: names.length > 2 ? [] : names, until: until,
      words: ['', ' is typing…', ' are typing…', 'Several people are typing…'][Math.min(names.length, 3)]
    };
  };

  Chat.Roster = Roster;
  Chat.Writing = Writing;
  if (typeof module === 'object' && module.exports) { module.exports = Chat; }
}(typeof window === 'undefined' ? {} : window));

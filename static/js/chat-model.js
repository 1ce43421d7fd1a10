/*
 * What the chat knows without a page: what a message says, who somebody is, where a room is.
 *
 * Messages come from anybody and may hold any JSON; whatever it is, `Chat.read` makes something to show of it.
 * This file may not touch the document or the connection. It also loads in node, for the tests.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat = root.Chat || {};
  var MOST_NAME = 40, HUES = 8;
  var MOODS = ['Calm', 'Brave', 'Bright', 'Gentle', 'Happy', 'Kind', 'Lucky', 'Merry', 'Quick', 'Sunny', 'Witty'];
  var ANIMALS = ['Badger', 'Beaver', 'Falcon', 'Fox', 'Heron', 'Lynx', 'Marten', 'Otter', 'Owl', 'Panda', 'Robin'];

  function pick(list) { return list[Math.floor(Math.random() * list.length)]; }

  /** Who says what: {user, from, text}, all strings, from any JSON value. `from` tells namesakes apart, or is ''. */
  Chat.read = function (data) {
    var plain = data !== null && typeof data === 'object' && !(data instanceof Array);
    var user = plain && typeof data.user === 'string' ? data.user.replace(/\s+/g, ' ').trim() : '';
    var from = plain && typeof data.from === 'string' && /^[a-z0-9]{1,8}$/.test(data.from) ? data.from : '';
    var text = plain && data.text !== undefined && data.text !== null ? data.text : data;
    return {
      user: user.slice(0, MOST_NAME) || 'Someone',
      from: from,
      text: typeof text === 'string' ? text : JSON.stringify(text) || ''
    };
  };

  /** One or two letters that stand for a name. Surrogate pairs stay whole. */
  Chat.initials = function (name) {
    var words = name.trim().split(/\s+/), letters = [];
    [words[0], words.length > 1 ? words[words.length - 1] : ''].forEach(function (word) {
      var first = /^[\uD800-\uDBFF][\uDC00-\uDFFF]|^[\s\S]/.exec(word || '');
      if (first) { letters.push(first[0].toUpperCase()); }
    });
    return letters.join('') || '?';
  };

  /** The same name has the same colour everywhere. */
  Chat.hue = function (name) {
    var sum = 0, i;
    for (i = 0; i < name.length; i += 1) { sum = (sum * 31 + name.charCodeAt(i)) % 9973; }
    return sum % HUES;
  };

  Chat.guest = function () { return pick(MOODS) + ' ' + pick(ANIMALS); };

  Chat.cleanName = function (name) { return String(name).replace(/\s+/g, ' ').trim().slice(0, MOST_NAME); };

  /** One value of a query string. */
  Chat.query = function (search, name) {
    var parts = search.replace(/^\?/, '').split('&'), i, pair;
    for (i = 0; i < parts.length; i += 1) {
      pair = parts[i].split('=');
      if (pair[0] === name) {
        try { return decodeURIComponent((pair[1] || '').replace(/\+/g, ' ')); } catch (_) { return ''; }
      }
    }
    return '';
  };

  /** The transport that an address asks for, or '' where it is none of these. */
  Chat.transport = function (search, known) {
    var asked = Chat.query(search, 'transport'), name = asked === 'polling' ? 'poll' : asked;
    return known.indexOf(name) >= 0 ? name : '';
  };

  /** What a room is called on the page: {name, title, isPrivate}. One that nobody may guess is not read by anybody. */
  Chat.called = function (room, prefix) {
    var secret = prefix && room.indexOf(prefix + 'room-') === 0 && room.slice(prefix.length + 5);
    var name = secret ? 'Private ' + secret.slice(0, 4) : room;
    return {name: name, title: (secret ? '' : '#') + name, isPrivate: !!secret};
  };

  /** The address of a room; what else the query says (which transport) is kept. */
  Chat.address = function (search, room) {
    var transport = Chat.query(search, 'transport');
    // Slashes, colons and at-signs may stand in a query as they are, and people share these addresses.
    return '?room=' + encodeURIComponent(room).replace(/%2F/g, '/').replace(/%3A/g, ':').replace(/%40/g, '@') +
      (transport ? '&transport=' + encodeURIComponent(transport) : '');
  };

  if (typeof module === 'object' && module.exports) { module.exports = Chat; }
}(typeof window === 'undefined' ? {} : window));

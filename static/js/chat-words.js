/*
 * What the words of a message are: which parts are links, whether it is long, whether it is emoji only.
 *
 * Everything here reads a text once from the left to the right, however it was made: no pattern has a choice of ways
 * to read the same characters. This file may not touch the document. It also loads in node, for the tests.
 */
(function (root) {
  'use strict';

  var Chat = typeof module === 'object' && module.exports ? require('./chat-model.js') : root.Chat;
  var LONG_TEXT = 1200, LONG_LINES = 15, MOST_EMOJI = 24;
  // Up to a blank, a quote or an angle bracket, or a mark that turns the direction of what follows it.
  var CANDIDATE = /\b(?:https?:\/\/|mailto:|www\.)[^\s<>"\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;
  var OPENED_BY = {')': '(', ']': '[', '}': '{', '）': '（', '」': '「', '』': '『', '】': '【', '》': '《', '»': '«'};
  var POINTS = '.,;:!?\'*_~…“”‘’‚„。、，！？；：';
  var EMOJI = new RegExp('^(?:[\\u231a-\\u23ff\\u2600-\\u27bf\\u2b50\\u2b55\\ufe0f\\u200d\\u20e3\\s]|' +
    '\\ud83c[\\udc04-\\udfff]|\\ud83d[\\udc00-\\udeff\\udfe0-\\udfff]|\\ud83e[\\udd00-\\udeff])+$');

  /** How often each bracket stands in a text. */
  function brackets(text) {
    var counts = {}, i;
    for (i = 0; i < text.length; i += 1) { counts[text.charAt(i)] = (counts[text.charAt(i)] || 0) + 1; }
    return counts;
  }

  /** Where a link ends: what ends the sentence, or closes a bracket that was opened before the link, is not its own. */
  function trimmed(text) {
    var end = text.length, counts = brackets(text), last, opening;
    while (end) {
      last = text.charAt(end - 1);
      opening = OPENED_BY[last];
      if (opening ? counts[last] <= (counts[opening] || 0) : POINTS.indexOf(last) < 0) { break; }
      counts[last] -= 1;
      end -= 1;
    }
    return text.slice(0, end);
  }

  /** Where a link leads, or null. Nothing but web and mail; no address that looks like another (a name before an @). */
  function target(text) {
    if (/^mailto:/i.test(text)) { return /^mailto:[^@\s?]+@[^@\s?]+(?:\?|$)/i.test(text) ? text : null; }
    var href = /^www\./i.test(text) ? 'https://' + text : text;
    var host = /^https?:\/\/([^\/?#\\]*)/i.exec(href)[1];
    return /^\[?[^\s.:@\[\]]/.test(host) && host.indexOf('@') < 0 ? href : null;
  }

  /** A text in parts, in order: {text}, or {text, href} for a link. Together they are the text. */
  Chat.links = function (text) {
    var parts = [], from = 0, found, address, href;

    function plain(to) { if (to > from) { parts.push({text: text.slice(from, to)}); } }

    CANDIDATE.lastIndex = 0;
    while ((found = CANDIDATE.exec(text))) {
      address = trimmed(found[0]);
      href = address && target(address);
      if (href) {
        plain(found.index);
        parts.push({text: address, href: href});
        from = found.index + address.length;
      }
    }
    plain(text.length);
    return parts;
  };

  /** Whether a text is shown in part at first. */
  Chat.isLong = function (text) { return text.length > LONG_TEXT || text.split('\n').length > LONG_LINES; };

  /** Whether a text is a few emoji and nothing else. */
  Chat.isEmoji = function (text) { return text.length <= MOST_EMOJI && /\S/.test(text) && EMOJI.test(text); };

  if (typeof module === 'object' && module.exports) { module.exports = Chat; }
}(typeof window === 'undefined' ? {} : window));

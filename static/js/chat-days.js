/*
 * When something was said, in words, and what stands together: the lines of days, and messages that go on from the
 * one before. This file may not touch the document. It also loads in node, for the tests.
 */
(function (root) {
  'use strict';

  var Chat = typeof module === 'object' && module.exports ? require('./chat-model.js') : root.Chat;
  var TOGETHER_MS = 5 * 60 * 1000;

  function two(number) { return (number < 10 ? '0' : '') + number; }

  /** A time that can be shown, or null: the milliseconds of an id may be beyond what a Date holds. */
  Chat.dateOf = function (ms) {
    var date = new Date(ms);
    return isNaN(date.getTime()) ? null : date;
  };

  /** The day of a time where the reader is, as `<time datetime>` has it; '' for none. */
  Chat.dayOf = function (date) {
    return date ? date.getFullYear() + '-' + two(date.getMonth() + 1) + '-' + two(date.getDate()) : '';
  };

  Chat.nameOfDay = function (date, now) {
    if (Chat.dayOf(date) === Chat.dayOf(now)) { return 'Today'; }
    if (Chat.dayOf(date) === Chat.dayOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1))) {
      return 'Yesterday';
    }
    return date.toLocaleDateString([], {weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'});
  };

  /** Whether a message, as {user, from, date}, is the first of its day. */
  Chat.opensDay = function (about, previous) {
    return !!about.date && (!previous || Chat.dayOf(previous.date) !== Chat.dayOf(about.date));
  };

  /** Whether a message goes on from the one before: the same person, soon after, on the same day. */
  Chat.goesOn = function (about, previous) {
    return !!previous && !Chat.opensDay(about, previous) && previous.user === about.user &&
      previous.from === about.from && Math.abs(about.date - previous.date) < TOGETHER_MS;
  };

  if (typeof module === 'object' && module.exports) { module.exports = Chat; }
}(typeof window === 'undefined' ? {} : window));

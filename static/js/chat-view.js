/*
 * The conversation on the page: messages in the order of their ids, by day and by author, and what is still waiting.
 *
 * Text from others becomes a text node and nothing else. This file may not know the connection, nor decide what is
 * shown; it may be told anything twice.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat = root.Chat || {}, Realtime = root.Realtime, document = root.document;
  var MOST_SHOWN = 500;
  var GROUP_MS = 5 * 60 * 1000;   // messages of one author within that time stand together
  var NEAR_END = 80;              // pixels: still "at the end" for somebody who reads along

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) { element.className = className; }
    if (text !== undefined) { element.textContent = text; }
    return element;
  }

  function dayOf(date) { return date ? date.getFullYear() + '-' + (date.getMonth() + 1) + '-' + date.getDate() : ''; }

  function nameOfDay(date) {
    var now = new Date();
    if (dayOf(date) === dayOf(now)) { return 'Today'; }
    if (dayOf(date) === dayOf(new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1))) { return 'Yesterday'; }
    return date.toLocaleDateString([], {weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'});
  }

  function View(elements) {
    var self = this;
    this.list = elements.messages;
    this.scroll = elements.scroll;
    this.empty = elements.empty;
    this.jump = elements.jump;
    this.clear();
    this.scroll.addEventListener('scroll', function () {
      self.following = self.atEnd();
      if (self.following) { self.jump.hidden = true; }
    }, false);
    this.jump.addEventListener('click', function () { self.toEnd(); }, false);
  }

  View.prototype.clear = function () {
    this.known = Object.create(null);   // id -> its element
    this.list.textContent = '';
    this.list.setAttribute('aria-busy', 'true');   // a screen reader does not read out fifty old messages
    this.loaded = false;
    this.following = true;   // the reader is at the end, and wants to stay there
    this.jump.hidden = true;
    this.hint('Loading messages…');
  };

  /** The history is here. */
  View.prototype.ready = function () {
    this.loaded = true;
    this.list.setAttribute('aria-busy', 'false');
    this.hint('No messages yet. Say hello.');
    this.toEnd();
  };

  View.prototype.hint = function (text) {
    this.empty.textContent = text;
    this.empty.hidden = !!this.list.firstChild;
  };

  View.prototype.has = function (id) { return !!this.known[id]; };

  View.prototype.atEnd = function () {
    return this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < NEAR_END;
  };

  View.prototype.toEnd = function () {
    this.following = true;
    this.scroll.scrollTop = this.scroll.scrollHeight;
    this.jump.hidden = true;
  };

  /** There is more or less room than before: who was at the end stays there. */
  View.prototype.resized = function () { if (this.following) { this.toEnd(); } };

  /** Show a message {id, user, text, time, own}; without an id it waits at the end. Returns its element. */
  View.prototype.add = function (message) {
    if (message.id && this.known[message.id]) { return this.known[message.id]; }
    var stay = !this.loaded || this.following || message.own, item = this.build(message);
    this.place(item, message.id);
    this.hint('');
    this.trim(stay);
    if (stay) { this.toEnd(); } else { this.jump.hidden = false; }
    return item;
  };

  View.prototype.build = function (message) {
    var date = Chat.dateOf(message.time), item = make('li', 'message' + (message.own ? ' own' : ''));
    var avatar = make('span', 'avatar', Chat.initials(message.user)), body = make('div', 'body');
    var meta = make('div', 'meta'), author = make('bdi', 'author', message.user), time = make('time');
    var text = make('div', 'text', message.text);
    avatar.setAttribute('aria-hidden', 'true');
    avatar.setAttribute('data-hue', Chat.hue(message.user));
    if (date) {
      time.textContent = date.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});
      time.setAttribute('datetime', date.toISOString());
      time.title = date.toLocaleString();
    }
    text.setAttribute('dir', 'auto');
    item.setAttribute('role', 'none');   // a log has no list items, as far as assistive technology is concerned
    [author, time].forEach(function (part) { meta.appendChild(part); });
    [meta, text].forEach(function (part) { body.appendChild(part); });
    [avatar, body].forEach(function (part) { item.appendChild(part); });
    item.about = {user: message.user, date: date, day: dayOf(date)};
    return item;
  };

  /** Put an element where its id belongs. Nearly always that is the end, so the search begins there. */
  View.prototype.place = function (item, id) {
    var after = this.list.lastChild, before = null;
    if (id) {
      this.known[id] = item;
      item.setAttribute('data-id', id);
      while (after && (!after.getAttribute('data-id') || Realtime.compareIds(after.getAttribute('data-id'), id) > 0)) {
        before = after;
        after = after.previousSibling;
      }
    }
    this.list.insertBefore(item, before);
    this.arrange(item);
    this.arrange(this.neighbour(item, 'nextSibling'));
  };

  View.prototype.neighbour = function (item, side) {
    do { item = item[side]; } while (item && !item.about);
    return item;
  };

  /** Whether a day begins with this message, and whether it goes on from the one before. */
  View.prototype.arrange = function (item) {
    if (!item) { return; }
    var previous = this.neighbour(item, 'previousSibling');
    var opens = !!item.about.day && (!previous || previous.about.day !== item.about.day);
    var follows = !opens && !!previous && previous.about.user === item.about.user &&
      Math.abs(item.about.date - previous.about.date) < GROUP_MS;
    item.className = item.className.replace(/ follow/g, '') + (follows ? ' follow' : '');
    this.closeDay(item);
    if (opens) { this.openDay(item); }
  };

  View.prototype.openDay = function (item) {
    var day = make('li', 'day'), label = make('span', '', nameOfDay(item.about.date)), i, others;
    day.setAttribute('role', 'none');
    day.appendChild(label);
    this.list.insertBefore(day, item);
    // Yesterday's "Today" is not today's.
    others = this.list.querySelectorAll('.day');
    for (i = 0; i < others.length; i += 1) {
      others[i].firstChild.textContent = nameOfDay(others[i].nextSibling.about.date);
    }
  };

  /** A page that is open for weeks does not grow for weeks. Who reads further up keeps what they read. */
  View.prototype.trim = function (stay) {
    var first;
    while (stay && this.list.childNodes.length > MOST_SHOWN) {
      first = this.list.querySelector('.message');
      if (!first || !first.getAttribute('data-id')) { return; }
      delete this.known[first.getAttribute('data-id')];
      this.take(first);
    }
  };

  /** Where a message of our own stands: 'waiting', 'failed' with what to do about it, or null. */
  View.prototype.mark = function (item, state, why, retry) {
    var body = item.querySelector('.body'), note = item.querySelector('.note'), button;
    if (note) { body.removeChild(note); }
    if (!state) { return item.removeAttribute('data-state'); }
    item.setAttribute('data-state', state);
    note = make('p', 'note', why);
    if (retry) {
      button = make('button', 'retry', 'Try again');
      button.type = 'button';
      button.addEventListener('click', retry, false);
      note.appendChild(button);
    }
    body.appendChild(note);
    if (this.following) { this.toEnd(); }
  };

  /** A waiting message has its id now. If that message is shown already, the waiting one goes. */
  View.prototype.settle = function (item, id) {
    this.mark(item, null);
    if (item.parentNode !== this.list) { return; }   // another room is shown by now
    this.take(item);
    if (!this.known[id]) { this.place(item, id); }
  };

  /** Take a message off the list, and the line of its day with it; its neighbour says whether that is needed. */
  View.prototype.take = function (item) {
    var after = this.neighbour(item, 'nextSibling');
    this.closeDay(item);
    this.list.removeChild(item);
    this.arrange(after);
  };

  View.prototype.closeDay = function (item) {
    while (item.previousSibling && !item.previousSibling.about) { this.list.removeChild(item.previousSibling); }
  };

  Chat.View = View;
}(window));

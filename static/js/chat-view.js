/*
 * The conversation on the page: messages in the order of their ids, by day and by author, what is new, and what is
 * still waiting at the end.
 *
 * This file may not know the connection, nor decide what is shown; it may be told anything twice.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat, Realtime = root.Realtime, document = root.document;
  var MOST_SHOWN = 500, MOST_NAMES = 1000, MOST_NAMESAKES = 50;
  var QUIET_MS = 300;   // until a screen reader has forgotten that history was put in

  /** `elements`: {messages, scroll, empty, how, jump, back}. `tell`: {looked(), top(), trimmed()}. */
  function View(elements, tell) {
    var self = this;
    this.list = elements.messages;
    this.empty = elements.empty;
    this.how = elements.how;
    this.tell = tell;
    this.scroll = new Chat.Scroll(elements, {
      moved: function () { self.look(); },
      top: function () { if (self.loaded) { tell.top(); } }
    });
    document.addEventListener('visibilitychange', function () { self.look(); }, false);
    this.clear(null);
  }

  /** Begin anew, in a room that was read up to an id. */
  View.prototype.clear = function (read) {
    this.known = Object.create(null);    // id -> its element
    this.names = Object.create(null);    // name -> the tags that were seen with it
    this.met = 0;                        // how many names that are
    this.unread = new Chat.Unread(Realtime.compareIds, read);
    this.list.textContent = '';
    this.loaded = false;
    this.line = null;                    // the line "new"
    this.scroll.mark = null;
    this.scroll.toEnd();
    this.scroll.count(0);
    this.quiet(true);
    this.hint('Loading messages…');
  };

  /** What is put in now was said long ago: a screen reader does not read it out. */
  View.prototype.quiet = function (quiet) {
    var list = this.list;
    root.clearTimeout(this.loud);
    list.setAttribute('aria-busy', quiet ? 'true' : 'false');
    if (quiet) { return list.setAttribute('aria-live', 'off'); }
    this.loud = root.setTimeout(function () { list.setAttribute('aria-live', 'polite'); }, QUIET_MS);
  };

  /** The history is here. */
  View.prototype.ready = function () {
    this.loaded = true;
    this.quiet(false);
    this.hint('No messages yet. Say hello.', true);
    this.scroll.toEnd();
    if (this.unread.count) { this.scroll.toMark(); }
    this.unread.begin();
    this.look();
  };

  /** What stands where there are no messages; `how`: also how to see some arrive. */
  View.prototype.hint = function (text, how) {
    this.empty.textContent = text;
    this.empty.hidden = !!this.list.firstChild;
    this.how.hidden = !how || this.empty.hidden;
  };

  View.prototype.has = function (id) { return !!this.known[id]; };

  /** The id of the oldest message that is shown, or null. */
  View.prototype.oldest = function () {
    var first = this.list.querySelector('.message[data-id]');
    return first && first.getAttribute('data-id');
  };

  View.prototype.look = function () {
    this.unread.look(this.loaded && !document.hidden && this.scroll.following);
    this.scroll.count(this.unread.count);
    this.tell.looked();
  };

  /** Show a message {id, user, from, text, time, own}; without an id it waits at the end. Returns its element. */
  View.prototype.add = function (message) {
    if (message.id && this.known[message.id]) { return this.known[message.id]; }
    // What is written here is seen by who writes it.
    var stay = !this.loaded || this.scroll.following || !message.id, item = Chat.message(message);
    if (this.unread.arrive(message.id, message.own)) { this.drawLine(); }
    this.place(item, message.id);
    this.hint('');
    this.trim(stay);
    if (stay) { this.scroll.toEnd(); } else { this.scroll.look(); }
    this.scroll.count(this.unread.count);
    if (this.loaded) { this.tell.looked(); }
    return item;
  };

  /** Show what was said before, above everything else, and run `then`; the reader stays where they are. */
  View.prototype.older = function (messages, then) {
    var self = this;
    this.quiet(true);
    this.scroll.keep(function () {
      messages.forEach(function (message) {
        if (!self.known[message.id]) { self.place(Chat.message(message), message.id); }
      });
      then();
    });
    this.quiet(false);
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
    this.dress(item);
    this.dress(this.neighbour(item, 'nextSibling'));
    this.meet(item);
  };

  View.prototype.neighbour = function (item, side) {
    do { item = item[side]; } while (item && !item.about);
    return item;
  };

  /** Two people of one name are told apart on every message, from the moment that the second one is here. */
  View.prototype.meet = function (item) {
    var user = item.about.user, tags = this.names[user], i, items = this.list.childNodes;
    if (!tags) {
      if (this.met >= MOST_NAMES) {
        this.names = Object.create(null);
        this.met = 0;
      }
      this.met += 1;
      tags = this.names[user] = [];
    }
    if (tags.length < MOST_NAMESAKES && tags.indexOf(item.about.from) < 0) {
      tags.push(item.about.from);
      for (i = 0; tags.length === 2 && i < items.length; i += 1) {
        if (items[i].about && items[i].about.user === user) { Chat.tell(items[i]); }
      }
    }
    if (tags.length > 1) { Chat.tell(item); }
  };

  /** What stands before a message: the line of its day, the line "new", or nothing, where it goes on. */
  View.prototype.dress = function (item) {
    if (!item) { return; }
    var previous = this.neighbour(item, 'previousSibling'), before = previous && previous.about;
    var isNew = this.unread.first !== null && item.getAttribute('data-id') === this.unread.first;
    var follows = !isNew && Chat.goesOn(item.about, before);
    item.className = item.className.replace(/ follow/g, '') + (follows ? ' follow' : '');
    this.undress(item);
    if (Chat.opensDay(item.about, before)) { this.openDay(item); }
    if (isNew) { this.list.insertBefore(this.line, item); }
  };

  View.prototype.undress = function (item) {
    while (item.previousSibling && !item.previousSibling.about) { this.list.removeChild(item.previousSibling); }
  };

  View.prototype.openDay = function (item) {
    var day = Chat.make('div', 'day'), label = Chat.make('time'), now = new Date(), i, others;
    label.setAttribute('datetime', Chat.dayOf(item.about.date));
    day.appendChild(label);
    this.list.insertBefore(day, item);
    // Yesterday's "Today" is not today's.
    others = this.list.querySelectorAll('.day');
    for (i = 0; i < others.length; i += 1) {
      others[i].firstChild.textContent = Chat.nameOfDay(this.neighbour(others[i], 'nextSibling').about.date, now);
    }
  };

  /** The line "new" moves: it is drawn before the first message that was not looked at. */
  View.prototype.drawLine = function () {
    var old = this.line && this.neighbour(this.line, 'nextSibling');
    this.line = Chat.make('div', 'new');
    this.line.appendChild(Chat.make('span', '', 'New since you were away'));
    this.scroll.mark = this.line;
    this.dress(old);
  };

  /** A page that is open for weeks does not grow for weeks. Who reads further up keeps what they read. */
  View.prototype.trim = function (stay) {
    var first;
    while (stay && this.list.childNodes.length > MOST_SHOWN) {
      first = this.list.querySelector('.message');
      if (!first || !first.getAttribute('data-id')) { return; }
      delete this.known[first.getAttribute('data-id')];
      this.take(first);
      this.tell.trimmed();
    }
  };

  /** A waiting message has its id now. If that message is shown already, the waiting one goes. */
  View.prototype.settle = function (item, id) {
    Chat.mark(item, 'sent', 'Sent');
    item.setAttribute('aria-live', 'off');   // it was read out when it was written
    if (item.parentNode !== this.list) { return; }   // another room is shown by now
    this.take(item);
    this.unread.arrive(id, true);
    if (!this.known[id]) { this.place(item, id); }
  };

  /** A waiting message is not sent any more. */
  View.prototype.drop = function (item) {
    if (item && item.parentNode === this.list) { this.take(item); }
    this.hint(this.empty.textContent);
    this.scroll.resized();
  };

  /** Take a message off the list, and the line of its day with it; its neighbour says whether that is needed. */
  View.prototype.take = function (item) {
    var after = this.neighbour(item, 'nextSibling');
    this.undress(item);
    this.list.removeChild(item);
    this.dress(after);
  };

  Chat.View = View;
}(window));

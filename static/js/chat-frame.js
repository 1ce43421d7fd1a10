/*
 * What stands around the conversation: the list of rooms, the field for another, the name, the state of the
 * connection, a notice, and on narrow screens the button that opens the side.
 *
 * Everything is a link, a form or a button that the keyboard knows, and what can work without history.pushState
 * does. This file may not know the connection or the messages; it reports what was chosen.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat = root.Chat || {}, document = root.document;
  var OVER = {
    websocket: 'Connected over WebSocket', sse: 'Connected over Server-Sent Events', poll: 'Connected by long polling'
  };
  var DEGRADED = 'Connected, but the server cannot deliver. Messages wait.';
  var SHORT = {
    connecting: 'Connecting', reconnecting: 'Offline', closed: 'Offline', websocket: 'WebSocket', sse: 'SSE',
    poll: 'Polling'
  };
  var WORDS = {connecting: 'Connecting…', reconnecting: 'Reconnecting…', closed: 'Disconnected'};

  function byId(id) { return document.getElementById(id); }

  /** `go(room)` is called when a room was chosen, `renamed()` when there is another name. */
  function Frame(settings, go, renamed) {
    var self = this;
    this.settings = settings;
    this.counts = Object.create(null);   // room -> what is new in it, while it is not shown
    this.marks = Object.create(null);    // room -> where that stands
    this.go = function (room) {
      self.open(false);
      go(room);
    };
    this.showName();
    byId('name').addEventListener('change', function () {
      settings.rename(byId('name').value);
      self.showName();
      renamed();
    }, false);
    byId('enter').addEventListener('submit', function (e) { self.submitted(e); }, false);
    byId('menu').addEventListener('click', function () { self.open(!self.isOpen()); }, false);
    ['scroll', 'people-toggle'].forEach(function (id) {
      byId(id).addEventListener('click', function () { self.open(false); }, false);
    });
    document.addEventListener('keydown', function (e) {
      if (e.keyCode !== 27 || !self.isOpen()) { return; }
      self.open(false);
      byId('menu').focus();
    }, false);
  }

  Frame.prototype.submitted = function (e) {
    var room = byId('room').value.trim().replace(/^#/, '');
    if (!root.history.pushState && room) { return; }   // the form leads to the room's own address
    e.preventDefault();
    byId('room').value = '';
    if (room) { this.go(room); }
  };

  /** Show the rooms, each as a link to its own address; `called(room)` is what `Chat.called` says of it. */
  Frame.prototype.list = function (rooms, current, address, called) {
    var self = this, list = byId('rooms');
    list.textContent = '';
    this.marks = Object.create(null);
    rooms.forEach(function (room) {
      var item = document.createElement('li'), anchor = document.createElement('a');
      anchor.appendChild(Chat.make('bdi', '', called(room).name));
      if (called(room).isPrivate) { anchor.className = 'private'; }
      anchor.href = address(room);
      if (room === current) {
        anchor.setAttribute('aria-current', 'page');
      } else {
        self.marks[room] = anchor.appendChild(Chat.make('span', 'news'));
      }
      anchor.addEventListener('click', function (e) {
        if (e.metaKey || e.ctrlKey || e.shiftKey || !root.history.pushState) { return; }
        e.preventDefault();
        self.go(room);
      }, false);
      item.appendChild(anchor);
      list.appendChild(item);
    });
    this.draw();
  };

  /** How much is new in a room that is not shown. */
  Frame.prototype.news = function (room, count) {
    this.counts[room] = count;
    this.draw();
  };

  Frame.prototype.draw = function () {
    var marks = this.marks, counts = this.counts, menu = byId('menu');
    var some = Object.keys(marks).filter(function (room) {
      var count = counts[room] || 0, mark = marks[room];
      mark.parentNode.setAttribute('data-news', count > 0);
      mark.textContent = count ? Chat.countOf(count) : '';
      if (count) { mark.appendChild(Chat.make('span', 'sr-only', ' new')); }
      return count > 0;
    }).length;
    menu.setAttribute('data-news', some > 0);
    menu.setAttribute('aria-label', some ? 'Rooms and name; there are new messages' : 'Rooms and name');
  };

  Frame.prototype.title = function (called) {
    byId('sign').className = called.isPrivate ? 'sign lock' : 'sign';
    byId('title-room').textContent = called.name;
    byId('text').placeholder = 'Message ' + called.title;
  };

  /** How many messages wait to be read, where a tab shows it. */
  Frame.prototype.unread = function (called, count) {
    var title = Chat.title(called, count);
    if (document.title !== title) { document.title = title; }
  };

  Frame.prototype.status = function (state, transport, degraded) {
    var status = byId('status');
    status.textContent = state !== 'connected' ? WORDS[state] : degraded ? DEGRADED : OVER[transport];
    // Where there is no room for that much: one word.
    status.setAttribute('data-short', SHORT[state] || (degraded ? 'Waiting' : SHORT[transport]));
    status.setAttribute('data-state', state);
    status.setAttribute('data-degraded', degraded ? 'true' : 'false');
    status.setAttribute('data-transport', transport || '');
  };

  /** A line above the conversation, for so long if that is said; an empty one takes it away. */
  Frame.prototype.say = function (message, ms) {
    var self = this;
    root.clearTimeout(this.saying);
    byId('notice').textContent = message;
    byId('notice').hidden = !message;
    if (ms) { this.saying = root.setTimeout(function () { self.say(''); }, ms); }
  };

  Frame.prototype.showName = function () {
    byId('name').value = this.settings.name;
    byId('you').textContent = Chat.initials(this.settings.name);
    byId('you').setAttribute('data-hue', Chat.hue(this.settings.name));
  };

  Frame.prototype.isOpen = function () { return byId('menu').getAttribute('aria-expanded') === 'true'; };

  Frame.prototype.open = function (open) {
    if (open === this.isOpen()) { return; }
    byId('app').className = open ? 'app open' : 'app';
    byId('menu').setAttribute('aria-expanded', open ? 'true' : 'false');
    // The side stands before the button in the page, so the focus is taken there.
    if (open) { (byId('rooms').querySelector('[aria-current]') || byId('rooms').querySelector('a')).focus(); }
  };

  Chat.Frame = Frame;
}(window));

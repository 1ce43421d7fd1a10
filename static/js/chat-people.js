/*
 * The list of who is here, with the transport of each, and the line of who is writing.
 *
 * Where the server keeps no count the list is not there at all. This file may not decide who is here.
 */
(function (root) {
  'use strict';

  var Chat = root.Chat, document = root.document;
  var SIGN_MS = 2500;   // one sign of writing is enough for so long
  var WIDE = 1180;      // pixels, from which on the list stands beside the conversation without being asked for
  var BADGES = {websocket: 'WebSocket', polling: 'Polling', sse: 'SSE', poll: 'Long poll'};

  function byId(id) { return document.getElementById(id); }

  /** `resized()`: the conversation has got more or less room. */
  function People(rt, settings, resized) {
    var self = this;
    this.rt = rt;
    this.settings = settings;
    this.resized = resized;
    this.room = null;
    this.named = null;      // under which name we are here
    this.roster = new Chat.Roster();
    this.writing = new Chat.Writing();
    this.signed = 0;        // when we last gave a sign of writing
    this.asking = false;
    this.timer = null;
    this.wants = root.innerWidth >= WIDE;   // the list is to be seen, where there is one
    this.counts = !!document.body.getAttribute('data-presence');   // the server does
    this.refused = false;   // but does not tell us
    rt.on('realtime.presence', function (change) {
      if (change.room !== self.room) { return; }
      if (!self.roster.known || !self.roster.apply(change)) { self.ask(); }
      self.draw();
    });
    rt.on('typing', function (data) { self.heard(data); });
    byId('people-toggle').addEventListener('click', function () {
      self.wants = !self.wants;
      self.show();
      if (self.wants && root.innerWidth < WIDE) { byId('people-close').focus(); }
    }, false);
    byId('people-close').addEventListener('click', function () {
      self.wants = false;
      self.show();
      byId('people-toggle').focus();
    }, false);
    // Where it lies over the page, what is chosen beside it takes its place.
    ['menu', 'scroll', 'text'].forEach(function (id) {
      byId(id).addEventListener('click', function () {
        if (root.innerWidth >= WIDE || !self.wants) { return; }
        self.wants = false;
        self.show();
      }, false);
    });
    byId('people').addEventListener('keydown', function (e) {
      if (e.keyCode === 27) { byId('people-close').click(); }
    }, false);
    this.show();
  }

  /** Under which name to enter a room. */
  People.prototype.name = function () {
    this.named = Chat.presentName(this.settings.name, this.settings.tag);
    return this.named;
  };

  People.prototype.show = function () {
    // The place of the list is kept until it is here, so that nothing moves then.
    var known = this.roster.known, hidden = !this.wants || !(known || (this.counts && !this.refused));
    byId('people-toggle').hidden = !known;
    byId('people-toggle').setAttribute('aria-expanded', hidden ? 'false' : 'true');
    if (byId('people').hidden === hidden) { return; }
    byId('people').hidden = hidden;
    this.resized();
  };

  /** Another room, or none: nobody is known to be in it yet. */
  People.prototype.leave = function () {
    this.room = null;
    this.asking = false;
    this.roster.clear();
    this.writing = new Chat.Writing();
    this.signed = 0;
    this.tell();
    byId('people-list').textContent = '';
  };

  /** Whether there is a connection. Without one nobody knows who is here, and what was last known is shown as such. */
  People.prototype.connected = function (connected) {
    byId('people').setAttribute('data-stale', connected ? 'false' : 'true');
    byId('people-title').textContent = connected || !this.roster.known ? 'Here now' : 'Here a moment ago';
    if (connected) { return this.ask(); }   // what was told meanwhile was not heard
    this.writing = new Chat.Writing();
    this.tell();
  };

  /** A room was entered, or entered again. */
  People.prototype.enter = function (room) {
    this.room = room;
    this.renamed();
    this.ask();
  };

  People.prototype.ask = function () {
    var self = this, room = this.room;
    if (this.asking || room === null || !this.counts) { return; }
    this.asking = true;
    this.rt.presence(room, function (error, answer) {
      if (self.room !== room) { return; }
      self.asking = false;
      if (!error) { self.roster.set(answer); }
      self.refused = !self.roster.known;
      self.draw();
    });
  };

  /** We may call ourselves something else, also since we asked to be let into the room. */
  People.prototype.renamed = function () {
    var before = this.named;
    if (this.room !== null && this.name() !== before) { this.rt.join(this.room, {name: this.named}); }
  };

  People.prototype.draw = function () {
    var self = this, roster = this.roster, list = byId('people-list'), more = roster.viewers;
    var members = roster.list(this.settings.tag), hidden = Math.max(0, roster.total - members.length);
    this.show();
    byId('people-count').textContent = roster.total + more;
    byId('people-toggle').setAttribute('aria-label', 'Who is here: ' + (roster.total + more));
    list.textContent = '';
    (roster.counted ? [] : members).forEach(function (member) { list.appendChild(self.item(member)); });
    more = [];
    if (hidden || roster.counted) { more.push((roster.counted ? roster.total : hidden) + ' more'); }
    if (roster.viewers) { more.push(roster.viewers + ' looking on'); }
    byId('people-more').textContent = more.join(', ');
  };

  People.prototype.item = function (member) {
    var item = Chat.make('li'), name = Chat.make('span', 'who'), transports = Chat.make('span', 'badges');
    var body = Chat.make('div', 'body');
    var tag = member.own ? 'you' : member.twin && member.from ? '#' + member.from : '';
    item.appendChild(Chat.avatar(member.user));
    name.appendChild(Chat.make('bdi', '', member.user));
    if (tag) { name.appendChild(Chat.make('span', 'tag', tag)); }
    if (member.known && member.known !== member.user) { name.title = member.known; }
    body.appendChild(name);
    member.transports.forEach(function (transport) {
      transports.appendChild(Chat.make('span', 'badge ' + transport, BADGES[transport] || transport));
    });
    body.appendChild(transports);
    item.appendChild(body);
    return item;
  };

  /** Something was written into the field: others are told, now and then. */
  People.prototype.wrote = function (text) {
    var now = new Date().getTime(), writes = /\S/.test(text);
    if (this.room === null || (writes ? now - this.signed < SIGN_MS : !this.signed)) { return; }
    this.signed = writes ? now : 0;
    this.rt.publish(this.room, {user: this.settings.name, from: this.settings.tag, ended: !writes},
      {event: 'typing', transient: true}, function () { /* a sign that does not arrive is none */ });
  };

  /** Our message is on its way, which says that we have written. */
  People.prototype.sent = function () { this.signed = 0; };

  People.prototype.heard = function (data) {
    var who = Chat.read(data);
    if (this.room === null || who.from === this.settings.tag) { return; }
    this.writing.hear(who, new Date().getTime(), data && data.ended === true);
    this.tell();
  };

  /** A message is here: its author has written. */
  People.prototype.said = function (message) {
    this.writing.hear(message, 0, true);
    this.tell();
  };

  People.prototype.tell = function () {
    var self = this, now = new Date().getTime(), told = this.writing.tell(now), line = byId('typing-words');
    root.clearTimeout(this.timer);
    if (told.words) { this.timer = root.setTimeout(function () { self.tell(); }, told.until - now + 20); }
    byId('typing').setAttribute('data-on', told.words ? 'true' : 'false');
    line.textContent = '';
    told.names.forEach(function (name, at) {
      if (at) { line.appendChild(document.createTextNode(' and ')); }
      line.appendChild(Chat.make('bdi', '', name));
    });
    line.appendChild(document.createTextNode(told.words));
  };

  Chat.People = People;
}(window));

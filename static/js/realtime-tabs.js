/*
 * Realtime.Tabs: one event stream for all tabs of an origin, because a browser has few connections to a server.
 *
 * One tab leads: whoever holds a Web Lock. It opens the one real stream, for the rooms of all, and hands each tab what
 * is for its rooms over a BroadcastChannel. Every reader has a position of its own, and gets what comes after it: a
 * newcomer makes the leader open the stream anew, from the position of whoever is furthest behind. A lock is free as
 * soon as its tab is gone; one that is frozen does not answer, and its lock is taken from it. The next leader asks
 * everybody where they stand, so nothing is missing between. Where there are no locks or channels, or none for this
 * page (as in a sandboxed frame), each tab has its own stream. To a transport each reader looks like an EventSource.
 * This file may not know what a message means.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;
  var ANSWER = 1500, MOST_ROOMS = 60, MOST_LETTERS = 4000;   // of rooms in a URL; servers take 8192
  var CONTROLS = 'reset degraded restored closing revoked expired presence'.replace(/\w+/g, 'realtime.$&').split(' ');
  var groups = [];   // of this page

  function values(map) { return Object.keys(map).map(function (name) { return map[name]; }); }

  /** What a transport opens: an EventSource that tabs share, or the browser's own. */
  Realtime.sourceOf = function (options) {
    var page = options.page || {}, locks = page.navigator && page.navigator.locks;
    // Whoever hands in an EventSource of its own wants to see its streams.
    if (!options.shareTabs || !locks || !page.BroadcastChannel || !page.Promise ||
      options.EventSource !== (page.EventSource || Realtime.EventSource)) { return options.EventSource; }
    return function (url, init) {
      try { return new TabSource(url, init, options); } catch (_) { return new options.EventSource(url, init); }
    };
  };

  // A reader: what one transport of this tab hears.

  function TabSource(url, init, options) {
    var query = url.slice(url.indexOf('?') + 1).split('&');
    function all(name) {
      return query.filter(function (part) { return part.indexOf(name + '=') === 0; })
        .map(function (part) { return decodeURIComponent(part.slice(name.length + 1)); });
    }
    this.url = url;
    this.init = init;
    this.options = options;
    this.readyState = 0;
    this.listeners = Object.create(null);
    this.id = Realtime.makeKey(options);
    this.rooms = all('room');
    this.at = all('after')[0] || null;   // everything of its rooms up to here was heard
    this.padding = Number(all('padding')[0]) || 0;
    this.timer = this.plain = null;
    this.group = Group.of(url.slice(0, url.indexOf('?')), all('name')[0] || '', init, options);
    this.group.add(this);
  }

  TabSource.prototype.addEventListener = function (event, fn) {
    (this.listeners[event] = this.listeners[event] || []).push(fn);
    if (this.plain) { this.plain.addEventListener(event, fn, false); }
  };

  TabSource.prototype.close = function () {
    this.readyState = 2;
    this.options.clock.clearTimeout(this.timer);
    if (this.plain) { this.plain.close(); }
    this.group.remove(this);
  };

  TabSource.prototype.hear = function (told) {
    if (this.readyState === 2) { return; }
    if (told.event === 'full') { return this.goAlone(); }
    this.at = Realtime.newestOf([this.at, told.at, told.id]);
    if (told.readyState !== undefined) { this.readyState = told.readyState; }
    (this.listeners[told.event] || []).slice().forEach(function (fn) {
      fn({data: told.data, lastEventId: told.id || ''});
    });
  };

  /** There are too many rooms for one stream, or no locks for this page. */
  TabSource.prototype.goAlone = function () {
    this.options.clock.clearTimeout(this.timer);
    var listeners = this.listeners, plain = this.plain = new this.options.EventSource(this.url, this.init);
    this.group.remove(this);
    Object.keys(listeners).forEach(function (event) {
      listeners[event].forEach(function (fn) { plain.addEventListener(event, fn, false); });
    });
  };

  // A group: the readers of this tab that share with other tabs, and while this tab leads, the readers of all.

  function Group(name, path, person, init, options) {
    var self = this;
    this.name = name;
    this.path = path;
    this.person = person;
    this.init = init;
    this.options = options;
    this.sources = Object.create(null);
    this.waiting = this.leading = this.over = false;
    this.channel = new options.page.BroadcastChannel(name);
    this.channel.onmessage = function (e) { self.took(e.data); };
    this.gone = function () { self.post({what: 'left', ids: Object.keys(self.sources)}); };
    if (options.page.addEventListener) { options.page.addEventListener('pagehide', this.gone, false); }
    groups.push(this);
    this.request(false);
  }

  Group.of = function (path, person, init, options) {
    var name = ['realtime', path, person, init.withCredentials].join(' ');
    var known = groups.filter(function (group) { return group.name === name && group.options.page === options.page; });
    return known[0] || new Group(name, path, person, init, options);
  };

  Group.prototype.post = function (message) { this.channel.postMessage(message); };

  Group.prototype.request = function (steal) {
    var self = this, page = this.options.page;
    if (!steal && this.waiting) { return; }
    this.waiting = this.waiting || !steal;
    page.navigator.locks.request(this.name, steal ? {steal: true} : {}, function () {
      if (!steal) { self.waiting = false; }
      if (self.over) { return undefined; }
      return new page.Promise(function (release) { self.release = release; self.lead(); });
    }).then(function () {}, function (error) {
      if (self.over) { return undefined; }
      if (error.name === 'AbortError') { return self.deposed(); }
      return values(self.sources).forEach(function (source) { source.goAlone(); });
    });
  };

  Group.prototype.add = function (source) {
    this.sources[source.id] = source;
    this.ask(source);
  };

  Group.prototype.remove = function (source) {
    if (!this.sources[source.id]) { return; }
    delete this.sources[source.id];
    if (this.leading) { delete this.readers[source.id]; } else { this.post({what: 'left', ids: [source.id]}); }
    this.end();
  };

  /** Nobody here reads any more: another tab leads, if this one did. */
  Group.prototype.end = function () {
    if (this.over || Object.keys(this.sources).length) { return; }
    this.over = true;
    groups.splice(groups.indexOf(this), 1);
    if (this.real) { this.real.close(); }
    if (this.release) { this.release(); }
    if (this.options.page.removeEventListener) { this.options.page.removeEventListener('pagehide', this.gone, false); }
    this.channel.close();
  };

  /** Ask the leader for a place. One that does not answer is frozen. */
  Group.prototype.ask = function (source) {
    var self = this, clock = this.options.clock;
    var reader = {id: source.id, rooms: source.rooms, at: source.at, padding: source.padding};
    clock.clearTimeout(source.timer);
    if (this.leading) { return this.admit(reader); }
    source.timer = clock.setTimeout(function () { if (!self.leading) { self.request(true); } },
      ANSWER * (1 + this.options.random()));
    this.post({what: 'reader', reader: reader});
  };

  Group.prototype.askAll = function () {
    values(this.sources).forEach(function (source) { this.ask(source); }, this);
  };

  Group.prototype.took = function (message) {
    var sources = this.sources, clock = this.options.clock;
    function mine(ids) { return ids.map(function (id) { return sources[id]; }).filter(Boolean); }
    if (this.leading) {
      if (message.what === 'reader') { this.admit(message.reader); }
      if (message.what === 'left') { message.ids.forEach(function (id) { delete this.readers[id]; }, this); }
      if (message.what === 'alive') { message.ids.forEach(this.alive, this); }
    } else if (message.what === 'lead') {
      this.askAll();
    } else if (message.what === 'seen') {
      mine(message.ids).forEach(function (source) { clock.clearTimeout(source.timer); });
    } else if (message.what === 'told') {
      mine(message.ids).forEach(function (source) { source.hear(message); });
      if (message.event === 'realtime.heartbeat') { this.post({what: 'alive', ids: Object.keys(sources)}); }
    }
  };

  // From here on: what the leader does.

  Group.prototype.lead = function () {
    this.leading = true;
    this.readers = Object.create(null);   // id -> {id, rooms, at, padding, live, beaten, silent}
    this.real = this.position = null;
    this.post({what: 'lead'});
    this.askAll();
  };

  /** Somebody has taken the lock: this tab was thought frozen. */
  Group.prototype.deposed = function () {
    if (this.leading && this.real) { this.real.close(); }
    this.leading = false;
    this.real = this.release = null;
    this.request(false);
    this.askAll();
  };

  Group.prototype.alive = function (id) { if (this.readers[id]) { this.readers[id].silent = 0; } };

  Group.prototype.admit = function (reader) {
    var rooms = this.union(values(this.readers).concat([reader])), letters = Realtime.encode(rooms.join()).length;
    this.post({what: 'seen', ids: [reader.id]});
    if (rooms.length > MOST_ROOMS || letters > MOST_LETTERS) { return this.tell([reader], {event: 'full'}); }
    this.readers[reader.id] = reader;
    reader.at = reader.at || this.position;
    reader.live = false;
    reader.beaten = null;
    reader.silent = 0;
    return this.open();
  };

  /** Open the stream anew, with everybody's rooms, from where the last of them stands. */
  Group.prototype.open = function () {
    var self = this, readers = values(this.readers), query, lowest = null, padding = 0;
    query = this.union(readers).map(function (room) { return 'room=' + Realtime.encode(room); });
    readers.forEach(function (reader) {
      if (reader.at && (!lowest || Realtime.compareIds(reader.at, lowest) < 0)) { lowest = reader.at; }
      padding = Math.max(padding, reader.padding);
    });
    if (this.real) { this.real.close(); }
    if (lowest) { query.push('after=' + Realtime.encode(lowest)); }
    if (this.person) { query.push('name=' + Realtime.encode(this.person)); }
    if (padding) { query.push('padding=' + padding); }
    this.last = '';
    this.real = new this.options.EventSource(this.path + '?' + query.join('&') + '&envelope=true&heartbeat=event',
      this.init);
    this.listen('realtime.ready', function (e) { self.ready(JSON.parse(e.data)); });
    this.listen('realtime.message', function (e) { self.message(JSON.parse(e.data), e.lastEventId); });
    this.listen('realtime.heartbeat', function (e) { self.beat(JSON.parse(e.data).every, e.data); });
    this.listen('error', function () { self.broken(); });
    CONTROLS.forEach(function (event) {
      this.listen(event, function (e) {
        var room = JSON.parse(e.data).room;
        self.tell(self.reading(room ? [room] : null), {event: event, data: e.data});
      });
    }, this);
  };

  Group.prototype.listen = function (event, fn) {
    var self = this, real = this.real;
    real.addEventListener(event, function (e) { if (self.real === real) { fn(e); } }, false);
  };

  Realtime.Tabs = Group;
}(typeof window === 'undefined' ? {} : window));

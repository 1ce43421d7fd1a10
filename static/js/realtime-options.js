/*
 * Realtime.fill: what can be chosen, and what is chosen where a page says nothing. Times are in milliseconds, unless
 * said otherwise. This file may not do anything.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  var DEFAULTS = {
    url: '',                             // where the application is; realtime_scripts() says it, see below
    transports: ['websocket', 'sse', 'poll'],   // in the order of preference
    socketPath: '/socket.io',            // below `url`
    auth: null,                          // given to Socket.IO's CONNECT
    withCredentials: false,              // cookies to another origin
    connectTimeout: 3000,                // a WebSocket that has not answered by then is given up
    streamTimeout: 10000,                // the same for an event stream, whose server may be slow but is reachable
    requestTimeout: 10000,               // one HTTP request
    stableAfter: 3000,                   // a connection that lived this long makes the next wait short again
    reconnectSchedule: [500, 1000, 2000, 4000, 8000, 15000, 30000],
    probeSchedule: [10000, 30000, 60000, 120000, 300000],   // trying a better transport beside the one in use
    quietAfter: 20000,                   // after a sleep, a connection silent for longer than this is renewed
    pollWait: 25,                        // seconds that the server may hold a long poll back
    pollPause: 100,                      // and the least time between two of them for one room
    presencePoll: 5000,                  // where nothing is pushed, who is there is asked for this often
    shareTabs: true,                     // one event stream for all tabs of this origin that use one
    ackTimeout: 5000,                    // a publish without an answer is sent again, with the same key
    publishSchedule: [300, 1000, 2000, 4000, 8000],
    publishTries: 5,                     // faults of the server at one message; outages do not count
    publishTimeout: 120000,              // after this a publish has failed, connected or not
    outboxLimit: 200,
    remember: 4096                       // ids kept to recognise what was seen already
  };

  /**
   * Where the application is that this script came with, as `realtime_scripts()` wrote it beside its address; else the
   * root. No other element of the page is asked, since anybody's text may have made it.
   */
  function home(document) {
    var scripts = document && document.getElementsByTagName('script'), script = document && document.currentScript;
    if (document && !('currentScript' in document)) { script = scripts[scripts.length - 1]; }   // Internet Explorer
    return script && /^script$/i.test(script.tagName) && script.getAttribute('data-realtime-url') || '';
  }

  var HOME = home(root.document);   // only now is it known which script this is

  /** The two parts of `url`: {origin, path}, either of them empty where it is the page's own, or the root. */
  Realtime.placeOf = function (url) {
    var parts = /^((?:https?:)?\/\/[^\/?#\s]+)?((?:\/[^?#\s]*)?)$/i.exec(String(url).replace(/\/+$/, ''));
    if (!parts) {
      throw new Error('url is an origin, a path or both, such as "https://example.com", "/shop" or ' +
        '"https://example.com/shop", not ' + JSON.stringify(url));
    }
    return {origin: parts[1] || '', path: parts[2]};
  };

  /** Defaults, and the browser's own parts where the caller gave no others. An explicit null takes a part away. */
  Realtime.fill = function (given) {
    var options = {}, place, name;
    for (name in DEFAULTS) { options[name] = given[name] === undefined ? DEFAULTS[name] : given[name]; }
    options.io = given.io === undefined ? root.io : given.io;
    options.WebSocket = given.WebSocket === undefined ? root.WebSocket : given.WebSocket;
    options.EventSource = given.EventSource === undefined ? root.EventSource || Realtime.EventSource :
      given.EventSource;
    options.XMLHttpRequest = given.XMLHttpRequest === undefined ? root.XMLHttpRequest : given.XMLHttpRequest;
    options.crypto = given.crypto === undefined ? root.crypto || root.msCrypto : given.crypto;
    options.page = given.page === undefined ? root : given.page;
    place = Realtime.placeOf(given.url === undefined ? HOME : given.url);
    options.url = place.origin + place.path;
    options.clock = given.clock || Realtime.clock;
    options.random = given.random || Math.random;
    return options;
  };
}(typeof window === 'undefined' ? {} : window));

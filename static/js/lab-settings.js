/*
 * Lab.settings: what a run of the transport lab is told to do, read from the page's address and written into it.
 *
 * Whatever an address says, the settings are within their limits. This file may not touch the document or the network.
 */
(function (root) {
  'use strict';

  var Lab = {};

  /** The lanes, in the order in which they are shown. */
  Lab.LANES = ['websocket', 'polling', 'sse', 'polyfill', 'poll'];

  Lab.NAMES = {
    websocket: 'WebSocket', polling: 'Socket.IO polling', sse: 'Native SSE', polyfill: 'Polyfilled SSE',
    poll: 'Long poll'
  };

  /** Messages a second, bytes of JSON each, seconds. */
  Lab.LIMITS = {
    rate: {least: 1, most: 500, usual: 20}, size: {least: 16, most: 16384, usual: 256},
    seconds: {least: 1, most: 300, usual: 20}
  };

  function values(search) {
    var found = {};
    search.replace(/^\?/, '').split('&').forEach(function (part) {
      var pair = part.split('=');
      try { found[pair[0]] = decodeURIComponent((pair[1] || '').replace(/\+/g, ' ')); } catch (_) { /* none, then */ }
    });
    return found;
  }

  /** A whole number within the limits of a setting; its usual value for what is no number. */
  Lab.within = function (name, value) {
    var limit = Lab.LIMITS[name], number = parseFloat(value);
    if (!isFinite(number)) { return limit.usual; }
    return Math.round(Math.min(limit.most, Math.max(limit.least, number)));
  };

  /** {rate, size, seconds, lanes, run} of an address's query. `run`: begin at once. */
  Lab.settings = function (search) {
    var asked = values(search), named = (asked.lanes || '').split(','), lanes;
    lanes = Lab.LANES.filter(function (lane) { return named.indexOf(lane) >= 0; });
    return {
      rate: Lab.within('rate', asked.rate), size: Lab.within('size', asked.size),
      seconds: Lab.within('seconds', asked.seconds), lanes: lanes.length ? lanes : Lab.LANES.slice(),
      run: asked.run === '1'
    };
  };

  /** The query that says these settings. It never starts a run by itself: whoever wants that adds `run=1`. */
  Lab.query = function (settings) {
    return '?rate=' + settings.rate + '&size=' + settings.size + '&seconds=' + settings.seconds +
      (settings.lanes.length === Lab.LANES.length ? '' : '&lanes=' + settings.lanes.join(','));
  };

  if (typeof module === 'object' && module.exports) { module.exports = Lab; } else { root.Lab = Lab; }
}(typeof window === 'undefined' ? {} : window));

/*
 * Realtime.request: one JSON request over XMLHttpRequest, and what its failure means.
 *
 * It answers exactly once, whatever happens. It may not try again (its callers know whether that is safe) and knows
 * neither rooms nor messages.
 */
(function (root) {
  'use strict';

  var Realtime = typeof module === 'object' && module.exports ? require('./realtime.js') : root.Realtime;

  // Refusals that may pass by themselves. The same words come over HTTP and in Socket.IO acknowledgements.
  var PASSING = {internal: true, bus_unavailable: true, unavailable: true, closed: true, too_many_requests: true,
    rate_limited: true, too_many_connections: true};

  var MOST_PATIENT = 300000;   // milliseconds: whatever a server asks for, it is tried again after so long

  function parse(text) {
    try { return JSON.parse(text); } catch (_) { return null; }
  }

  /** An error as the page gets it. `retry`: the same request may succeed later. */
  Realtime.refusal = function (error, status, retryAfter) {
    var code = error && error.code || (status ? 'http_' + status : 'no_connection');
    return {
      code: code,
      message: error && error.message || (status ? 'the server answered ' + status : 'the server could not be reached'),
      status: status || null,
      retry: status ? status >= 500 || status === 429 : !error || PASSING[code] === true,
      retryAfter: Math.max(0, Math.min(MOST_PATIENT, parseFloat(retryAfter || error && error.retry_after) * 1000 || 0))
    };
  };

  /**
   * cb(null, json) for an answer of 2xx, else cb({code, message, status, retry, retryAfter}). Returns its abort.
   * `patience`: milliseconds that the server was asked to hold the request back.
   */
  Realtime.request = function (options, method, path, body, cb, patience) {
    var xhr = new options.XMLHttpRequest(), done = false, timer;

    function finish(error, json) {
      if (done) { return; }
      done = true;
      options.clock.clearTimeout(timer);
      cb(error, json);
    }

    xhr.open(method, options.url + path, true);
    xhr.withCredentials = !!options.withCredentials;
    xhr.setRequestHeader('Accept', 'application/json');
    if (body) { xhr.setRequestHeader('Content-Type', 'application/json'); }
    xhr.onreadystatechange = function () {
      if (xhr.readyState !== 4) { return; }
      var json = parse(xhr.responseText);
      if (xhr.status >= 200 && xhr.status < 300 && json) {
        finish(null, json);
      } else {
        // A 2xx without JSON is somebody between us and the server (a captive portal): not an answer.
        finish(Realtime.refusal(json && json.error, xhr.status < 300 ? 0 : xhr.status,
          xhr.status && xhr.getResponseHeader('Retry-After')));
      }
    };
    timer = options.clock.setTimeout(function () {
      finish({code: 'timeout', message: 'the server did not answer in time', status: null, retry: true, retryAfter: 0});
      xhr.abort();
    }, options.requestTimeout + (patience || 0));
    xhr.send(body ? JSON.stringify(body) : null);
    return function () { done = true; options.clock.clearTimeout(timer); xhr.abort(); };
  };

  /** Publish a message of the outbox. */
  Realtime.post = function (options, message, cb) {
    var body = {event: message.event, data: message.data, key: message.key, transient: message.transient};
    Realtime.request(options, 'POST', Realtime.messagesPath(message.room), body, cb);
  };

  /** A part of a URL. Half a character, which is no text and which a URL cannot have, is sent as the mark of such. */
  Realtime.encode = function (text) {
    return encodeURIComponent(String(text).replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, function (found) {
      return found.length === 2 ? found : '\uFFFD';
    }));
  };

  /** The path of a room's messages, with a query. Names that are null or undefined are left out. */
  Realtime.messagesPath = function (room, query) {
    var parts = Object.keys(query || {}).filter(function (name) { return query[name] || query[name] === 0; });
    return '/rooms/' + Realtime.encode(room) + '/messages' + (parts.length ? '?' : '') +
      parts.map(function (name) { return name + '=' + Realtime.encode(query[name]); }).join('&');
  };
}(typeof window === 'undefined' ? {} : window));

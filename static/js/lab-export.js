/*
 * Lab.report: a run as one object, and its three faces: the table on the page, CSV (RFC 4180) and JSON.
 *
 * Programs get numbers in milliseconds and bytes, people get units. This file may not measure, or touch the document.
 */
(function (root) {
  'use strict';

  var Lab = typeof module === 'object' && module.exports ? require('./lab-settings.js') : root.Lab;
  var FIGURES = ['messages', 'lost', 'doubled', 'disordered', 'p50', 'p95', 'p99', 'most', 'requests', 'sent',
    'received', 'bytes', 'overhead', 'reconnects', 'replayed', 'changes', 'recovery'];
  var UNITS = {p50: 'ms', p95: 'ms', p99: 'ms', most: 'ms', recovery: 'ms', sent: 'bytes', received: 'bytes',
    bytes: 'bytes', overhead: 'bytes'};
  var COLUMNS = [['lane', 'Lane'], ['p50', 'p50'], ['p95', 'p95'], ['p99', 'p99'], ['messages', 'Messages'],
    ['lost', 'Lost'], ['doubled', 'Doubled'], ['disordered', 'Out of order'], ['bytes', 'Bytes'],
    ['requests', 'Requests'], ['overhead', 'Overhead each'], ['reconnects', 'Reconnects'], ['replayed', 'Replayed'],
    ['recovery', 'Longest recovery']];

  function rounded(value) { return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value; }

  /** Thousands apart, by a narrow space that does not break. */
  function grouped(number) { return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f'); }

  // A number and its unit are one word.
  var SPACE = '\u00a0';

  /** Milliseconds, for people. */
  Lab.ms = function (ms) {
    if (ms === null || ms === undefined) { return '–'; }
    if (ms < 999.5) { return (ms < 9.95 ? ms.toFixed(1) : Math.round(ms)) + SPACE + 'ms'; }
    return (ms / 1000).toFixed(2) + SPACE + 's';
  };

  /** Bytes, for people: kB are a thousand, as on every wire. */
  Lab.size = function (bytes) {
    if (bytes === null || bytes === undefined) { return '–'; }
    if (bytes < -0.5) { return '−' + Lab.size(-bytes); }
    if (bytes < 999.5) { return Math.round(bytes) + SPACE + 'B'; }
    if (bytes < 999500) { return (bytes / 1000).toFixed(bytes < 99950 ? 1 : 0) + SPACE + 'kB'; }
    return (bytes / 1e6).toFixed(1) + SPACE + 'MB';
  };

  /** The figures of a lane (Lab.Tally.figures) as people read them. */
  Lab.shown = function (figures) {
    var shown = {};
    FIGURES.forEach(function (name) {
      var value = figures[name];
      shown[name] = UNITS[name] === 'ms' ? Lab.ms(value) : UNITS[name] ? Lab.size(value) : grouped(value);
    });
    return shown;
  };

  /**
   * A run as one object. `about`: {settings, began, browser, server, doubt, accepted, refused, ended}; `lanes`:
   * {key, state, reason, transport, disturbed, figures, points} each.
   */
  Lab.report = function (about, lanes) {
    var settings = about.settings;
    return {
      began: about.began, server: about.server, browser: about.browser,
      settings: {rate: settings.rate, size: settings.size, seconds: settings.seconds, lanes: settings.lanes},
      clock: {doubt: rounded(about.doubt)}, accepted: about.accepted, refused: about.refused,
      ended: about.ended || null,
      lanes: lanes.map(function (lane) {
        var told = {lane: lane.key, name: Lab.NAMES[lane.key], state: lane.state, reason: lane.reason,
          transport: lane.transport, disturbed: lane.disturbed.slice()};
        FIGURES.forEach(function (name) { told[name] = rounded(lane.figures[name]); });
        told.points = lane.points.map(function (point) {
          return {at: point.at, p50: rounded(point.p50), p99: rounded(point.p99), count: point.count};
        });
        return told;
      })
    };
  };

  /** The table: a row of names, then one for each lane. */
  Lab.table = function (report) {
    return [COLUMNS.map(function (column) { return column[1]; })].concat(report.lanes.map(function (lane) {
      var shown = Lab.shown(lane);
      return COLUMNS.map(function (column) { return column[0] === 'lane' ? lane.name : shown[column[0]]; });
    }));
  };

  function cell(value) {
    var text = value === null || value === undefined ? '' : String(value);
    // A spreadsheet would take what begins so for a formula.
    if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) { text = '\'' + text; }
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  Lab.csv = function (report) {
    var settings = report.settings;
    var head = ['lane', 'state'].concat(FIGURES.map(function (name) {
      return UNITS[name] && UNITS[name] !== name ? name + '_' + UNITS[name] : name;
    }), ['accepted', 'disturbed', 'rate', 'size', 'seconds', 'began']);
    return [head].concat(report.lanes.map(function (lane) {
      return [lane.lane, lane.state].concat(FIGURES.map(function (name) { return lane[name]; }),
        [report.accepted, lane.disturbed.join(' '), settings.rate, settings.size, settings.seconds, report.began]);
    })).map(function (row) { return row.map(cell).join(',') + '\r\n'; }).join('');
  };

  Lab.json = function (report) { return JSON.stringify(report, null, 2) + '\n'; };

  /** What the figures mean, and how far they are to be trusted. */
  Lab.fine = function (report) {
    return 'Latency is from when the server published a message until this page’s own code had it. It contains an ' +
      'estimate of how far the two clocks are apart, which is the same for all lanes and off by at most ' +
      Lab.ms(report.clock.doubt) + '. All lanes share this page’s one thread: at high rates they hold each other ' +
      'up. Bytes are those of HTTP heads, bodies and WebSocket frames, without TCP, TLS and chunk marks; the heads ' +
      'that a browser sends, and what a native EventSource receives, are estimated, for no script can see them.';
  };
}(typeof window === 'undefined' ? {} : window));

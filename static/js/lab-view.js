/*
 * Lab.View: the lab's page: its form, its lanes' figures and buttons, the table and the words at the end.
 *
 * Whatever is shown is text. This file may not measure, connect or decide anything: it is told, and tells what was
 * pressed.
 */
(function (root) {
  'use strict';

  var Lab = root.Lab, document = root.document;
  var STATES = {
    idle: 'Idle', waiting: 'Connecting', connected: 'Connected', reconnecting: 'Reconnecting', failed: 'Failed',
    closed: 'Done'
  };
  // A script cannot keep the browser from reading, only from asking again.
  var FROZEN = 'Held back in this page; the browser reads on';
  var ASLEEP = 'Held back in this page, which asks for no more';

  function byId(id) { return document.getElementById(id); }

  function each(list, fn) { Array.prototype.forEach.call(list, fn); }

  function write(place, text) {
    if (place && place.textContent !== text) { place.textContent = text; }
  }

  function element(name, text, parent) {
    var made = document.createElement(name);
    made.textContent = text;
    parent.appendChild(made);
    return made;
  }

  /** `press(lane, what, value)`: somebody disturbs a lane. */
  function View(press) {
    var self = this;
    this.cards = {};
    this.small = {};
    Lab.LANES.forEach(function (key) {
      var card = byId('lane-' + key);
      self.cards[key] = card;
      self.small[key] = card.querySelector('[data-chart]');
      each(card.querySelectorAll('button'), function (button) {
        button.addEventListener('click', function () {
          press(key, button.getAttribute('data-do'), button.getAttribute('aria-pressed') !== 'true');
        }, false);
      });
      each(card.querySelectorAll('select'), function (select) {
        select.addEventListener('change', function () {
          press(key, select.getAttribute('data-do'), select.value);
        }, false);
      });
    });
  }

  // ---- the form ----

  View.prototype.fill = function (settings) {
    ['rate', 'size', 'seconds'].forEach(function (name) { byId(name).value = settings[name]; });
    each(document.getElementsByName('lane'), function (box) { box.checked = settings.lanes.indexOf(box.value) >= 0; });
    this.choose(settings.lanes);
  };

  /** What the form says, as an address would. */
  View.prototype.asked = function () {
    var lanes = [];
    each(document.getElementsByName('lane'), function (box) { if (box.checked) { lanes.push(box.value); } });
    return '?lanes=' + lanes.join(',') + ['rate', 'size', 'seconds'].map(function (name) {
      return '&' + name + '=' + encodeURIComponent(byId(name).value);
    }).join('');
  };

  View.prototype.choose = function (lanes) {
    Lab.LANES.forEach(function (key) {
      this.cards[key].hidden = lanes.indexOf(key) < 0;
      document.querySelector('.key [data-lane="' + key + '"]').hidden = lanes.indexOf(key) < 0;
    }, this);
  };

  /** Whoever uses the keyboard stands where there is something to do next. */
  View.prototype.running = function (running) {
    var there = document.activeElement, form = byId('setup');
    byId('stop').disabled = !running;
    if (running && form.contains(there)) { byId('stop').focus(); }
    each(form.elements, function (one) { if (one.id !== 'stop') { one.disabled = running; } });
    if (!running && there && there.id === 'stop') { byId('run').focus(); }
    document.documentElement.setAttribute('data-lab', running ? 'running' : 'ready');
    byId('to-verdict').hidden = true;
  };

  View.prototype.over = function () {
    document.documentElement.setAttribute('data-lab', 'done');
    byId('to-verdict').hidden = false;
  };

  /** Read out, so only what has changed for good; `count` is not. */
  View.prototype.say = function (text) { write(byId('said'), text); };

  View.prototype.count = function (text) { write(byId('count'), text); };

  View.prototype.progress = function (share) { byId('progress').value = share; };

  View.prototype.complain = function (text) {
    byId('notice').hidden = !text;
    write(byId('notice'), text || '');
  };

  // ---- lanes ----

  /** How a lane stands, and what one can do to it now. */
  View.prototype.lane = function (lane, live) {
    var card = this.cards[lane.key], what = card.querySelector('[data-show=what]'), said = STATES[lane.state];
    var usable = live && lane.state !== 'failed' && !!lane.rt, frozen = usable && !!lane.wire && lane.wire.frozen;
    var asks = lane.transport === 'poll' || lane.transport === 'polling';
    if (frozen) { said += ', frozen here'; }
    card.setAttribute('data-state', lane.state);
    card.setAttribute('data-off', lane.state === 'failed');
    card.setAttribute('data-transport', lane.transport);
    card.setAttribute('data-frozen', frozen);
    write(card.querySelector('[data-show=state]'), said);
    write(what, lane.state === 'failed' ? lane.reason : frozen ? asks ? ASLEEP : FROZEN :
      lane.transport === lane.key ? what.getAttribute('data-usual') : 'Now over ' + Lab.NAMES[lane.transport]);
    each(card.querySelectorAll('[data-do]'), function (tool) {
      var name = tool.getAttribute('data-do'), wire = lane.wire;
      // Whoever stands at what goes off goes on to the verdict.
      if (!usable && tool === document.activeElement) { byId('verdict').focus(); }
      tool.disabled = !usable;
      if (name === 'freeze') { tool.setAttribute('aria-pressed', frozen); }
      if (name === 'block') { tool.setAttribute('aria-pressed', !!(usable && wire.blocked)); }
      if (name === 'delay') { tool.value = String(wire ? wire.delay : 0); }
      if (name === 'switch') { tool.value = lane.transport; }
    });
  };

  View.prototype.figures = function (key, figures, over) {
    var card = this.cards[key], shown = Lab.shown(figures);
    each(card.querySelectorAll('[data-show]'), function (place) {
      var name = place.getAttribute('data-show');
      if (shown[name] === undefined) { return; }
      write(place, shown[name]);
      if (name === 'doubled' || name === 'disordered' || (name === 'lost' && over)) {
        place.setAttribute('data-bad', figures[name] > 0);
      }
    });
    write(card.querySelector('[data-label=lost]'), over ? 'Lost' : 'Not here yet');
    if (this.small[key]) {
      this.small[key].setAttribute('aria-label', Lab.NAMES[key] + ': median ' + shown.p50 + ', 99th percentile ' +
        shown.p99);
    }
  };

  /** What the large chart shows, for who does not see it. */
  View.prototype.describe = function (lanes, figures) {
    byId('over').setAttribute('aria-label', 'Median latency: ' + lanes.map(function (key, i) {
      return Lab.NAMES[key] + ' ' + Lab.shown(figures[i]).p50;
    }).join(', '));
  };

  // ---- results ----

  View.prototype.results = function (words, table, fine) {
    var list = byId('words'), columns = byId('columns'), rows = byId('rows');
    [list, columns, rows].forEach(function (old) { old.textContent = ''; });
    words.forEach(function (sentence) { element('li', sentence, list); });
    byId('empty').hidden = words.length > 0;
    byId('table').hidden = !table.length;
    table.forEach(function (cells, i) {
      var row = i ? element('tr', '', rows) : columns;
      cells.forEach(function (cell, j) {
        element(i && j ? 'td' : 'th', cell, row).setAttribute('scope', i ? j ? '' : 'row' : 'col');
      });
    });
    each(rows.querySelectorAll('td'), function (cell) { cell.removeAttribute('scope'); });
    write(byId('fine'), fine);
    byId('csv').disabled = byId('json').disabled = !table.length;
  };

  Lab.View = View;
}(typeof window === 'undefined' ? {} : window));

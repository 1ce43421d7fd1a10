/*
 * Lab.Charts: the lab's lines, drawn by uPlot: one chart with every lane's median, and a small one in each lane.
 *
 * The colours are the style sheet's, and follow it when the reader changes between light and dark. Without uPlot there
 * are no charts, and the figures say the same. This file may not know what is measured.
 */
(function (root) {
  'use strict';

  var Lab = root.Lab, document = root.document;
  var LEAST = 0.1;   // a logarithmic scale has no zero

  function color(name) { return root.getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim(); }

  function shown(ms) { return ms === null || ms === undefined ? null : Math.max(LEAST, ms); }

  /** Powers of ten only: 0.1, 1, 10, 100 …, and of many only every other. */
  function splits(most) {
    return function (_u, _axis, least, highest) {
      var at = Math.round(Math.log(least) / Math.LN10), to = Math.round(Math.log(highest) / Math.LN10), found = [];
      var step = to - at > most ? 2 : 1;
      for (; at <= to; at += step) { found.push(Math.pow(10, at)); }
      return found;
    };
  }

  function label(_u, values) {
    return values.map(function (value) { return value === null ? '' : String(+value.toPrecision(3)); });
  }

  /** From a power of ten to another. */
  function range(least, most) {
    var low = Math.pow(10, Math.floor(Math.log(Math.max(LEAST, least || 1)) / Math.LN10));
    return [low, Math.max(low * 10, Math.pow(10, Math.ceil(Math.log(Math.max(LEAST, most || 10)) / Math.LN10)))];
  }

  /** `over`: the element of the large chart. `small`: those of the lanes, by their keys. */
  function Charts(over, small) {
    this.over = over;
    this.small = small;
    this.plots = [];
    this.data = {};
    this.seconds = 10;
    var self = this, dark = root.matchMedia && root.matchMedia('(prefers-color-scheme: dark)');
    function again() { self.draw(); }
    if (dark && dark.addEventListener) { dark.addEventListener('change', again); }
    root.addEventListener('resize', function () { self.fit(); }, false);
  }

  Charts.prototype.available = function () { return typeof root.uPlot === 'function'; };

  /** The lanes' own charts have one scale, to be compared at a glance. */
  Charts.prototype.common = function () {
    var all = [];
    this.lanes.forEach(function (lane) {
      lane.tally.points.forEach(function (point) { if (point.p50 !== null) { all.push(point.p50, point.p99); } });
    });
    return all.length ? range(Math.min.apply(null, all), Math.max.apply(null, all)) : range(1, 10);
  };

  function options(element, seconds, series, large, common) {
    var axis = {
      stroke: color('soft'), font: '12px system-ui, sans-serif', grid: {stroke: color('grid'), width: 1},
      ticks: {show: false}, gap: 4
    }, time = Object.create(axis), value = Object.create(axis);
    ['stroke', 'font', 'grid', 'ticks', 'gap'].forEach(function (name) { time[name] = value[name] = axis[name]; });
    time.size = 28;
    time.gap = 8;
    time.values = function (_u, values) { return values.map(function (s) { return s + ' s'; }); };
    time.space = large ? 70 : 60;
    value.size = 48;
    value.splits = splits(large ? 9 : 2);
    value.filter = function (_u, values) { return values; };
    value.values = label;
    return {
      width: element.clientWidth || 240, height: element.clientHeight || 80, legend: {show: false},
      cursor: {show: false}, padding: [8, 14, 0, 0],
      scales: {x: {time: false, range: [0, seconds]}, y: {
        distr: 3, log: 10, range: large ? function (_u, least, most) { return range(least, most); } : common
      }},
      axes: [time, value], series: [{}].concat(series)
    };
  }

  /** A line has a gap where nothing came, unless so little is sent that this says nothing. */
  Charts.prototype.line = function (stroke, width, dash) {
    return {stroke: stroke, width: width, dash: dash, spanGaps: this.seldom, points: dash ? {show: false} :
      {size: 4, width: 0, stroke: stroke, fill: stroke}};
  };

  /** Begin a run. */
  Charts.prototype.start = function (lanes, settings) {
    this.lanes = lanes;
    this.seconds = settings.seconds + 1;
    this.seldom = settings.rate < 8;
    this.draw();
  };

  Charts.prototype.columns = function () {
    var lanes = this.lanes, first = lanes.length ? lanes[0].tally.points : [];
    var times = first.map(function (point) { return point.at; });
    return [times].concat(lanes.map(function (lane) {
      return lane.tally.points.map(function (point) { return shown(point.p50); });
    }));
  };

  Charts.prototype.draw = function () {
    var self = this, Plot = root.uPlot;
    if (!this.available() || !this.lanes) { return; }
    this.plots.splice(0).forEach(function (one) { one.plot.destroy(); });
    this.bounds = this.common();
    function plot(element, series, read, large) {
      self.plots.push({
        element: element, read: read, plot: new Plot(options(element, self.seconds, series, large, function () {
          return self.bounds;
        }), read(), element)
      });
    }
    plot(this.over, this.lanes.map(function (lane) { return self.line(color(lane.key), 2); }),
      function () { return self.columns(); }, true);
    this.lanes.forEach(function (lane) {
      plot(self.small[lane.key], [self.line(color(lane.key), 2), self.line(color('soft'), 1, [3, 3])], function () {
        var points = lane.tally.points;
        return [points.map(function (point) { return point.at; }),
          points.map(function (point) { return shown(point.p50); }),
          points.map(function (point) { return shown(point.p99); })];
      }, false);
    });
  };

  Charts.prototype.update = function () {
    if (this.lanes) { this.bounds = this.common(); }
    this.plots.forEach(function (one) {
      one.plot.setData(one.read());
      one.plot.redraw();   // it would not by itself where the scales stay as they were
    });
  };

  Charts.prototype.fit = function () {
    this.plots.forEach(function (one) {
      one.plot.setSize({width: one.element.clientWidth, height: one.element.clientHeight});
    });
  };

  Lab.Charts = Charts;
}(typeof window === 'undefined' ? {} : window));

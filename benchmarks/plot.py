"""The plot for the README: bars in one SVG, written by hand, readable on light and dark pages.

It draws what an outcome holds; a panel whose figures were not measured is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from .figures import Outcome, figure
from .peers import PEERS

_WIDTH: Final = 860
_NAMES: Final = 260
_BAR: Final = 18
_ROW: Final = 25
_HEAD: Final = 46
_NUMBERS: Final = 96

_STYLE: Final = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .note { fill: #59636e; font-size: 12px; }
  .theirs { fill: #afb8c1; }
  .ours { fill: #0969da; }
  .mine { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .theirs { fill: #57606a; }
    .ours { fill: #4493f8; }
  }
"""


@dataclass(frozen=True)
class Panel:
    """One group of bars: one figure of every peer of a workload."""

    title: str
    workload: str
    label: str
    metric: str
    unit: str
    note: str


_PANELS: Final = (
    Panel(
        "SSE: server CPU per delivery", "sse-500", "4 in flight", "server_cpu_each", "µs", "one room of 500, 64 bytes"
    ),
    Panel(
        "WebSocket: server CPU per delivery",
        "ws-500",
        "4 in flight",
        "server_cpu_each",
        "µs",
        "the same; Socket.IO, nchan plain",
    ),
    Panel(
        "1 000 rooms of 2: server CPU per delivery",
        "pairs",
        "pairs",
        "server_cpu_each",
        "µs",
        "all publish over Socket.IO",
    ),
    Panel("SSE: memory per idle connection", "sse-idle", "idle", "kib_each", "KiB", "resident"),
    Panel("WebSocket: memory per idle connection", "ws-idle", "idle", "kib_each", "KiB", "resident"),
)


def draw(outcome: Outcome, to: Path) -> Path:
    """Write the plot, and say where it is."""
    parts: list[str] = []
    top = 10
    for panel in _PANELS:
        bars = _bars(outcome, panel)
        if bars:
            parts.append(_panel(panel, bars, top))
            top += _HEAD + _ROW * len(bars) + 12
    rounds = "one round" if outcome["rounds"] == 1 else f"medians of {outcome['rounds']} rounds"
    note = f"Shorter is better. One process, one core; {rounds} on {outcome['machine']}; made by: make bench"
    parts.append(f'<text class="note" x="10" y="{top + 14}">{escape(note)}</text>')
    height = top + 28
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="Benchmarks: {escape(note)}">\n<style>{_STYLE}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
    return to


def _bars(outcome: Outcome, panel: Panel) -> list[tuple[str, float]]:
    # One process each: two of them on Redis are another story, and would make all other bars short.
    peers = [name for name in outcome["workloads"].get(panel.workload, {}) if not name.endswith("-redis")]
    found = ((name, figure(outcome, panel.workload, name, panel.label, panel.metric)) for name in peers)
    return sorted(((name, value) for name, value in found if value is not None), key=lambda bar: bar[1])


def _panel(panel: Panel, bars: list[tuple[str, float]], top: int) -> str:
    longest = max(value for _, value in bars) or 1
    lines = [
        f'<text class="title" x="10" y="{top + 18}">{escape(panel.title)} '
        f'<tspan class="note">({escape(panel.note)})</tspan></text>'
    ]
    for number, (name, value) in enumerate(bars):
        y = top + 30 + number * _ROW
        length = max(1.0, value / longest * (_WIDTH - _NAMES - _NUMBERS))
        mine = name.startswith("ours")
        text, bar = ("mine", "ours") if mine else ("", "theirs")
        shown = f"{value:.1f}" if value < 100 else f"{value:,.0f}"
        lines += [
            f'<text class="{text}" x="{_NAMES - 10}" y="{y + 14}" text-anchor="end">{escape(PEERS[name].title)}</text>',
            f'<rect class="{bar}" x="{_NAMES}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="2"/>',
            f'<text class="{text}" x="{_NAMES + length + 8:.1f}" y="{y + 14}">{shown} {panel.unit}</text>',
        ]
    return "\n".join(lines)

#!/usr/bin/env python3
"""Makes report.md and report.html, one page with its plots inside, from results.jsonl: report.py RESULTS DIRECTORY"""

import base64
import html
import io
import json
import re
import statistics
import sys
from pathlib import Path

try:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
except ImportError:
    pyplot = None

# Below this two slowdowns do not differ on a machine that does other things as well.
NOISE = 1.1
# Requests nobody waits for.
UNANSWERED = {"FORGET", "BATCH_FORGET"}


def ordered(values):
    return list(dict.fromkeys(values))


class Results:
    def __init__(self, path):
        self.records = []
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            try:
                self.records.append(json.loads(line))
            except json.JSONDecodeError:
                print(f"{path}: a line that is cut off is left out", file=sys.stderr)
        self.measurements = [r for r in self.records if r["kind"] == "measurement"]
        self.requests = [r for r in self.records if r["kind"] == "requests"]
        self.memory = [r for r in self.records if r["kind"] == "memory"]
        self.machine = {}
        for record in self.records:
            if record["kind"] == "machine":
                for key, value in record["machine"].items():
                    if isinstance(value, list):
                        self.machine[key] = ordered(self.machine.get(key, []) + value)
                    elif isinstance(value, dict):
                        self.machine.setdefault(key, {}).update(value)
                    else:
                        self.machine[key] = value
        measured = {r["row"] for r in self.measurements}
        self.rows = [row for row in self.machine["rows"] if row in measured]
        self.systems = ordered(sorted((r["system"] for r in self.measurements), key=self.rank))
        self.goals = {r["row"]: r.get("goal") for r in self.measurements}
        self.cells = {}
        for record in self.measurements:
            self.cells.setdefault((record["row"], record["system"]), []).append(record)

    def rank(self, system):
        known = self.machine["systems"]
        return (not self.is_stackfs(system), known.index(system))

    def is_stackfs(self, system):
        command = self.machine.get("commands", {}).get(system, system)
        return Path(command.split(" ")[0]).name == "stackfs"

    def ratios(self, row, system):
        return [r["ratio"] for r in self.cells.get((row, system), []) if "ratio" in r]

    def median(self, row, system):
        ratios = self.ratios(row, system)
        return statistics.median(ratios) if ratios else None

    def native(self, row):
        """The median time of a native operation, in microseconds."""
        times = [
            r["native_nanoseconds"] / r["native_operations"] / 1000
            for r in self.measurements
            if r["row"] == row and "ratio" in r
        ]
        return statistics.median(times) if times else None


def number(value):
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def duration(microseconds):
    if microseconds is None:
        return ""
    if microseconds < 1000:
        return f"{microseconds:.2f} us"
    return f"{microseconds / 1000:.1f} ms" if microseconds < 1_000_000 else f"{microseconds / 1e6:.2f} s"


def slowdowns(results, systems):
    """Header and rows; a cell is (text, whether it is the best of its row)."""
    header = ["workload", "native", "goal"] + systems
    rows = []
    for row in results.rows:
        medians = {s: results.median(row, s) for s in systems}
        known = [m for m in medians.values() if m is not None]
        if not known:
            continue
        cells = [(row, False), (duration(results.native(row)), False), (number(results.goals[row]), False)]
        for system in systems:
            value = medians[system]
            if value is None:
                failed = any("error" in r for r in results.cells.get((row, system), []))
                cells.append(("failed" if failed else "", False))
                continue
            ratios = results.ratios(row, system)
            text = f"{number(value)} ({number(min(ratios))}..{number(max(ratios))})"
            cells.append((text, value == min(known)))
        rows.append(cells)
    return header, rows


def standing(mine, other):
    """How one list of slowdowns stands to another: apart only where their spreads are."""
    return "ahead" if max(mine) < min(other) else "behind" if min(mine) > max(other) else "level"


def best(results, row, systems):
    """The system with the least median of a row, or None."""
    known = [s for s in systems if results.ratios(row, s)]
    return min(known, key=lambda s: results.median(row, s)) if known else None


def against(results, mine, peers):
    """Each row at the best of `mine` for it, beside the best peer; those behind first."""
    rows = []
    for row in results.rows:
        own, peer = best(results, row, mine), best(results, row, peers)
        if own is None or peer is None:
            continue
        verdict = standing(results.ratios(row, own), results.ratios(row, peer))
        figures = [number(results.median(row, own)), peer, number(results.median(row, peer))]
        cells = [row] + ([own] if len(mine) > 1 else []) + figures + [verdict]
        rows.append([(cell, cell == "behind") for cell in cells])
    rows.sort(key=lambda cells: ["behind", "level", "ahead"].index(cells[-1][0]))
    return ["workload"] + (["setting"] if len(mine) > 1 else []) + ["figure", "best peer", "its figure", "verdict"], rows


def missed(results, systems):
    mine, rows = systems[0], []
    for row in results.rows:
        value, goal = results.median(row, mine), results.goals[row]
        if value is not None and goal is not None and value > goal * NOISE:
            native = results.native(row)
            rows.append([(c, False) for c in (row, number(goal), number(value), duration((value - 1) * native))])
    return ["workload", "goal", mine, "distance to native, an operation"], rows


def requests(results, system):
    records = [r for r in results.requests if r["system"] == system]
    header = ["work", "files", "requests a file", "reached before", "of which"]
    rows = []
    for record in records:
        counts = {k: v for k, v in record.get("requests", {}).items() if k not in UNANSWERED}
        each = sum(counts.values()) / record["files"]
        parts = sorted(counts.items(), key=lambda item: -item[1])
        shown = ", ".join(f"{name} {count / record['files']:.2f}" for name, count in parts if count * 200 > record["files"])
        rows.append([
            (record["row"], False),
            (str(record["files"]), False),
            (record.get("error") or f"{each:.2f}", False),
            (number(record.get("expected")), False),
            (shown, False),
        ])
    return header, rows


def memory(results):
    header = ["system", "nodes", "resident bytes a node", "processor time a node"]
    rows = []
    for record in results.memory:
        if "error" in record:
            rows.append([(c, False) for c in (record["system"], str(record["files"]), record["error"], "")])
            continue
        each = record["resident_bytes"] / record["files"]
        time = record["processor_nanoseconds"] / record["files"] / 1000
        rows.append([(c, False) for c in (record["system"], str(record["files"]), f"{each:.0f}", f"{time:.1f} us")])
    return header, rows


def plot_slowdowns(results, systems):
    rows = [row for row in results.rows if any(results.ratios(row, s) for s in systems)]
    figure, axes = pyplot.subplots(figsize=(11, 0.5 * len(rows) + 1.5))
    colours = pyplot.get_cmap("tab10" if len(systems) <= 10 else "tab20").colors
    for index, system in enumerate(systems):
        shift = (index - (len(systems) - 1) / 2) * 0.8 / max(len(systems), 1)
        for place, row in enumerate(rows):
            ratios = results.ratios(row, system)
            if ratios:
                colour = colours[index % len(colours)]
                axes.plot([min(ratios), max(ratios)], [place + shift] * 2, color=colour, linewidth=1)
                axes.plot(
                    statistics.median(ratios), place + shift, "D" if results.is_stackfs(system) else "o", color=colour,
                    markersize=6 if results.is_stackfs(system) else 4,
                )
    for place, row in enumerate(rows):
        if results.goals[row]:
            axes.plot([results.goals[row]] * 2, [place - 0.45, place + 0.45], color="black", linewidth=1, linestyle=":")
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.set_yticks(range(len(rows)), rows)
    axes.invert_yaxis()
    axes.grid(axis="x", which="both", linewidth=0.3)
    axes.set_xlabel("slowdown against the lower directory (median, least to most); dotted: the goal")
    handles = {}
    for index, system in enumerate(systems):
        handles[system] = pyplot.Line2D(
            [], [], color=colours[index % len(colours)], linestyle="", marker="D" if results.is_stackfs(system) else "o")
    axes.legend(handles.values(), handles.keys(), loc="lower center", bbox_to_anchor=(0.5, 1), ncol=4)
    return picture(figure)


def plot_requests(results, system):
    records = [r for r in results.requests if r["system"] == system and "requests" in r]
    names = ordered(n for r in records for n in r["requests"] if n not in UNANSWERED)
    figure, axes = pyplot.subplots(figsize=(11, 0.5 * len(records) + 1.5))
    left = [0.0] * len(records)
    colours = pyplot.get_cmap("tab20").colors
    for index, name in enumerate(names):
        widths = [r["requests"].get(name, 0) / r["files"] for r in records]
        axes.barh([r["row"] for r in records], widths, left=left, label=name, color=colours[index % len(colours)])
        left = [a + b for a, b in zip(left, widths)]
    known = [(r["expected"], place) for place, r in enumerate(records) if "expected" in r]
    axes.plot([e for e, _ in known], [p for _, p in known], "k|", markersize=16, label="reached before")
    axes.invert_yaxis()
    axes.set_xlabel("requests a file")
    axes.legend(fontsize=8)
    return picture(figure)


def picture(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight")
    pyplot.close(figure)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


class Page:
    """The report twice: as Markdown and as HTML."""

    def __init__(self):
        self.markdown, self.html = [], []

    def heading(self, text, level=2):
        self.markdown.append(f"{'#' * level} {text}\n")
        self.html.append(f"<h{level}>{html.escape(text)}</h{level}>")

    def paragraph(self, text):
        self.markdown.append(text + "\n")
        self.html.append(f"<p>{html.escape(text)}</p>")

    def items(self, lines):
        """Lines of text, in which backquotes surround code."""
        self.markdown.append("".join(f"- {line}\n" for line in lines))
        marked = (re.sub("`([^`]*)`", r"<code>\1</code>", html.escape(line)) for line in lines)
        self.html.append("<ul>" + "".join(f"<li>{line}</li>" for line in marked) + "</ul>")

    def table(self, header, rows):
        lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
        body = []
        for row in rows:
            lines.append("| " + " | ".join(f"**{t}**" if best else t for t, best in row) + " |")
            cells = (f"<td{' class=best' if best else ''}>{html.escape(t)}</td>" for t, best in row)
            body.append("<tr>" + "".join(cells) + "</tr>")
        self.markdown.append("\n".join(lines) + "\n")
        head = "".join(f"<th>{html.escape(t)}</th>" for t in header)
        self.html.append(f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>")

    def plot(self, name, data):
        self.html.append(f'<img alt="{html.escape(name)}" src="{data}">')

    def write(self, directory):
        style = (
            "body{font:15px/1.4 sans-serif;margin:2em auto;max-width:80em;padding:0 1em}"
            "table{border-collapse:collapse;font-size:13px}td,th{border:1px solid #ccc;padding:2px 6px;text-align:right}"
            "td:first-child,th:first-child{text-align:left}.best{font-weight:bold}img{max-width:100%}"
            ".wide{overflow-x:auto}code{overflow-wrap:anywhere;word-break:break-word}"
        )
        page = f'<!doctype html><meta charset="utf-8"><title>stackfs-bench</title><style>{style}</style>'
        (directory / "report.md").write_text("\n".join(self.markdown), encoding="utf-8")
        (directory / "report.html").write_text(page + "\n".join(self.html) + "\n", encoding="utf-8")


def describe(page, results):
    machine = results.machine
    runs = [len(r) for r in results.cells.values()]
    page.heading("What stackfs and others cost", 1)
    page.paragraph(
        f"{machine['cores']} cores ({machine['processor']}), {machine['memory_bytes'] / 2**30:.0f} GiB, "
        f"{machine['distribution']}, Linux {machine['kernel']} "
        f"{'with' if machine['fuse_over_rings'] else 'without'} FUSE over io_uring; {machine['date']}."
    )
    page.paragraph(
        "Each figure is how many times longer the work takes than on the lower directory, a journaled ext4, right after: "
        f"the median of up to {max(runs, default=0)} such pairs, and the least and the most. The best of a row is bold. "
        "\"First\" is a fresh mount over a lower file system whose caches are warm."
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    results, directory = Results(sys.argv[1]), Path(sys.argv[2])
    page = Page()
    describe(page, results)
    cached = [s for s in results.systems if not s.endswith("-nocache")]
    uncached = [s for s in results.systems if s.endswith("-nocache")]
    for title, systems in (("At best settings", cached), ("With caching off", uncached)):
        if systems:
            page.heading(title)
            page.table(*slowdowns(results, systems))
            if pyplot:
                page.plot(title, plot_slowdowns(results, systems))
    peers = [s for s in cached if not results.is_stackfs(s)]
    own = [s for s in cached if results.is_stackfs(s)]
    for system in ([own] if len(own) > 1 else []) + [[s] for s in own]:
        header, rows = against(results, system, peers)
        if not rows:
            continue
        page.heading(f"{system[0] if len(system) == 1 else 'stackfs, at the best setting for each row,'} against the best peer")
        counts = {v: sum(r[-1][0] == v for r in rows) for v in ("ahead", "level", "behind")}
        page.paragraph(", ".join(f"{verdict} on {count}" for verdict, count in counts.items()) + " of "
                       f"{len(rows)} rows. Level is where the spreads, from the least to the most, overlap.")
        page.table(header, rows)
    for system in own:
        header, rows = missed(results, [system])
        page.heading(f"Goals that {system} misses by more than {NOISE:.1f} times")
        page.table(header, rows) if rows else page.paragraph("None.")
    for system in ordered(r["system"] for r in results.requests):
        page.heading(f"Requests of {system}")
        page.paragraph("Without FORGET, which nobody waits for; operations of fewer than 0.005 requests a file are not named.")
        page.table(*requests(results, system))
        if pyplot:
            page.plot("requests", plot_requests(results, system))
    if results.memory:
        page.heading("Memory and processor time of the daemon")
        page.table(*memory(results))
    failures = {(r["row"], r["system"]): r["error"] for r in results.measurements if "error" in r}
    if failures:
        page.heading("Failures")
        page.items([f"{system}, {row}: {' '.join(error.split())}" for (row, system), error in failures.items()])
    page.heading("Commands")
    used = [s for s in results.systems if s in results.machine.get("commands", {})]
    page.items([f"{s}: `{results.machine['commands'][s]}`" for s in used])
    page.items([f"{name}: {version}" for name, version in sorted(results.machine.get("versions", {}).items())])
    page.write(directory)
    print(f"wrote {directory}/report.md and {directory}/report.html")
    if not pyplot:
        print("without plots: they take matplotlib (Debian: python3-matplotlib)")


main()

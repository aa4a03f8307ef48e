# SPDX-License-Identifier: Apache-2.0
"""The report: rows that compare our figure with a peer's, as a text table and as a plot (SVG)."""
import collections
import math
import os
import platform
import statistics

WIDTH, LEFT, RIGHT, LINE, DECADES = 980, 470, 130, 19, (0.1, 100.0)


class Report:
    def __init__(self):
        self.items = []                 # ("section", text) | ("note", text) | ("row", Row)

    def section(self, text):
        self.items.append(("section", text))
        print(f"\n{text}", flush=True)

    def note(self, text):
        self.items.append(("note", text))
        print(f"  {text}", flush=True)

    def row(self, name, ours, peer, theirs, ratios, target=None):
        """`ratios`: one for each round, or one number.  `target`: (">=", x) if large ratios are good, ("<=", x) if
        small ones are."""
        row = Row(name, ours, peer, theirs, Interval.of(ratios), target)
        self.items.append(("row", row))
        print(f"  {row}", flush=True)

    def missed(self):
        return [f"{row.name} / {row.peer}: {row.ratio}, wanted {row.goal()}  {row.verdict()}"
                for kind, row in self.items if kind == "row" and row.met() is False]

    def write(self, directory):
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/report.txt", "w") as file:
            for kind, text in self.items:
                file.write(f"\n{text}\n" if kind == "section" else f"  {text}\n")
        with open(f"{directory}/report.svg", "w") as file:
            file.write(plot(self.items))


class Interval(collections.namedtuple("Interval", "low median high")):
    """A median with its 95 % confidence interval from order statistics, which holds for any distribution of
    independent values (Conover, Practical Nonparametric Statistics, on quantiles)."""

    @classmethod
    def of(cls, values):
        ordered = sorted(values) if isinstance(values, list) else [values]
        outside = max(math.floor(len(ordered) / 2 - 0.98 * math.sqrt(len(ordered))) - 1, 0)
        return cls(ordered[outside], statistics.median(ordered), ordered[-1 - outside])

    def __str__(self):
        return f"{self.median:7.2f}" + ("" if self.low == self.high else f" [{self.low:.2f} {self.high:.2f}]")


class Row(collections.namedtuple("Row", "name ours peer theirs ratio target")):
    """Our figure compared with a peer's."""

    def met(self):
        if self.target is None:
            return None
        return self.ratio.median >= self.target[1] if self.target[0] == ">=" else self.ratio.median <= self.target[1]

    def goal(self):
        return "" if self.target is None else f"{self.target[0]} {self.target[1]:.3g}"

    def verdict(self):
        """A ? marks a target within the interval."""
        if self.target is None:
            return ""
        certain = not self.ratio.low < self.target[1] < self.ratio.high
        return ("met" if self.met() else "MISSED") + ("" if certain else "?")

    def __str__(self):
        return (f"{self.name:30} {self.ours:>12}   {self.peer:26} {self.theirs:>12} {str(self.ratio):21} "
                f"{self.goal():8} {self.verdict()}").rstrip()


def file_system(directory):
    """Type of the file system of a directory."""
    with open("/proc/mounts") as file:
        mounts = [line.split()[1:3] for line in file]
    return max((m for m in mounts if os.path.realpath(directory).startswith(m[0])), key=lambda m: len(m[0]))[1]


def machine(directory):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) // 1048576
    load = os.getloadavg()[0]
    return (f"{os.cpu_count()} CPUs ({model}), {memory} GiB, Linux {platform.release()}, stores on {file_system(directory)}; "
            f"load average at the start {load:.1f}")


# -- the plot --------------------------------------------------------------------------------------

def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def x_of(ratio):
    """Position of a ratio on the logarithmic axis."""
    low, high = (math.log10(end) for end in DECADES)
    share = (math.log10(max(ratio, DECADES[0])) - low) / (high - low)
    return LEFT + min(share, 1.0) * (WIDTH - LEFT - RIGHT)


def plot(items):
    out, y = [], 40
    for kind, item in items:
        y += LINE
        if kind == "section":
            y += 8
            out.append(f'<text x="10" y="{y}" font-weight="bold">{escape(item)}</text>')
        elif kind == "note":
            out.append(f'<text x="20" y="{y}" fill="#666">{escape(item)}</text>')
        else:
            out += bar(y, item)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 30}" '
            'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
            '<text x="10" y="22" font-size="15">jeton compared with its peers: ratios of one run '
            '(logarithmic; | is the target, - the interval of the median)</text>')
    axis = [f'<line x1="{x_of(at):.1f}" y1="34" x2="{x_of(at):.1f}" y2="{y + 8}" stroke="#ddd"/>'
            f'<text x="{x_of(at):.1f}" y="{y + 22}" text-anchor="middle" fill="#666">{at:g}</text>'
            for at in (0.1, 1, 10, 100)]
    return "\n".join([head, *axis, *out, "</svg>\n"])


def bar(y, row):
    colour = {None: "#8aa", True: "#4a8", False: "#d64"}[row.met()]
    begin, end = sorted((x_of(1), x_of(row.ratio.median)))
    low, high = x_of(row.ratio.low), x_of(row.ratio.high)
    yield f'<text x="20" y="{y}">{escape(f"{row.name}: {row.ours} / {row.peer} {row.theirs}")}</text>'
    yield f'<rect x="{begin:.1f}" y="{y - 11}" width="{max(end - begin, 1):.1f}" height="13" fill="{colour}"/>'
    yield f'<line x1="{low:.1f}" y1="{y - 4.5}" x2="{high:.1f}" y2="{y - 4.5}" stroke="#333" stroke-width="2"/>'
    yield f'<text x="{max(high, end, x_of(1)) + 5:.1f}" y="{y}">{row.ratio.median:.2f}</text>'
    if row.target is not None:
        yield (f'<line x1="{x_of(row.target[1]):.1f}" y1="{y - 13}" x2="{x_of(row.target[1]):.1f}" y2="{y + 4}" '
               'stroke="black" stroke-width="2"/>')

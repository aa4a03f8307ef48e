# SPDX-License-Identifier: Apache-2.0
"""One report: rows of our figure beside a peer's, as a text table and as a plot (SVG)."""
import os
import platform

WIDTH, LEFT, RIGHT, LINE, DECADES = 980, 470, 130, 19, (0.1, 100.0)


class Report:
    def __init__(self):
        self.items = []                 # ("section", text) | ("note", text) | ("row", ...)

    def section(self, text):
        self.items.append(("section", text))
        print(f"\n{text}", flush=True)

    def note(self, text):
        self.items.append(("note", text))
        print(f"  {text}", flush=True)

    def row(self, what, ours, peer, theirs, ratio, target=None):
        """`ratio` is good when large if target is (">=", x), when small if it is ("<=", x)."""
        met = None if target is None else ratio >= target[1] if target[0] == ">=" else ratio <= target[1]
        self.items.append(("row", what, ours, peer, theirs, ratio, target, met))
        print("  " + text_of(what, ours, peer, theirs, ratio, target, met), flush=True)

    def missed(self):
        return [item for item in self.items if item[0] == "row" and item[7] is False]

    def write(self, directory):
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/report.txt", "w") as file:
            for item in self.items:
                file.write({"section": "\n{0}\n", "note": "  {0}\n"}.get(item[0], "  {0}\n").format(
                    item[1] if item[0] != "row" else text_of(*item[1:])))
        with open(f"{directory}/report.svg", "w") as file:
            file.write(plot(self.items))


def text_of(what, ours, peer, theirs, ratio, target, met):
    goal = "" if target is None else f"{target[0]} {target[1]:g}"
    verdict = {None: "", True: "met", False: "MISSED"}[met]
    return f"{what:34} {ours:>12}   {peer:26} {theirs:>12}   {ratio:7.2f}   {goal:8} {verdict}".rstrip()


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) // 1048576
    load = os.getloadavg()[0]
    return (f"{os.cpu_count()} CPUs ({model}), {memory} GiB, Linux {platform.release()}; "
            f"load average at the start {load:.1f}")


# -- the plot --------------------------------------------------------------------------------------

def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def place(ratio):
    """Where on the logarithmic axis."""
    from math import log10
    low, high = (log10(end) for end in DECADES)
    share = (log10(max(ratio, DECADES[0])) - low) / (high - low)
    return LEFT + min(share, 1.0) * (WIDTH - LEFT - RIGHT)


def plot(items):
    out, y = [], 40
    for item in items:
        y += LINE
        if item[0] == "section":
            y += 8
            out.append(f'<text x="10" y="{y}" font-weight="bold">{escape(item[1])}</text>')
        elif item[0] == "note":
            out.append(f'<text x="20" y="{y}" fill="#666">{escape(item[1])}</text>')
        else:
            out += bar(y, *item[1:])
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 30}" '
            'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
            '<text x="10" y="22" font-size="15">jeton beside its peers: ratios of one run '
            '(logarithmic; | is the target)</text>')
    axis = [f'<line x1="{place(at):.1f}" y1="34" x2="{place(at):.1f}" y2="{y + 8}" stroke="#ddd"/>'
            f'<text x="{place(at):.1f}" y="{y + 22}" text-anchor="middle" fill="#666">{at:g}</text>'
            for at in (0.1, 1, 10, 100)]
    return "\n".join([head, *axis, *out, "</svg>\n"])


def bar(y, what, ours, peer, theirs, ratio, target, met):
    colour = {None: "#8aa", True: "#4a8", False: "#d64"}[met]
    begin, end = sorted((place(1), place(ratio)))
    yield f'<text x="20" y="{y}">{escape(f"{what}: {ours} / {peer} {theirs}")}</text>'
    yield f'<rect x="{begin:.1f}" y="{y - 11}" width="{max(end - begin, 1):.1f}" height="13" fill="{colour}"/>'
    yield f'<text x="{max(end, place(1)) + 5:.1f}" y="{y}">{ratio:.2f}</text>'
    if target is not None:
        yield (f'<line x1="{place(target[1]):.1f}" y1="{y - 13}" x2="{place(target[1]):.1f}" y2="{y + 4}" '
               'stroke="black" stroke-width="2"/>')

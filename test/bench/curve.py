"""curve.py: what scale.py measured, beside a straight line and what PostgreSQL itself takes.

judge() prints and says whether the bounds are kept, draw() makes a picture.
Measures nothing.
"""
import html
import math

# What is told of a size: (key, name, unit, factor, per pipeline?, by the clock?)
FIGURES = [
    ("statement_ms", "statement", "ms each", 1, True, True),
    ("insert_ms", "  plain INSERTs of the rows", "ms each", 1, True, True),
    ("all_running_s", "until all are Running", "s", 1, False, True),
    ("worker_cpu_ms", "worker, to Running", "CPU ms each", 1, True, False),
    ("steady_cores", "worker, steady", "% of a core", 100, False, False),
    ("requests_a_round", "requests a Connect and round", "", 1, False, False),
    ("queries_a_round", "queries a source and round", "", 1, False, False),
    ("resident_bytes", "memory, its own", "kB each", 0.001, True, False),
    ("context_bytes", "  of that in contexts", "kB each", 0.001, True, False),
    ("first_action_s", "a new worker's first action", "s", 1, False, True),
    ("status_p99_ms", "cdc.pipeline_status, p99", "ms", 1, False, True),
    ("select_p99_ms", "  pgbench -S, p99", "ms", 1, False, True),
    ("one_more_ratio", "one more, beside / alone", "", 1, False, True),
    ("one_more_cpu_ratio", "  of the worker's CPU", "", 1, False, False),
    ("metrics_s", "cdc.metrics()", "s", 1, False, True),
    ("page_s", "slowest page of GET pipelines", "s", 1, False, True),
    ("delete_statement_ms", "deleting, statement", "ms each", 1, True, True),
    ("all_deleted_s", "until all are gone", "s", 1, False, True),
    ("delete_cpu_ms", "worker, to gone", "CPU ms each", 1, True, False),
    ("file_messages", "messages about descriptors", "", 1, False, False),
]

# Each is to grow with the number of pipelines at most, that is not at all per pipeline; noise has this much.
GROWS = ["statement_ms", "worker_cpu_ms", "resident_bytes", "delete_cpu_ms"]
STRAIGHT = 1.5

# (name, value of one size, bound); those by the clock are a quiet machine's
BOUNDS = [
    ("~ statement, ms each", lambda f: f["statement_ms"] / f["pipelines"], 1.0),
    ("worker to Running, CPU ms each", lambda f: f["worker_cpu_ms"] / f["pipelines"], 3.0),
    ("worker steady, cores", lambda f: f["steady_cores"], 0.05),
    ("memory, kB each", lambda f: f["resident_bytes"] / f["pipelines"] / 1000, 15.0),
    ("~ a new worker's first action, s", lambda f: f["first_action_s"], 3.0),
    ("~ cdc.pipeline_status p99, ms", lambda f: f["status_p99_ms"], 2.0),
    ("~ one more beside them / alone", lambda f: f["one_more_ratio"], 1.3),
    ("~ cdc.metrics(), s", lambda f: f["metrics_s"], 1.0),
    ("~ slowest page of GET pipelines, s", lambda f: f["page_s"], 1.0),
    ("deleting / making, CPU", lambda f: f["delete_cpu_ms"] / f["worker_cpu_ms"], 1.0),
    ("messages about descriptors", lambda f: f["file_messages"], 0),
]


def shown(value):
    return "%d" % value if value == int(value) and abs(value) < 1e6 else "%.3g" % value if abs(value) < 100 else "%.0f" % value


def told(figures, key, factor, per):
    return figures[key] * factor / (figures["pipelines"] if per else 1)


def table(kept):
    sizes = kept["sizes"]
    head = ["", ""] + ["%d" % f["pipelines"] for f in sizes] + ["to the line" for _ in sizes[1:]]
    rows = [head]
    for key, name, unit, factor, per, clock in FIGURES:
        values = [told(f, key, factor, per) for f in sizes]
        grown = ["%.2f" % (v / values[0]) if values[0] and (per or key in ("all_running_s", "all_deleted_s", "steady_cores")) else "" for v in values[1:]]
        if not per:
            grown = ["%.2f" % (v / values[0] * sizes[0]["pipelines"] / f["pipelines"]) if g else "" for v, f, g in zip(values[1:], sizes[1:], grown)]
        rows.append([("~ " if clock else "  ") + name, unit] + [shown(v) for v in values] + grown)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        print("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip())


def judge(kept):
    """Prints all; are the bounds kept?"""
    table(kept)
    print("load of the machine %.1f on %d cores; what is marked ~ is by the clock, and means something at a load below 1 alone" % (kept["load"], kept["cores"]))
    good = True
    first = kept["sizes"][0]
    for figures in kept["sizes"]:
        for name, value, bound in BOUNDS:
            if value(figures) > bound:
                quiet = kept["load"] < 1 or not name.startswith("~")
                good = good and not quiet
                print("%s at %d: %s, bound %s%s" % ("MISSED" if quiet else "over", figures["pipelines"], name, shown(bound), ": it is %s" % shown(value(figures))))
        for key in GROWS:
            ratio = figures[key] / first[key] * first["pipelines"] / figures["pipelines"] if first[key] > 0 else 0
            if ratio > STRAIGHT:
                good = False
                print("MISSED at %d: %s is %.2f times the straight line through %d, bound %.1f" % (figures["pipelines"], key, ratio, first["pipelines"], STRAIGHT))
    print("the bounds are kept" if good else "bench-scale: bounds are missed")
    return good


# -- the picture ------------------------------------------------------------------------
CURVES = [("statement_ms", "statement, ms each", 1, True), ("worker_cpu_ms", "worker to Running, CPU ms each", 1, True), ("delete_cpu_ms", "worker to gone, CPU ms each", 1, True),
          ("steady_cores", "worker steady, % of a core", 100, False), ("resident_bytes", "memory, kB each", 0.001, True), ("status_p99_ms", "cdc.pipeline_status p99, ms", 1, False)]
WIDTH, HEIGHT, ACROSS = 300, 210, 3


def draw(kept, path):
    """A small graph for each of CURVES: measured, and the straight line through the first."""
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">' % (WIDTH * ACROSS, HEIGHT * math.ceil(len(CURVES) / ACROSS) + 24),
           '<rect width="100%" height="100%" fill="white"/>']
    sizes = [f["pipelines"] for f in kept["sizes"]]

    def x(size):
        span = math.log10(sizes[-1] / sizes[0]) or 1
        return 45 + (WIDTH - 75) * math.log10(size / sizes[0]) / span

    for i, (key, name, factor, per) in enumerate(CURVES):
        values = [told(f, key, factor, per) for f in kept["sizes"]]
        line = [values[0] * (1 if per or key == "status_p99_ms" else size / sizes[0]) for size in sizes]
        top = max(values + line) * 1.15 or 1

        def y(value, top=top):
            return HEIGHT - 35 - (HEIGHT - 70) * value / top

        out.append('<g transform="translate(%d %d)">' % (i % ACROSS * WIDTH, i // ACROSS * HEIGHT))
        out.append('<text x="45" y="18" font-size="12" font-weight="bold">%s</text>' % html.escape(name))
        out.append('<path d="M45 30V%d H%d" fill="none" stroke="#999"/>' % (HEIGHT - 35, WIDTH - 20))
        for size in sizes:
            out.append('<text x="%.0f" y="%d" text-anchor="middle" fill="#555">%s</text>' % (x(size), HEIGHT - 20, format(size, ",")))
        for series, color, dash in ((line, "#999", ' stroke-dasharray="4 3"'), (values, "#1a5fb4", "")):
            out.append('<polyline fill="none" stroke="%s" stroke-width="1.6"%s points="%s"/>' % (color, dash, " ".join("%.1f,%.1f" % (x(size), y(value)) for size, value in zip(sizes, series))))
        for size, value in zip(sizes, values):
            out.append('<circle cx="%.1f" cy="%.1f" r="2.6" fill="#1a5fb4"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#1a5fb4">%s</text>' % (x(size), y(value), x(size), y(value) - 7, shown(value)))
        out.append('</g>')
    out.append('<text x="12" y="%d" fill="#555">%s, %d sources, %d Connects, load %.1f on %d cores; dashed: a straight line through %s</text>' % (
        HEIGHT * math.ceil(len(CURVES) / ACROSS) + 12, kept["date"], kept["sources"], kept["connects"], kept["load"], kept["cores"], format(sizes[0], ",")))
    out.append('</svg>')
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n")

"""picture: the rooms of src as an SVG: a box a room, an arrow for each use of one by another, in red where it is not allowed.

Owns the drawing; what is drawn comes from rules.py.  The same tree gives the
same bytes, so that a test can hold docs/rooms.svg against src.
"""
import collections
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP, ROW = 172, 74, 24, 144
NEAR = 2                # an arrow to a room further down than that is words in the box it begins in
MARGIN = 24
STYLE = ("text{font:13px sans-serif;fill:#222}.name{font-weight:bold}.small{font-size:11px;fill:#555}.count{font-size:10px}"
         "rect{fill:#f4f6f9;stroke:#5b6b7f}.door{fill:#e8eef6}path{fill:none;stroke:#8796a8}.up{stroke:#c22}.up-count{fill:#c22}")


def counts(tree, table):
    """{(room, room): how many pairs of a file and one that it calls}, {room: number of files}"""
    between, files = collections.Counter(), collections.Counter()
    for path in tree.files:
        if table.room(path):
            files[table.room(path)] += 1
    for path, others in tree.uses().items():
        for other in others:
            here, there = table.room(path), table.room(other)
            if here and there and here != there:
                between[here, there] += 1
    return between, files


def levels(table):
    """Rooms by level, the highest first: a room stands above all that it uses."""
    level = {}
    for room in reversed(list(table.rooms)):
        level[room] = 1 + max([level[used] for used in table.rooms[room][0]], default=0)
    rows = [[room for room in table.rooms if level[room] == n] for n in range(max(level.values()), 0, -1)]
    return [row for row in rows if row]


def draw(tree, table):
    between, files = counts(tree, table)
    rows = levels(table)
    width = max(len(row) for row in rows) * (WIDTH + GAP) - GAP + 2 * MARGIN
    place = {}
    for n, row in enumerate(rows):
        left = (width - len(row) * (WIDTH + GAP) + GAP) / 2
        for m, room in enumerate(row):
            place[room] = (left + m * (WIDTH + GAP), MARGIN + n * ROW)
    height = MARGIN * 2 + (len(rows) - 1) * ROW + HEIGHT
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">' % (width, height, width, height),
           "<title>The rooms of src and who uses whom</title>", "<style>%s</style>" % STYLE,
           '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" style="fill:#8796a8;stroke:none"/></marker>'
           '<marker id="up" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" style="fill:#c22;stroke:none"/></marker></defs>']
    level = {room: n for n, row in enumerate(rows) for room in row}
    ends = {room: [other for other in table.rooms if (room, other) in between] for room in table.rooms}
    comes = {room: [other for other in table.rooms if (other, room) in between] for room in table.rooms}
    far = collections.defaultdict(list)
    for room in table.rooms:
        for other in [other for other in ends[room] if level[other] > level[room] + NEAR]:
            far[room].append("%s %d" % (other.split("/")[-1], between[room, other]))
            ends[room].remove(other)
            comes[other].remove(room)
            del between[room, other]
    lines, numbers = [], []
    for (here, there), count in sorted(between.items()):
        allowed = there in table.rooms[here][0]
        x1, y1 = place[here]
        x2, y2 = place[there]
        x1 += WIDTH * (ends[here].index(there) + 1) / (len(ends[here]) + 1)
        x2 += WIDTH * (comes[there].index(here) + 1) / (len(comes[there]) + 1)
        if level[there] > level[here]:
            y1 += HEIGHT
            bend = (y2 - y1) / 2
            # past boxes in between, aside
            aside = 0 if level[there] == level[here] + 1 else (-1 if x1 + x2 < width else 1) * 60
            path = "M%.0f,%.0fC%.0f,%.0f %.0f,%.0f %.0f,%.0f" % (x1, y1, x1 + aside, y1 + bend, x2 + aside, y2 - bend, x2, y2)
            t = 0.16
            cx = (1 - t) ** 3 * x1 + 3 * (1 - t) ** 2 * t * (x1 + aside) + 3 * (1 - t) * t * t * (x2 + aside) + t ** 3 * x2
            cy = (1 - t) ** 3 * y1 + 3 * (1 - t) ** 2 * t * (y1 + bend) + 3 * (1 - t) * t * t * (y2 - bend) + t ** 3 * y2
        else:
            # up, or beside: over the boxes
            path = "M%.0f,%.0fC%.0f,%.0f %.0f,%.0f %.0f,%.0f" % (x1, y1, x1, y1 - 46, x2, y2 + HEIGHT + 46 if level[there] < level[here] else y2 - 46,
                                                               x2, y2 + HEIGHT if level[there] < level[here] else y2)
            cx, cy = x1, y1 - 10
        lines.append('<path class="%s" d="%s" marker-end="url(#%s)"/>' % ("use" if allowed else "up", path, "to" if allowed else "up"))
        numbers.append('<text class="count%s" x="%.0f" y="%.0f" text-anchor="middle">%d</text>' % ("" if allowed else " up-count", cx, cy, count))
    out += lines
    for room, (x, y) in place.items():
        out.append('<rect x="%.0f" y="%.0f" width="%d" height="%d" rx="5"/>' % (x, y, WIDTH, HEIGHT))
        out.append('<text class="name" x="%.0f" y="%.0f" text-anchor="middle">%s</text>' % (x + WIDTH / 2, y + 23, escape(room)))
        out.append('<text class="small" x="%.0f" y="%.0f" text-anchor="middle">%d files</text>' % (x + WIDTH / 2, y + 38, files[room]))
        for n in range(0, len(far[room]), 2):
            out.append('<text class="count" x="%.0f" y="%.0f" text-anchor="middle">%s</text>' % (x + WIDTH / 2, y + 53 + 6 * n, escape(", ".join(far[room][n:n + 2]))))
    out += numbers
    return "\n".join(out + ["</svg>"]) + "\n"

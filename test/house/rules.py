"""rules: what the house demands, and where the tree breaks it.

Owns the reading of the table of rooms in docs/architecture.md (the only one
there is), of the word "Writer:" beside a struct's fields, and the rules:

  room      a file is in a room of the table
  upward    a room uses, by a call or an include, only those that its row names, which stand below it
  circle    no file uses another that uses it, by whatever way
  header    a room's headers are included from outside as its row says
  library   a library's header is included where the second table says
  length    at most 500 lines of code a file, comments and blank lines not counted
  writer    a field is written by the room or the file that is named beside it
  owner     and that is one: a room, or a file or several of one room
  reads     of other rooms a room of which the table says that it changes nothing reaches, by
            whatever way, no function that may write a record (what a header holds in which fields have writers)
  empty     a room of the table has files
  see       what a file's first comment says to see is beside it, or below src

Each break is one line of text; known ones are in test/unit/layers.known, until they are mended.
"""
import os
import re

import csource
import writes

LIMIT = 500
DOCUMENT = "docs/architecture.md"
KNOWN = "test/unit/layers.known"
PICTURE = "docs/rooms.svg"


class Table:
    """rooms: {name: (uses, doors)} from top to bottom; readers: those that change nothing; libraries: {header: places}; faults: what is wrong with the tables themselves."""

    def __init__(self, text):
        self.rooms, self.readers, self.libraries, self.faults = {}, set(), {}, []
        for cells in self._rows(text, "| room |"):
            names = [re.findall(r"`([^`]+)`", cell) for cell in cells]
            if len(cells) != 4 or len(names[0]) != 1:
                self.faults.append("table a row of rooms that cannot be read: %s" % " | ".join(cells))
                continue
            self.rooms[names[0][0]] = (names[2], names[3] if names[3] else None)
            if "changes nothing" in cells[1]:
                self.readers.add(names[0][0])
        below = set()
        for room in reversed(list(self.rooms)):
            for used in self.rooms[room][0]:
                if used not in below:
                    self.faults.append("table %s uses %s, which does not stand below it" % (room, used))
            below.add(room)
        for cells in self._rows(text, "| header |"):
            self.libraries[re.findall(r"`([^`]+)`", cells[0])[0]] = re.findall(r"`([^`]+)`", cells[1])
        if not self.rooms:
            self.faults.append("table there is none of rooms")

    @staticmethod
    def _rows(text, head):
        rows = []
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if line.startswith(head):
                for row in lines[number + 2:]:
                    if not row.startswith("|"):
                        break
                    rows.append([cell.strip() for cell in row.strip().strip("|").split("|")])
        return rows

    def room(self, path):
        """The room of a file: its folder below src."""
        folder = os.path.dirname(path)[len("src/"):]
        return folder if folder in self.rooms else None


def within(path, places):
    """The file is in one of the rooms, or is one of the files, that are named."""
    folder = os.path.dirname(path)[len("src/"):]
    return folder in places or path[len("src/"):] in places


def writers(tree, table):
    """({(file of the struct, struct, field): places}, faults) as the comments beside them say."""
    found, faults = {}, []
    for path, file in tree.files.items():
        comments = []
        for match in re.finditer(r"/\*.*?\*/", file.text, re.S):
            said = re.search(r"\bWriters?:\s*([\w/.]+(?:(?:,\s*and\s|,|\sand\s)\s*[\w/.]+)*)", re.sub(r"\n[ \t]*\*", " ", match.group(0)))
            if said:
                places = [place.rstrip(".") for place in re.split(r"\s*(?:,\s*and\s|,|\sand\s)\s*", said.group(1))]
                first = file.text.count("\n", 0, match.start()) + 1
                alone = not file.text[file.text.rfind("\n", 0, match.start()) + 1:match.start()].strip()
                comments.append((first, first + match.group(0).count("\n"), alone, places, match.group(0)))
        for name, struct in file.structs.items():
            # the comment above the struct is for all of it, one within from there on, one beside a field for that
            current, any_said = None, False
            for _, last, alone, places, _ in comments:
                if alone and last == struct["line"] - 1:
                    current, any_said = places, True
            sections = [(last, places) for first, last, alone, places, _ in comments if alone and struct["line"] < first <= struct["end"]]
            beside = {first: places for first, last, alone, places, _ in comments if not alone and struct["line"] <= first <= struct["end"]}
            if not (any_said or sections or beside):
                continue
            for field, how in struct["fields"].items():
                places = beside.get(how["line"], next((places for line, places in reversed(sections) if line < how["line"]), current))
                if places is None:
                    faults.append("writer %s.%s: others of its struct in %s have one, it has none" % (name, field, path))
                    continue
                found[path, name, field] = [resolve(tree, table, path, place) for place in places]
                for place, there in zip(places, found[path, name, field]):
                    if there is None:
                        faults.append("writer %s.%s in %s: there is no room or file %s" % (name, field, path, place))
                rooms = {there if there in table.rooms else os.path.dirname(there) for there in found[path, name, field] if there}
                if len(rooms) > 1:
                    faults.append("owner %s.%s in %s has %s" % (name, field, path, " and ".join(sorted(rooms))))
            found[path, name, "*"] = [resolve(tree, table, path, place) for place in current] if current else []
    return found, faults


def resolve(tree, table, path, place):
    """A place as within() wants it: a room's name or its last word, a file's path below src or its name."""
    ends = [room for room in table.rooms if room == place or room.endswith("/" + place)] + \
           [other[len("src/"):] for other in tree.files if other == "src/" + place or other.endswith("/" + place)]
    near = [end for end in ends if end.startswith(os.path.dirname(path)[len("src/"):].split("/")[0] + "/")]
    for choice in (ends, near):
        if len(choice) == 1:
            return choice[0]
    return place if place in ends else None


def may_write(tree, records, asked):
    """Names of functions, of those asked, (file, name), and what they call, that take a record to write it."""
    found, seen, new = set(), set(), set(asked)
    while new:
        path, name = new.pop()
        seen.add((path, name))
        file = tree.files[path]
        how = file.prototypes.get(name) or tree.prototypes.get(name)
        if how and any(records & set(parameter) and "*" in parameter and "const" not in parameter for parameter in how[1]):
            found.add(name)
        elif name in file.functions:
            _, body, end = file.functions[name]
            called = {token for token, _ in file.tokens[body:end]}
            new |= {(path, other) for other in called & set(file.functions)} - seen
            new |= {(tree.defined[other][0], other) for other in called - set(file.functions) if len(tree.defined.get(other, ())) == 1} - seen
    return found


def breaks(top):
    """(sorted lines of what is broken, tree, table)"""
    with open(os.path.join(top, DOCUMENT)) as document:
        table = Table(document.read())
    tree = csource.Tree(top)
    found = set(table.faults)
    homes = {path: table.room(path) for path in tree.files}
    uses, included = tree.uses(), tree.included()

    for path in tree.files:
        if homes[path] is None:
            found.add("room %s is in no room" % path)
        lines = tree.files[path].lines_of_code
        if lines > LIMIT:
            found.add("length %s" % path)
        for header in tree.files[path].includes:
            for library, places in table.libraries.items():
                if (header == library or library.endswith("/") and header.startswith(library)) and not tree.include(path, header) and not within(path, places):
                    found.add("library %s includes %s" % (path, header))
        for words in re.findall(r"\bSee ([\w/]+\.[ch](?: and [\w/]+\.[ch])*)", tree.files[path].text[:tree.files[path].text.find("*/")]):
            for name in words.split(" and "):
                if os.path.join(os.path.dirname(path), name) not in tree.files and "src/" + name not in tree.files:
                    found.add("see %s names %s" % (path, name))
    for room in table.rooms:
        if room not in homes.values():
            found.add("empty %s" % room)

    def outside(path, other, how):
        here, there = homes[path], homes[other]
        if here and there and here != there and there not in table.rooms[here][0]:
            found.add("upward %s %s %s" % (path, how, other))
    for path, others in uses.items():
        for other in others:
            outside(path, other, "calls")
    for path, others in included.items():
        for other in others:
            outside(path, other, "includes")
            doors = table.rooms[homes[other]][1] if homes[other] else None
            if homes[path] != homes[other] and doors is not None and os.path.basename(other) not in doors:
                found.add("header %s includes %s" % (path, other))
    for graph in (uses, included):
        for circle in csource.circles({path: set(others) for path, others in graph.items()}):
            found.update("circle %s" % path for path in circle)

    declared, faults = writers(tree, table)
    found.update(faults)
    records = {name for path in {path for path, _, _ in declared} for name in tree.files[path].structs}
    for path, others in uses.items():
        if homes[path] in table.readers:
            asked = {(other, name) for other, names in others.items() if homes[other] != homes[path] for name in names}
            found.update("reads %s reaches %s" % (path, name) for name in may_write(tree, records, asked))
    if declared:
        where = {(path, name) for path, name, _ in declared}
        for path, _, name, field, lent in writes.Writes(tree).found:
            reach = sorted(tree.reach(path))
            home = next((other for other in reach if (other, name) in where), None)
            # an object within, whose fields have writers of their own, is not written by who lends it, or writes one of those
            if home and not any((other, lent) in where for other in reach):
                places = declared.get((home, name, field), declared.get((home, name, "*"), []))
                if None not in places and not within(path, places):
                    found.add("writer %s writes %s.%s" % (path, name, field))
    return sorted(found), tree, table


def known(top):
    """The breaks that are known."""
    try:
        with open(os.path.join(top, KNOWN)) as listed:
            return [line for line in listed.read().splitlines() if line and not line.startswith("#")]
    except FileNotFoundError:
        return []

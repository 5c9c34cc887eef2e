"""csource: what C files in PostgreSQL's style say of each other, read from their text.

Owns the reading: includes, externs, uses of them, lines of code, structs, and
what is written to their fields.  Knows no rule of the house.

It reads the style of this tree, not all of C: a name of a type or of a function
is a word of its own, a function's body begins and ends in the first column, a
member chain begins with a variable, a call or a cast.
"""
import os
import re

TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|[A-Za-z_]\w*|\d[\w.]*|->|\+\+|--|<<=|>>=|[-+*/%&|^]=|[=!<>]=|&&|\|\||<<|>>|\.\.\.|.', re.S)
ASSIGN = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
WORDS = {"if", "else", "for", "while", "do", "switch", "case", "default", "return", "goto", "break", "continue", "sizeof", "static", "const", "extern",
         "struct", "union", "enum", "typedef", "volatile", "inline", "register", "void", "char", "int", "long", "short", "unsigned", "signed", "float",
         "double", "bool", "true", "false", "NULL"}
# functions of libraries that do not write through an argument that is not const to them, or through the numbered ones only
READS = {"memcpy": {0}, "memmove": {0}, "strlcpy": {0}, "snprintf": {0}, "strcmp": set(), "strncmp": set(), "strlen": set(), "memcmp": set(), "pstrdup": set(),
         "psprintf": set(), "appendStringInfo": {0}, "appendStringInfoString": {0}, "ereport": set(), "elog": set(), "errmsg": set(), "errdetail": set(),
         "errhint": set(), "offsetof": set(), "sizeof": set(), "lengthof": set(), "strcasecmp": set(), "pg_strcasecmp": set(), "strdup": set(), "MemoryContextStrdup": {0},
         "json_object_new_string": set(), "strtol": {1}, "strtoul": {1}, "DatumGetPointer": set(), "PointerGetDatum": set(), "CStringGetDatum": set(), "strchr": set(),
         "strstr": set(), "strspn": set(), "strcspn": set(), "dlist_is_empty": set(), "dlist_foreach": set(), "cdc_dirty_each": set(), "printf": set(), "fprintf": {0}, "inet_ntop": {2}, "mkdirat": set(), "openat": set(), "unlinkat": set(), "fstatat": {2}, "connect": set(), "bind": set(), "sendto": set()}


def without_comments(text):
    """The same text, with comments and the insides of strings blank; lines stay where they are."""
    def blank(match):
        found = match.group(0)
        if found[0] == "/":
            return re.sub(r"[^\n]", " ", found)
        return found[0] + "_" * (len(found) - 2) + found[-1] if len(found) > 1 else found
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


class File:
    """One file: path (relative to the tree), text, code (without comments), and what is found in them."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.code = without_comments(text)
        self.lines_of_code = sum(1 for line in self.code.splitlines() if line.strip())
        self.includes = re.findall(r'^[ \t]*#[ \t]*include[ \t]+[<"]([^">]+)[">]', text, re.M)
        # the preprocessor's lines hold no declaration; macros' bodies hold uses
        plain = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), self.code, flags=re.M)
        # names that a macro makes of its argument: {macro: (prefix, does it define a static)}
        self.pasting = {m.group(1): (m.group(3), "static" in m.group(2)) for m in
                        re.finditer(r"#[ \t]*define[ \t]+(\w+)\(\w+[^)]*\)((?:[^\n\\]|\\\n)*?)\b(\w+)##", self.code)}
        self.macros = " ".join(m.group(0) for m in re.finditer(r"^[ \t]*#[ \t]*(?:define|if|elif)(?:[^\n\\]|\\\n|\\.)*", self.code, re.M))
        self.tokens = []
        line = 1
        for match in TOKEN.finditer(plain):
            found = match.group(0)
            if found == "\n":
                line += 1
            elif not found.isspace():
                self.tokens.append((found, line))
        self.functions, self.externs, self.statics, self.structs, self.prototypes = {}, set(), set(), {}, {}
        self.globals = {}
        self._declarations()

    def _declarations(self):
        """Splits the top level into declarations."""
        tokens, start, depth, position = self.tokens, 0, 0, 0
        while position < len(tokens):
            token = tokens[position][0]
            if token in "({[":
                depth += 1
            elif token in ")}]":
                depth -= 1
                if depth == 0 and token == "}":
                    after = tokens[position + 1][0] if position + 1 < len(tokens) else ""
                    if self._is_function(start, position) and after not in (";", ",", "="):
                        self._declaration(start, position + 1)
                        start = position + 1
            elif token == ";" and depth == 0:
                self._declaration(start, position)
                start = position + 1
            position += 1

    def _is_function(self, start, end):
        """A "{" follows a ")" at the top level."""
        depth = 0
        for position in range(start, end):
            token = self.tokens[position][0]
            if token == "{" and depth == 0:
                return self.tokens[position - 1][0] == ")"
            depth += (token in "({[") - (token in ")}]")
        return False

    def _declaration(self, start, end):
        words = [token for token, _ in self.tokens[start:end]]
        while len(words) > 2 and words[1] == "(" and re.match(r"[A-Za-z_]", words[0]):      # a macro of its own, as PG_MODULE_MAGIC(x)
            if words[0] in self.pasting:
                prefix, static = self.pasting[words[0]]
                (self.statics if static else self.externs).add(prefix + words[2])
            close = closing(words, 1)
            words, start = words[close + 1:], start + close + 1
        if not words or words[0] == "{":
            return
        if "{" in words[:4] and words[0] in ("typedef", "struct", "union", "enum"):
            self._struct(start, end)
            if words[0] == "typedef" or words[-1] == "}":
                return
        if words[0] == "typedef":
            return
        static = "static" in words[:3]
        body = words.index("{") if "{" in words else len(words)
        head = words[:body]
        equals = head.index("=") if "=" in head else len(head)
        if "(" in head[:equals] and re.match(r"[A-Za-z_]", head[head.index("(") - 1]) and head.index("(") > 0:
            paren = head.index("(")
            name = head[paren - 1]
            if name in ("pg_attribute_printf", "__attribute__"):
                return
            parameters = split_commas(head[paren + 1:closing(head, paren)])
            self.prototypes.setdefault(name, (head[:paren - 1], parameters))
            if body < len(words) and words[body - 1] == ")":
                (self.statics if static else self.externs).add(name)
                self.functions.setdefault(name, (start, start + body, end))
            elif body < len(words):
                (self.statics if static else self.externs).add(name)
            return
        if head[0] == "extern":
            head = head[:equals]
            before = head[:head.index("[")] if "[" in head else head
            self._global(head, [w for w in before if re.match(r"[A-Za-z_]\w*$", w)])
            return
        # variables
        first = True
        for part in split_commas(head[:equals] if first else head):
            part = part[:part.index("[")] if "[" in part else part
            names = [w for w in part if re.match(r"[A-Za-z_]\w*$", w) and w not in WORDS]
            if names and (len(part) > 1 or not first) and part[-1] == names[-1]:
                (self.statics if static else self.externs).add(names[-1])
                self._global(head[:equals], names)
            first = False

    def _global(self, head, names):
        """A variable of the file: its type, how many pointers to it, whether it is an array of them."""
        known = [w for w in names if w not in WORDS]
        if len(names) >= 2:
            self.globals[names[-1]] = (known[-2] if len(known) >= 2 else "", head.count("*"), "[" in head)

    def _struct(self, start, end):
        """Fields of a struct, with type, whether they are pointers or arrays, and the line."""
        tokens = self.tokens[start:end]
        words = [token for token, _ in tokens]
        if "enum" in words[:2]:
            return
        opening = words.index("{")
        close = closing(words, opening)
        tag = words[opening - 1] if words[opening - 1] not in ("struct", "union") else None
        names = [name for name in (tag, words[close + 1] if words[0] == "typedef" and close + 1 < len(words) else None) if name]
        fields = {}
        self._fields(tokens, opening + 1, close, fields)
        for name in names:
            self.structs[name] = {"fields": fields, "line": tokens[0][1], "end": tokens[close][1], "file": self.path}

    def _fields(self, tokens, start, end, fields):
        position = start
        while position < end:
            stop, depth = position, 0
            while stop < end and not (tokens[stop][0] == ";" and depth == 0):
                depth += (tokens[stop][0] in "({[") - (tokens[stop][0] in ")}]")
                stop += 1
            words = [token for token, _ in tokens[position:stop]]
            if "{" in words:        # a struct or union within: its fields count as this one's
                inner = position + words.index("{")
                inner_end = position + closing(words, words.index("{"))
                self._fields(tokens, inner + 1, inner_end, fields)
                words = [w for w in words[:1]] + words[closing(words, words.index("{")) + 1:]
            if "(" in words:        # a pointer to a function
                match = re.search(r"\( \* (\w+)", " ".join(words))
                if match:
                    fields[match.group(1)] = {"type": "", "pointer": True, "array": False, "line": tokens[position][1]}
            elif len(words) >= 2:
                type_words = []
                for number, part in enumerate(split_commas(words)):
                    array = "[" in part
                    if array:
                        part = part[:part.index("[")]
                    if ":" in part:
                        part = part[:part.index(":")]
                    idents = [w for w in part if re.match(r"[A-Za-z_]\w*$", w)]
                    if not idents:
                        continue
                    if number == 0:
                        type_words = idents[:-1]
                    fields[idents[-1]] = {"type": type_words[-1] if type_words else "", "pointer": part.count("*") > 0, "array": array,
                                          "line": tokens[position][1], "const": "const" in type_words}
            position = stop + 1

    def words(self):
        """Every identifier that is not a member of something, with its line."""
        found = []
        before = ""
        for token, line in self.tokens:
            if (token[0].isalpha() or token[0] == "_") and before not in ("->", "."):
                found.append((token, line))
            before = token
        found += [(self.pasting[macro][0] + argument, line) for (macro, _), (paren, _), (argument, line) in
                  zip(self.tokens, self.tokens[1:], self.tokens[2:]) if macro in self.pasting and paren == "("]
        return found + [(word, 0) for word in re.findall(r"[A-Za-z_]\w*", self.macros)]


def closing(words, opening):
    """Where what opens at opening is closed."""
    depth = 0
    for position in range(opening, len(words)):
        depth += (words[position] in "({[") - (words[position] in ")}]")
        if depth == 0:
            return position
    return len(words)


def split_commas(words):
    parts, depth = [[]], 0
    for word in words:
        depth += (word in "({[") - (word in ")}]")
        if word == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


class Tree:
    """All C files below a folder of a tree."""

    def __init__(self, top, folder="src"):
        self.files = {}
        for where, _, names in os.walk(os.path.join(top, folder)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    path = os.path.relpath(os.path.join(where, name), top)
                    with open(os.path.join(top, path)) as source:
                        self.files[path] = File(path, source.read())
        self.folder = folder
        self.defined = {}
        for path, file in self.files.items():
            if path.endswith(".c"):
                for name in file.externs:
                    self.defined.setdefault(name, []).append(path)
        self.prototypes = {}
        for file in self.files.values():
            for name, how in file.prototypes.items():
                if name not in file.statics:
                    self.prototypes.setdefault(name, how)

    def include(self, path, name):
        """The file of the tree that an include means, or None."""
        for candidate in (os.path.join(self.folder, name), os.path.join(os.path.dirname(path), name)):
            candidate = os.path.normpath(candidate)
            if candidate in self.files:
                return candidate
        return None

    def uses(self):
        """
        {file: {file: {names}}}: externs of one that another uses, which it can
        since it includes, itself or through others, what declares them.
        """
        found = {}
        for path, file in self.files.items():
            headers = [self.files[other] for other in self.reach(path) if other.endswith(".h")]
            declared = set().union(*(set(header.prototypes) | set(header.globals) for header in headers))
            prefixes = tuple(prefix for header in headers for prefix, _ in header.pasting.values())
            names = self._bodies(file) if path.endswith(".h") else {name for name, _ in file.words()}
            for name in {name for name in names - file.statics if name in declared or name.startswith(prefixes)}:
                homes = self.defined.get(name, ())
                if len(homes) == 1 and homes[0] != path:
                    found.setdefault(path, {}).setdefault(homes[0], set()).add(name)
        return found

    def reach(self, path):
        """The file and all that it includes, itself or through others."""
        reach, new = {path}, {path}
        while new:
            new = {found for other in new for found in (self.include(other, name) for name in self.files[other].includes) if found} - reach
            reach |= new
        return reach

    def visible(self, path):
        """The structs whose fields a file sees, by name."""
        found = {}
        for other in sorted(self.reach(path)):
            found.update(self.files[other].structs)
        found.update(self.files[path].structs)
        return found

    def _bodies(self, file):
        """What a header's inline functions and macros name."""
        names = set(re.findall(r"[A-Za-z_]\w*", file.macros))
        for _, body, end in file.functions.values():
            names.update(token for token, _ in file.tokens[body:end])
        return names

    def included(self):
        """{file: {file}}: includes within the tree."""
        return {path: {found for found in (self.include(path, name) for name in file.includes) if found} for path, file in self.files.items()}


def circles(graph):
    """Sets of nodes that reach each other, of more than one node each (Tarjan)."""
    index, low, stack, on, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on.add(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            members = set()
            while True:
                member = stack.pop()
                on.discard(member)
                members.add(member)
                if member == node:
                    break
            if len(members) > 1 or node in graph.get(node, ()):
                found.append(members)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found

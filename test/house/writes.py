"""writes: which files write which field of which struct.

Owns the following of a member chain from a variable, a call or a cast to the
field that is written: assigned, counted up or down, or lent to somebody who
may write it.  What is written to a variable of the function's own is its own.
"""
import re

from csource import ASSIGN, READS, WORDS, closing, split_commas

NAME = re.compile(r"[A-Za-z_]\w*$")


class Writes:
    """found: [(path, line, struct, field, lent)], field "*" for all of it, lent: the struct that the field is, when it is only lent, or a field of it is what is written; unclear: [(path, line, chain)]."""

    def __init__(self, tree):
        self.tree, self.found, self.unclear = tree, [], []
        for path, file in sorted(tree.files.items()):
            self.path, self.file, self.structs = path, file, tree.visible(path)
            self.globals = {}
            for other in tree.reach(path):
                self.globals.update(tree.files[other].globals)
            for _, (start, body, end) in sorted(file.functions.items()):
                self._function(start, body, end)

    # -- types ----------------------------------------------------------------
    def _declared(self, words, into, kind):
        """Variables that a declaration's words declare: {name: (type, pointers, const, kind)}."""
        for number, part in enumerate(split_commas(words)):
            if "=" in part:
                part = part[:part.index("=")]
            array = "[" in part
            if array:
                part = part[:part.index("[")]
            names = [w for w in part if NAME.match(w)]
            if number == 0:
                known = [w for w in names[:-1] if w in self.structs]
                if not known or not names:
                    return
                base, const = known[-1], "const" in names
            if names and names[-1] not in WORDS:
                into[names[-1]] = (base, part.count("*") + (1 if array and kind == "parameter" else 0), const, kind, array)

    def _variables(self, start, body, end):
        found = {}
        for name, (kind, pointers, array) in self.globals.items():
            if kind in self.structs:
                found[name] = (kind, pointers, False, "global", array)
        words = [token for token, _ in self.file.tokens[start:body]]
        if "(" in words:
            paren = words.index("(")
            for part in split_commas(words[paren + 1:closing(words, paren)]):
                self._declared(part, found, "parameter")
        words = [token for token, _ in self.file.tokens[body:end]]
        position = 0
        while position < len(words):
            if words[position] in self.structs and words[position - 1] not in ("->", ".", "(", ",", "sizeof", "*"):
                stop, depth = position, 0
                while stop < len(words) and not (words[stop] == ";" and depth == 0) and depth >= 0:
                    depth += (words[stop] in "({[") - (words[stop] in ")}]")
                    stop += 1
                before = words[position - 1]
                self._declared((["const"] if before == "const" else []) + words[position:stop], found, "static" if "static" in words[max(0, position - 3):position] else "local")
            position += 1
        return found

    def _result(self, name):
        """Struct that a function's result points to, or None."""
        if name not in self.tree.prototypes:
            return None
        known = [w for w in self.tree.prototypes[name][0] if w in self.structs]
        return known[-1] if known else None

    # -- chains ---------------------------------------------------------------
    def _function(self, start, body, end):
        self.variables = self._variables(start, body, end)
        self.words = [token for token, _ in self.file.tokens[body:end]]
        self.offset = body
        position = 0
        while position < len(self.words):
            word = self.words[position]
            before = self.words[position - 1] if position else ""
            if NAME.match(word) and word not in WORDS and before not in ("->", "."):
                self._chain(position, position)
            elif word == "(" and (not NAME.match(before) or before in ("return", "case")) and before not in (")", "]"):
                self._chain(position, position)
            position += 1

    def _base(self, position):
        """(type, pointers, own variable?, array?) of the expression that begins here, and where it ends; type None: not known."""
        word = self.words[position]
        if word == "(":
            close = closing(self.words, position)
            inner = self.words[position + 1:close]
            if inner[:1] == ["("]:          # ((Type *) x)
                cast_end = closing(inner, 0)
                known = [w for w in inner[:cast_end] if w in self.structs]
                if known and inner[cast_end - 1] == "*":
                    return known[-1], 1, False, False, close + 1
            if inner[:1] == ["*"] and len(inner) == 2 and inner[1] in self.variables:
                kind, pointers, _, _, array = self.variables[inner[1]]
                return kind, pointers - 1, False, array, close + 1
            if len(inner) == 1 and inner[0] in self.variables:
                kind, pointers, _, how, array = self.variables[inner[0]]
                return kind, pointers, pointers == 0 and how in ("local", "parameter"), array, close + 1
            return None, 0, False, False, close + 1
        if position + 1 < len(self.words) and self.words[position + 1] == "(":
            close = closing(self.words, position + 1)
            if word in ("dlist_container", "slist_container", "dlist_head_element", "slist_head_element", "linitial_node", "lfirst_node", "foreach_ptr"):
                first = self.words[position + 2]
                return (first if first in self.structs else None), 1, False, False, close + 1
            return self._result(word), 1, False, False, close + 1
        if word in self.variables:
            kind, pointers, _, how, array = self.variables[word]
            return kind, pointers, pointers == 0 and how in ("local", "parameter"), array, position + 1
        return None, 0, False, False, position + 1

    def _chain(self, start, position):
        struct, pointers, own, is_array, position = self._base(position)
        written = []            # what a write of the chain's end writes
        ended_array, field = is_array and not own, None
        text = self.words[start]
        known = struct is not None
        steps = members = 0
        while position < len(self.words):
            word = self.words[position]
            if word in ("->", "."):
                name = self.words[position + 1]
                text += word + name
                steps += 1
                members += 1
                if word == "->":
                    written, own = [], False
                if known:
                    fields = self.structs[struct]["fields"] if struct in self.structs else {}
                    if name not in fields:
                        known, struct = False, None
                    else:
                        field = fields[name]
                        written = written + [(struct, name)]
                        struct = field["type"]
                        pointers, ended_array = int(field["pointer"]), field["array"]
                        if struct not in self.structs:
                            struct, known = None, struct is not None
                position += 2
            elif word == "[":
                close = closing(self.words, position)
                if pointers and not ended_array:
                    written, own = [], False
                    pointers -= 1
                ended_array = False
                steps += 1
                position = close + 1
            else:
                break
        after = self.words[position] if position < len(self.words) else ""
        before = self.words[start - 1] if start else ""
        deref = 0
        while before == "*" and (start - 2 - deref < 0 or self.words[start - 2 - deref] in (";", "{", "}", "(", ",", "*", ")", "=") or self.words[start - 2 - deref] in ASSIGN):
            deref += 1
            before = self.words[start - 1 - deref] if start - 1 - deref >= 0 else ""
        writes = after in ASSIGN or after in ("++", "--") or before in ("++", "--")
        lent = False
        if before == "&" and not deref:
            lent = not self._binary(start - 1) and self._may_write(start - 1)
        elif not deref and after in (",", ")") and before in ("(", ",") and (ended_array and steps or self._wipes(start)):
            # a member of a library's struct is a pointer, as StringInfo's data is
            lent = known and self._may_write(start)
            if self._wipes(start) and pointers and not ended_array:
                # what it points to, not itself
                if struct in self.structs:
                    self._note(start, struct, "*")
                return
        if not writes and not lent:
            return
        line = self.file.tokens[self.offset + start][1]
        if not known and not written and steps:
            if members and struct is None and self._of_ours(text):
                self.unclear.append((self.path, line, text))
            return
        if own:
            return
        if deref and writes:
            if struct in self.structs and pointers == 1:
                self._note(start, struct, "*")
            return
        for number, (owner, name) in enumerate(written):
            last = number == len(written) - 1
            self._note(start, owner, name, written[number + 1][0] if not last else struct if lent and not writes and pointers == 0 else None)
        if writes and after == "=" and struct in self.structs and pointers == 0:
            self._note(start, struct, "*")

    def _of_ours(self, text):
        """The last member of the chain is a field of some struct of the tree."""
        last = re.split(r"->|\.", text)[-1]
        return any(last in struct["fields"] for struct in self.structs.values())

    def _note(self, start, struct, field, lent=None):
        self.found.append((self.path, self.file.tokens[self.offset + start][1], struct, field, lent))

    def _binary(self, position):
        before = self.words[position - 1] if position else ""
        return bool(NAME.match(before) and before not in ("return", "case", "else")) or before in (")", "]") or before[:1].isdigit()

    def _call(self, position):
        """(function, number of the argument) in whose list the position is, or (None, 0)."""
        depth, number = 0, 0
        for at in range(position - 1, -1, -1):
            word = self.words[at]
            if word in ")}]":
                depth += 1
            elif word in "({[":
                if depth == 0:
                    name = self.words[at - 1] if at else ""
                    return (name, number) if word == "(" and NAME.match(name) and name not in WORDS - {"sizeof"} else (None, 0)
                depth -= 1
            elif word == "," and depth == 0:
                number += 1
            elif word == ";":
                return None, 0
        return None, 0

    def _wipes(self, start):
        name, number = self._call(start)
        return name in ("memset", "memcpy", "memmove", "explicit_bzero") and number == 0

    def _may_write(self, position):
        """What is lent here, by its address, may be written by whom it is lent to."""
        name, number = self._call(position)
        if name is None:
            # kept in a variable: not, if that is to const
            if self.words[position - 1] == "=":
                first = position - 1
                while first and self.words[first - 1] not in (";", "{", "}"):
                    first -= 1
                kept = self.words[position - 2]
                return not ("const" in self.words[first:position] or kept in self.variables and self.variables[kept][2])
            return True
        if name in READS:
            return number in READS[name]
        if name in self.file.prototypes or name in self.tree.prototypes:
            parameters = (self.file.prototypes.get(name) or self.tree.prototypes[name])[1]
            if "..." in parameters[-1] and number >= len(parameters) - 1:
                return False    # as printf's
            return not (number < len(parameters) and "const" in parameters[number])
        return True

#!/usr/bin/env python3
"""names.py FILE...: names that a Python file uses and nobody gives it.

A test that imports all of a module with a star takes what that module has itself
imported, so an import that looks unused there may be the test's; ruff cannot tell
(F401 of the one, F405 of the other).  Here each star is followed.  Scopes are not
told apart: a name that is given anywhere in a file is one of the file's.
"""
import ast
import builtins
import os
import sys

GIVEN = set(dir(builtins)) | {"__file__", "__name__", "__doc__"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Files:
    def __init__(self, paths):
        self.trees = {path: ast.parse(open(path, encoding="utf-8").read(), path) for path in paths}
        self.names = {}

    def modules(self, path, name):
        """Files of this name; those beside the importing one, where there are any."""
        found = [other for other in self.trees if os.path.basename(other) == name.split(".")[-1] + ".py"]
        return [other for other in found if os.path.dirname(other) == os.path.dirname(path)] or found

    def of(self, path):
        """What a file gives to its own lines, and to whoever takes all of it."""
        if path in self.names:
            return self.names[path]
        names = self.names[path] = set()
        for node in ast.walk(self.trees[path]):
            if isinstance(node, FUNCTIONS):
                names.add(node.name)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                names.add(node.id)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                names.add(node.name)
            elif isinstance(node, ast.Import):
                names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names.update(alias.asname or alias.name for alias in node.names if alias.name != "*")
                if node.names[0].name == "*":
                    for other in self.modules(path, node.module):
                        names |= self.of(other)
        return names

    def missing(self, path):
        """(line, name) of each that is used and not given."""
        has = self.of(path) | GIVEN
        for node in ast.walk(self.trees[path]):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in has:
                yield node.lineno, node.id
            elif isinstance(node, ast.ImportFrom) and node.module:
                others = self.modules(path, node.module)
                for alias in node.names:
                    if others and alias.name != "*" and not any(alias.name in self.of(other) for other in others):
                        yield node.lineno, alias.name


def main():
    files = Files(sys.argv[1:])
    told = ["%s:%d: %s is given by nobody" % (path, line, name) for path in files.trees for line, name in sorted(set(files.missing(path)))]
    print("\n".join(told), end="\n" if told else "")
    return 1 if told else 0


sys.exit(main())

#!/usr/bin/env python3
"""openapi.py: what docs/openapi.yaml says, for the pgTAP tests of the REST API.

    openapi.py routes            JSON: [[method, path], ...] that cdc.rest serves
    openapi.py examples          faults of the document and of its examples
    openapi.py bodies            JSON: [[method, path, name, body, status], ...] of the examples of
                                 requests, with the status of success
    openapi.py check FILE        faults of answers: FILE has one JSON object a line,
                                 {"method","path","status","headers","body"}
    openapi.py unseen FILE       operations' statuses that no answer of FILE has

Faults are lines of text; no line means none.
"""
import json
import os
import re
import sys
import urllib.parse

import jsonschema
import yaml

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/openapi.yaml")
METHODS = ("get", "post", "put", "patch", "delete")

with open(PATH) as text:
    DOCUMENT = yaml.safe_load(text)


def resolve(thing):
    while isinstance(thing, dict) and "$ref" in thing:
        found = DOCUMENT
        for part in thing["$ref"].lstrip("#/").split("/"):
            found = found[part]
        thing = found
    return thing


def faults(schema, value):
    """What is wrong with a value, as texts."""
    whole = dict(schema, components=DOCUMENT["components"])
    return ["%s: %s" % ("/".join(map(str, e.absolute_path)) or ".", e.message)
            for e in jsonschema.Draft202012Validator(whole).iter_errors(value)]


def operations():
    """(method, path, operation, parameters) of everything."""
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                yield method.upper(), path, operation, \
                    [resolve(p) for p in item.get("parameters", []) + operation.get("parameters", [])]


def routes():
    print(json.dumps([[m, p] for m, p, _, _ in operations() if "x-served-by" not in DOCUMENT["paths"][p]]))


def contents(where, holder):
    """Examples of a body, with what is wrong with each."""
    for media in holder.get("content", {}).values():
        schema = media.get("schema")
        if schema is None:
            print("%s: no schema" % where)
            continue
        for name, example in media.get("examples", {}).items():
            for fault in faults(schema, resolve(example)["value"]):
                print("%s, example %s: %s" % (where, name, fault))


def examples():
    seen = set()
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for method, path, operation, parameters in operations():
        where = "%s %s" % (method, path)
        if operation["operationId"] in seen:
            print("%s: operationId is not unique" % where)
        seen.add(operation["operationId"])
        declared = sorted(p["name"] for p in parameters if p["in"] == "path")
        if declared != sorted(re.findall(r"\{(\w+)\}", path)):
            print("%s: its parameters are %s" % (where, declared))
        if method in ("POST", "PUT", "PATCH") and "requestBody" in operation:
            if not any(m.get("examples") for m in operation["requestBody"]["content"].values()):
                print("%s: no example of a body" % where)
            contents(where, operation["requestBody"])
        for status, response in operation["responses"].items():
            contents("%s %s" % (where, status), resolve(response))


def bodies():
    found = []
    for method, path, operation, _ in operations():
        status = min(operation["responses"])
        for media in operation.get("requestBody", {}).get("content", {}).values():
            found += [[method, path, name, json.dumps(resolve(example)["value"]), status] for name, example in media.get("examples", {}).items()]
    print(json.dumps(found))


def find(method, path):
    """The operation that a request means."""
    bare = urllib.parse.unquote(re.sub(r"(.)/$", r"\1", path.split("?")[0]), errors="replace")
    for m, template, operation, _ in operations():
        pattern = "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in template.split("/"))
        if m == method.replace("HEAD", "GET") and re.fullmatch(pattern, bare):
            return template, operation
    return None, None


def check(file):
    """Yields (operation id, status) of every answer; prints what is wrong with one."""
    for line in open(file):
        answer = json.loads(line)
        where = "%s %s -> %s" % (answer["method"], answer["path"], answer["status"])
        template, operation = find(answer["method"], answer["path"])
        status = str(answer["status"])
        if operation is None:
            if status not in ("400", "401", "404", "405"):
                print("%s: the document has no such operation" % where)
            responses = {}
        else:
            responses = operation["responses"]
            if status not in responses and status not in ("500", "503", "401"):
                print("%s: %s has no such status" % (where, operation["operationId"]))
                continue
            yield operation["operationId"], status
        response = resolve(responses.get(status, {"$ref": "#/components/responses/Other"}))
        for name in response.get("headers", {}):
            if name.lower() not in answer["headers"]:
                print("%s: no header %s" % (where, name))
        if "content" not in response:
            if answer["body"] is not None:
                print("%s: it has a body" % where)
            continue
        kind = answer["headers"]["content-type"].split(";")[0]
        if kind not in response["content"]:
            print("%s: content type %s" % (where, kind))
        elif kind == "application/json":
            for fault in faults(response["content"][kind]["schema"], json.loads(answer["body"])):
                print("%s: %s: %s" % (where, fault, answer["body"]))


def unseen(file):
    seen = set(check(file))
    for method, path, operation, _ in operations():
        if "x-served-by" in DOCUMENT["paths"][path]:
            continue
        for status in operation["responses"]:
            # the gateway's: 401, and 403 to a role that may not even call
            gateways = status == "401" or (status == "403" and method == "GET" and path != "/metrics")
            if status != "default" and not gateways and (operation["operationId"], status) not in seen:
                print("no request of the test is answered %s by %s" % (status, operation["operationId"]))


if __name__ == "__main__":
    if sys.argv[1] == "check":
        for _ in check(sys.argv[2]):
            pass
    elif sys.argv[1] == "unseen":
        unseen(sys.argv[2])
    else:
        {"routes": routes, "examples": examples, "bodies": bodies}[sys.argv[1]]()

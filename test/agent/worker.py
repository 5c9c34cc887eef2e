#!/usr/bin/env python3
"""worker.py PORT PLUGIN_DIR: lists, as Kafka Connect does, the plugins that it
found when it started.  A plugin with a file "poison" ends it at the start."""
import http.server
import json
import os
import sys
import time

port, plugins = int(sys.argv[1]), sys.argv[2]
found = []
for name in sorted(os.listdir(plugins)):
    path = os.path.join(plugins, name)
    if os.path.exists(os.path.join(path, "poison")):
        sys.exit("NoClassDefFoundError")
    if os.path.exists(os.path.join(path, "version")):
        found.append({"class": "io.debezium.connector.postgresql.PostgresConnector", "type": "source", "version": open(os.path.join(path, "version")).read()})


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.HTTPServer.allow_reuse_address = True
deadline = time.monotonic() + 5
while True:
    try:
        server = http.server.HTTPServer(("127.0.0.1", port), Handler)
        break
    except OSError:
        # the one before it was killed, and may not have ended yet
        if time.monotonic() > deadline:
            raise
        time.sleep(0.02)
server.serve_forever()

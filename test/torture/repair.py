"""repair.py: who brings a stream over a failover: the product, a script that is
told of it, or the bare minimum.

Owns what each needs (a pipeline; or a publication, a connector, shadow slots by
hand).  All answer the same questions, so that one harness drives all three:

  setup()             streaming when it returns
  ready()             a failover may happen
  told(port)          the new primary; only those that are not the product listen
  repaired()          nothing is being repaired any more
  intervals()         what was said about phantoms, for judge.py
  regapped()          a new snapshot was taken
"""
import datetime
import threading
import time

import lib
from judge import Interval
from writer import ADDRESS, Connection, nodes


def lsn(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def milliseconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


class Product:
    def __init__(self, table, options=None):
        self.table, self.prefix, self.options = table, lib.word("tt"), options
        self.topic = "%s.public.%s" % (self.prefix, table)
        self.id = None

    def make(self):
        """The pipeline, which setup() makes otherwise; its id."""
        more = {"options": self.options} if self.options else {}
        self.id = lib.create(None, [self.table], "defaultdb", self.prefix, **more)
        return self.id

    def setup(self):
        if self.id is None:
            self.make()
        if not lib.wait(self.repaired, 90):
            raise RuntimeError("the pipeline does not run:\n" + lib.story(self.id))

    def ready(self):
        """Every standby that lives; the service may know others."""
        try:
            rows = dict(lib.meta.rows("SELECT node, ready FROM cdc.failover_readiness WHERE pipeline_id = '%s'" % self.id))
        except lib.DbError:
            return False
        return all(rows.get("%s:%d" % (ADDRESS[port], port)) == "t" for _, _, port in nodes()[1:])

    def why(self):
        return lib.meta.lines("SELECT node, ready, missing, fix_sql FROM cdc.failover_readiness WHERE pipeline_id = '%s'" % self.id) + lib.story(self.id)

    def told(self, port):
        pass

    def repaired(self):
        row = lib.spec(self.id)
        return row and row["status"] == "Running" and not row["error_message"]

    def intervals(self):
        found = []
        for event in lib.events(self.id, "kind IN ('failover', 'gap')"):
            said = (event["detail"] or {}).get("phantoms")
            if said:
                found.append(Interval(lsn(said["after_lsn"]), said.get("to_lsn") and lsn(said["to_lsn"]), milliseconds(said["before"])))
        return found

    def regapped(self):
        return any((event["detail"] or {}).get("action") == "resnapshot" for event in lib.events(self.id, "kind = 'gap'"))

    def close(self):
        """Nothing of it fails over any more; lib.clean_up tells when it does not go."""
        if not (lib.spec(self.id) or {}).get("deleted_at"):
            lib.delete(self.id)
        lib.wait(lambda: (lib.spec(self.id) or {}).get("deleted_at"), 45)


class Script:
    """By hand: a shadow slot on every standby (native: Debezium's failover slot), and
    on a failover: stop, compare, put the offset back, new address, resume."""

    def __init__(self, table, native=False):
        self.table, self.native = table, native
        self.name = lib.word("hand")
        self.topic = "%s.public.%s" % (self.name, table)
        self.found = []
        self.over = False

    def config(self, port):
        server = dict(item.split("=", 1) for item in lib.SERVER_DSN.split())
        config = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": "1", "database.hostname": ADDRESS[port], "database.port": str(port),
            "database.dbname": "defaultdb", "database.user": server["user"], "database.password": server["password"], "database.sslmode": "prefer",
            "plugin.name": "pgoutput", "slot.name": self.name, "publication.name": self.name, "publication.autocreate.mode": "disabled", "topic.prefix": self.name,
            "snapshot.mode": "initial", "offset.mismatch.strategy": "no_validation", "table.include.list": "public\\." + self.table,
            "key.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schemas.enable": "false",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false", "decimal.handling.mode": "double",
            "heartbeat.interval.ms": "5000", "heartbeat.action.query": "SELECT pg_catalog.pg_logical_emit_message(false, 'by_hand', '')",
            "message.prefix.exclude.list": "by_hand", "errors.max.retries": "10",
            "topic.creation.default.replication.factor": "-1", "topic.creation.default.partitions": "-1"}
        if self.native:
            config["slot.failover"] = "true"
        return config

    def call(self, method, path, body=None, good=(200, 201, 202, 204)):
        code, answer = lib.rest(method, "/connectors/%s%s" % (self.name, path), body)
        if code not in good:
            raise RuntimeError("%s %s: %s %s" % (method, path, code, answer))
        return answer

    def slot(self, port, column="active"):
        connection = self.connections.setdefault(port, Connection(port))
        return connection.one("SELECT %s FROM pg_replication_slots WHERE slot_name = '%s'" % (column, self.name))

    def setup(self):
        self.connections = {}
        port = nodes()[0][2]
        connection = Connection(port)
        connection.rows('CREATE PUBLICATION "%s" FOR TABLE %s' % (self.name, self.table))
        connection.close()
        self.call("PUT", "/config", self.config(port))
        if not lib.wait(lambda: self.slot(port) == "t" and self.completed(), 60):
            raise RuntimeError("by hand: does not stream: %s" % (lib.rest("GET", "/connectors/%s/status" % self.name),))
        self.shadows = threading.Thread(target=self.shadow, daemon=True)
        self.shadows.start()

    def completed(self):
        offsets = self.call("GET", "/offsets")["offsets"]
        return offsets and "lsn" in offsets[0]["offset"] and offsets[0]["offset"].get("last_snapshot_record") is not False

    def ready(self):
        standbys = nodes()[1:]
        try:
            if self.native:
                return bool(standbys) and all(self.slot(port, "synced AND NOT temporary AND invalidation_reason IS NULL") == "t" for _, _, port in standbys)
            primary = self.slot(nodes()[0][2], "confirmed_flush_lsn")
            return bool(standbys) and all((self.slot(port, "confirmed_flush_lsn <= '%s'" % primary)) == "t" for _, _, port in standbys)
        except lib.DbError:
            return False

    def why(self):
        return "%s" % ([(name, self.slot(port, "to_jsonb(pg_replication_slots)")) for name, _, port in nodes()],)

    def shadow(self):
        """A slot on each standby, behind the primary's."""
        while not self.over and not self.native:
            try:
                ports = [port for _, _, port in nodes()]
                flushed = Connection(ports[0]).one("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '%s'" % self.name)
                for port in ports[1:] if flushed else ():
                    self.shade(ports[0], port, flushed)
            except (lib.DbError, OSError, IndexError, ValueError):
                pass
            time.sleep(0.5)

    def shade(self, primary, port, flushed):
        standby = Connection(port)
        try:
            if not standby.one("SELECT 1 FROM pg_replication_slots WHERE slot_name = '%s'" % self.name):
                creator = threading.Thread(target=lambda: Connection(port).rows("SELECT pg_create_logical_replication_slot('%s', 'pgoutput')" % self.name), daemon=True)
                creator.start()
                upstream = Connection(primary)
                while creator.is_alive():       # it waits for a snapshot record
                    upstream.rows("SELECT pg_log_standby_snapshot()")
                    creator.join(0.2)
                upstream.close()
            else:
                standby.rows("SELECT pg_replication_slot_advance(slot_name, least('%s'::pg_lsn, pg_last_wal_replay_lsn())) FROM pg_replication_slots "
                             "WHERE slot_name = '%s' AND pg_is_in_recovery() AND confirmed_flush_lsn < least('%s'::pg_lsn, pg_last_wal_replay_lsn())" % (flushed, self.name, flushed))
        finally:
            standby.close()

    def told(self, port):
        new = Connection(port)
        self.call("PUT", "/stop")
        lib.wait(lambda: not self.call("GET", "/status")["tasks"], 60, 0.02)
        stopped = time.time() * 1000
        history = new.one("SELECT pg_read_file('pg_wal/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.history')")
        switch = lsn([line.split("\t")[1] for line in history.splitlines() if "\t" in line][-1])
        offset = self.call("GET", "/offsets")["offsets"][0]
        if offset["offset"]["lsn_commit"] > switch:
            self.found.append(Interval(switch, None, stopped))
        if max(offset["offset"][key] for key in ("lsn", "lsn_proc", "lsn_commit")) > switch:
            self.rewind(new, offset["partition"])
        self.call("PUT", "/config", self.config(port))
        self.call("PUT", "/resume")
        lib.wait(lambda: self.slot(port) == "t", 60)
        new.close()

    def rewind(self, new, partition):
        kept = int(new.one("SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots WHERE slot_name = '%s'" % self.name))
        self.call("PATCH", "/offsets", {"offsets": [{"partition": partition, "offset": {"lsn": kept - 1, "lsn_proc": kept - 1, "lsn_commit": kept, "txId": 1, "ts_usec": 1}}]})

    def repaired(self):
        try:
            return self.slot(nodes()[0][2]) == "t"
        except lib.DbError:
            return False

    def intervals(self):
        return self.found

    def regapped(self):
        return False

    def close(self):
        self.over = True
        lib.rest("PUT", "/connectors/%s/stop" % self.name)
        lib.wait(lambda: lib.rest("DELETE", "/connectors/%s/offsets" % self.name)[0] in (200, 404), 30)
        lib.rest("DELETE", "/connectors/" + self.name)
        if not self.native:
            self.shadows.join(10)
        for _, _, port in nodes():
            try:
                lib.wait(lambda: self.slot(port) != "t", 30)
                Connection(port).rows("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '%s'" % self.name)
            except lib.DbError:
                pass
        Connection(nodes()[0][2]).rows('DROP PUBLICATION IF EXISTS "%s"' % self.name)


class Forgetful(Script):
    """A script that does not know of offsets that are ahead of the new history."""

    def rewind(self, new, partition):
        pass


class Naive(Script):
    """What one does who trusts Debezium: no slot beforehand, then the new address."""

    def ready(self):
        return len(nodes()) > 1

    def shadow(self):
        pass

    def told(self, port):
        self.call("PUT", "/config", self.config(port))

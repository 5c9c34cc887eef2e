"""cluster.py: a PostgreSQL server of a test's own, with or without the extension.

Owns: its directory, its process and psql on its socket.  Knows no organization
and no service.
"""
import atexit
import os
import shutil
import subprocess

from tap import free_port, diag

PG_BIN = os.environ.get("CHECK_PG_BIN", "/usr/lib/postgresql/%s/bin" % os.environ.get("CHECK_PG_VERSION", "15"))


class Cluster:
    """
    A PostgreSQL on a TCP port that wants SCRAM; settings: more lines of postgresql.conf.  With the extension and its
    worker in database cdc, unless plain says that it is any other server.  preload: a library that its processes load
    before all others.
    """

    def __init__(self, copy_of=None, settings="", plain=False, preload=None):
        self.preload = preload
        self.port = free_port()
        self.dir = subprocess.check_output(["mktemp", "-d", "/var/tmp/cdc_cluster.XXXXXX"], text=True).strip()
        os.chmod(self.dir, 0o755)
        shutil.chown(self.dir, "postgres")
        self.data = os.path.join(self.dir, "data")
        atexit.register(self.remove)
        if copy_of:
            self.postgres("pg_basebackup", "-D", self.data, "-h", copy_of.dir, "-p", str(copy_of.port), "-U", "postgres", "-R", "-c", "fast", "-X", "stream")
            self.configure("")
        else:
            self.postgres("initdb", "-D", self.data, "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "-N", "--no-instructions")
            self.configure("fsync = off\n")
        if not copy_of and not plain:
            self.prepare_metadata()
        if not copy_of:
            self.configure(settings)
        self.start()
        if not copy_of and not plain:
            self.sql("CREATE EXTENSION cdc_pipeline")

    def prepare_metadata(self):
        """A key, and a database for the worker to start in."""
        key = os.path.join(self.data, "cdc.key")
        with open(key, "wb") as out:
            out.write(os.urandom(32))
        os.chmod(key, 0o600)
        shutil.chown(key, "postgres")
        self.configure("shared_preload_libraries = ''\ncdc_pipeline.secret_key_file = '%s'\n" % key)
        self.start()
        self.sql("CREATE DATABASE cdc", "postgres")
        self.stop()
        self.configure("shared_preload_libraries = 'cdc_pipeline'\ncdc_pipeline.database_name = 'cdc'\ncdc_pipeline.member_networks = '127.0.0.0/8'\nmax_connections = 200\nwal_level = replica\n")

    def postgres(self, program, *arguments):
        """Runs one of PostgreSQL's programs as its user."""
        done = subprocess.run(["runuser", "-u", "postgres", "--", os.path.join(PG_BIN, program)] + list(arguments), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")
        if done.returncode != 0:
            raise RuntimeError("%s: %s" % (program, done.stdout))

    def configure(self, text):
        with open(os.path.join(self.data, "postgresql.conf"), "a") as conf:
            conf.write("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n%s" % (self.port, self.dir, text))

    def start(self):
        log = os.path.join(self.dir, "log")
        try:
            self.postgres_detached("start")
        except RuntimeError:
            diag(open(log, errors="replace").read()[-2000:])
            raise

    def postgres_detached(self, verb):
        # the server must not hold our pipe open
        done = subprocess.run(["runuser", "-u", "postgres", "--", os.path.join(PG_BIN, "pg_ctl"), "-D", self.data, "-w", "-s", "-t", "60",
                               "-l", os.path.join(self.dir, "log"), verb], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                              env=dict(os.environ, LD_PRELOAD=self.preload) if self.preload else None)
        if done.returncode != 0:
            raise RuntimeError("pg_ctl %s failed" % verb)

    def stop(self, mode="fast"):
        self.postgres("pg_ctl", "-D", self.data, "-m", mode, "-w", "-s", "-t", "60", "stop")

    def promote(self):
        self.postgres("pg_ctl", "-D", self.data, "-w", "-s", "promote")

    def running(self):
        return os.path.exists(os.path.join(self.data, "postmaster.pid"))

    def log(self):
        return open(os.path.join(self.dir, "log"), errors="replace").read()

    def remove(self):
        if self.running():
            try:
                self.stop("immediate")
            except RuntimeError:
                pass
        shutil.rmtree(self.dir, ignore_errors=True)

    def sql(self, statement, database="cdc", user="postgres"):
        """What psql -At prints; statements run as one transaction only when they say so."""
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.dir, "-p", str(self.port), "-U", user, "-d", database],
                              input=statement, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.rstrip("\n")

    def dsn(self, user=None):
        return "host=127.0.0.1 port=%d dbname=cdc" % self.port + (" user=" + user if user else "")

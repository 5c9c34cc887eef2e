#!/usr/bin/env python3
"""075_honest.t: sources as people have them: who is what he says is let in, and where he is not, he reads what to change."""
import os, re, shutil, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import *

PASSWORD = "an-honest-secret-5b"


def certificate(world, name, *algorithm):
    """A certificate that signs itself, in the source's directory; its text."""
    files = [os.path.join(world.source.data, name + end) for end in (".key", ".crt")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-keyout", files[0], "-out", files[1], "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-days", "30"], check=True, stderr=subprocess.DEVNULL)
    for file in files:
        shutil.chown(file, "postgres")
        os.chmod(file, 0o600)
    return open(files[1]).read()


def configure(world, line, tls=None):
    """The source's pg_hba.conf for TCP, and the certificate that it shows."""
    with open(os.path.join(world.source.data, "pg_hba.conf"), "w") as hba:
        hba.write("local all all trust\n%s\n" % line)
    if tls:
        world.source.sql("ALTER SYSTEM SET ssl_cert_file = '%s.crt'" % tls, "postgres")
        world.source.sql("ALTER SYSTEM SET ssl_key_file = '%s.key'" % tls, "postgres")
    world.source.sql("ALTER SYSTEM SET ssl = %s" % ("on" if tls else "off"), "postgres")
    loaded = world.source.sql("SELECT pg_conf_load_time()", "postgres")
    world.source.sql("SELECT pg_reload_conf()", "postgres")
    wait(lambda: world.source.sql("SELECT pg_conf_load_time()", "postgres") != loaded)
    wait(lambda: world.source.sql("SHOW ssl", "postgres") == ("on" if tls else "off"))


def outcome(world, user, **more):
    """The service's status, or what is said of it."""
    id = world.register("alice", "postgresql", world.true_source(admin_user=user, admin_password=PASSWORD, **more))

    def known():
        return world.sql("SELECT CASE status WHEN 'pending' THEN status_message ELSE status END FROM cdc.service WHERE id = %s" % literal(id))
    return wait(known, 20, 0.05)


def main_test():
    world = World(bystander=False)
    world.source.sql("SET password_encryption = 'md5'; CREATE ROLE md5_admin SUPERUSER LOGIN PASSWORD '%s'; "
                     "SET password_encryption = 'scram-sha-256'; CREATE ROLE scram_admin SUPERUSER LOGIN PASSWORD '%s'" % (PASSWORD, PASSWORD), "postgres")

    # what the docs tell a superuser to grant to who is to make an organization is enough for all that follows
    granted = re.search(r"`(GRANT EXECUTE ON FUNCTION cdc.create_organization[^`]*)`", open(os.path.join(TOP, "docs/operations.md")).read())
    world.sql("CREATE ROLE carl LOGIN; CREATE ROLE dora LOGIN; " + (granted.group(1).replace("TO role", "TO carl") if granted else ""))
    world.orgs["carl"] = world.sql("SELECT cdc.create_organization('first')", "carl")
    equal(world.sql("SELECT count(*) FROM cdc.list_pipelines(); SELECT cdc.add_member(%s, 'dora')" % literal(world.orgs["carl"]), "carl"), "0", "who was granted what the docs say makes an organization and asks somebody in")
    equal(world.sql("SELECT cdc.accept_membership(organization) FROM cdc.invitations(); SELECT slug FROM cdc.organization", "dora"), "\nfirst", "who accepts, and sees it")

    configure(world, "host all all 127.0.0.1/32 md5")
    equal(outcome(world, "scram_admin"), "running", "a line that says md5, and a password that is stored as SCRAM")
    like(outcome(world, "md5_admin"), "an MD5 hash of the password; it was not sent. Set password_encryption = 'scram-sha-256'", "... and one that is stored as MD5: what to set is said")

    for name, algorithm in (("rsa", ["rsa:2048"]), ("pss", ["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])):
        ca = certificate(world, name, *algorithm)
        configure(world, "hostssl all all 127.0.0.1/32 scram-sha-256", name)
        equal(outcome(world, "scram_admin"), "running", "a certificate (%s) that signs itself, under prefer" % name)
        equal(outcome(world, "scram_admin", sslmode="require"), "running", "... under require")
        equal(outcome(world, "scram_admin", sslmode="verify-full", ca=ca), "running", "... under verify-full, given as the ca")

    certificate(world, "ed", "ed25519")
    configure(world, "hostssl all all 127.0.0.1/32 scram-sha-256", "ed")
    like(outcome(world, "scram_admin"), "(Ed25519, Ed448): give it one with an RSA or ECDSA key", "a certificate that SCRAM cannot be bound to: which one can is said")


main(main_test)

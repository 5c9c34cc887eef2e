#!/usr/bin/env python3
"""make demo's script: the product page from its top to its end, on servers that are made.

The demo runs the page's commands and ends badly where an answer is not the page's.
Here: that it ran every command as it stands there, what it showed, and that
nothing of the services is left.
"""
from lib import *

sys.path.insert(0, os.path.join(TOP, "test/spec"))
import page


def below(path):
    """Processes that work below a directory."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.readlink("/proc/%s/cwd" % entry).startswith(path + "/"):
                found.append(int(entry))
        except OSError:
            pass
    return found


def test():
    before = meta.one("SELECT count(*) FROM cdc.service WHERE deleted_at IS NULL")
    networks = sdn()
    began = time.monotonic()
    done = subprocess.run([os.path.join(TOP, "test", "demo")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=580, text=True)
    diag("it took %.1f s" % (time.monotonic() - began))
    out = done.stdout
    equal(done.returncode, 0, "the demo returns 0") or diag(out[-6000:])
    typed = "".join(out.split())
    for kind, found in page.curl_commands().items():
        # the reason of a failure is asked for where there is one
        for command, _ in found if kind != "reason" else []:
            ok("".join(command.replace(page.HOST, env["CDC_API_URL"]).split()) in typed, "it ran the page's: " + " ".join(command.split())[:100])
    states = re.findall(r"^ +\d+\.\d s  (provisioning|running|error)", out, re.M)
    ok("provisioning" in states and "running" in states and "error" not in states, "services come from provisioning to running", states)
    # from the pipeline's events: a look every 0.2 s may miss a step that takes less
    steps = re.findall(r"^ +(\w+) +\| \d\d:\d\d:\d\d\.\d\d\d$", out, re.M)
    equal(steps, ["ensure_network", "install_plugin", "prepare_source", "create_publication", "create_connector", "Running"], "the pipeline's steps are shown, their networks being joined first")
    ok('"total": 99.95' in out and '"op": "c"' in out, "the page's row arrives")
    equal((sorted(os.listdir(env["CDC_SERVICES"])), below(env["CDC_SERVICES"])), (["deleted.json", "fence.json"], []), "no file and no process of a service is left")
    equal(sdn(), networks, "no network, no router and no peering")
    equal(meta.one("SELECT count(*) FROM cdc.service WHERE deleted_at IS NULL"), before, "nor a row")
    equal(meta.one("SELECT count(*) FROM cdc.service_secret x JOIN cdc.service s ON s.id = x.service_id WHERE s.deleted_at IS NOT NULL"), "0", "nor a secret")
    equal(meta.one("SELECT count(*) FROM cdc.pipeline_spec p JOIN cdc.service s ON s.id = p.source_service_id WHERE s.provider = 'local' AND p.settled_at IS NULL"), "0", "nor a pipeline that is still looked at")


main(test)

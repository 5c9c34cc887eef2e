#!/usr/bin/env python3
"""The agent's systemd units: systemd reads them without a word; what their sandboxes leave; their configurations are ones that the agent reads."""
from lib import *
import unit_file

SOURCES = os.path.join(TOP, "src/agent")
# The second is root's and has no sandbox: the services that it starts would be in it.
UNITS = {"cdc_agent.service": ("agent.json", 2.5), "cdc_agent_host.service": ("host.json", 9.5)}


def test():
    for name, (configuration, exposed) in UNITS.items():
        text = unit_file.check(os.path.join(SOURCES, name), PROGRAM, exposed)
        equal(re.search(r"^ExecStart=(.*)", text, re.M).group(1), "/usr/sbin/cdc_agent --config /etc/cdc_agent/" + configuration, "%s starts the agent with %s" % (name, configuration))
        # the example as it is, but for the directory where the token lies
        example = open(os.path.join(SOURCES, configuration)).read()
        path = write(os.path.join(work, configuration), example.replace("/etc/cdc_agent/", work + "/"))
        done = subprocess.run([PROGRAM, "--config", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
        like(done.stdout, os.path.basename(json.loads(example)["token_file"]), "what it misses then is the token alone")


main(test)

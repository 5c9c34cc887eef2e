"""instrumented.py: a PostgreSQL of its own for a library that was compiled with instruments.

Owns: a copy of an installation, which PostgreSQL finds by where its programs are, so
that the installed one stays as it is; the instruments' environment of its servers.
"""
import os
import shutil
import subprocess

# Leaks are no faults where memory contexts free; a fault ends the process, so that the test sees it too.
SANITIZER_OPTIONS = "detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1:halt_on_error=1:print_stacktrace=1"


def installation(to, version, environment):
    """Copies the installation below to, and gives its directory of programs; servers started there have the environment too."""
    for part in ("lib", "share"):
        shutil.copytree("/usr/%s/postgresql/%s" % (part, version), "%s/usr/%s/postgresql/%s" % (to, part, version), symlinks=True)
    os.makedirs(to + "/usr/include")
    os.symlink("/usr/include/postgresql", to + "/usr/include/postgresql")
    libraries = subprocess.check_output(["/usr/lib/postgresql/%s/bin/pg_config" % version, "--libdir"], text=True).strip()
    os.symlink(libraries, to + libraries)
    programs = "%s/usr/lib/postgresql/%s/bin" % (to, version)
    os.rename(programs + "/postgres", programs + "/postgres.real")
    with open(programs + "/postgres", "w") as script:
        script.write('#!/bin/bash\nexport CHECK_INSTRUMENTED=1 %s\nexec -a "$0" "$0.real" "$@"\n' % " ".join("%s='%s'" % item for item in environment.items()))
    os.chmod(programs + "/postgres", 0o755)
    return programs


def sanitizers(to, log):
    """Environment of a server whose library has ASan and UBSan, with what it needs in directory to; what they say goes to files that begin with log."""
    first = os.path.join(to, "asan_first.so")
    subprocess.check_call(["gcc", "-shared", "-fPIC", "-Wl,-z,initfirst", "-o", first, os.path.join(os.path.dirname(os.path.abspath(__file__)), "asan_first.c")])
    libasan = os.path.realpath(subprocess.check_output(["gcc", "-print-file-name=libasan.so"], text=True).strip())
    options = "%s:log_path=%s" % (SANITIZER_OPTIONS, log)
    return {"LD_PRELOAD": "%s %s" % (libasan, first), "ASAN_OPTIONS": options, "UBSAN_OPTIONS": options}

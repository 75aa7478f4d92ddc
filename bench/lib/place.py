"""Where things are, what the machine is, and which core is whose."""
import glob
import os
import platform
import socket
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(TOP, "bench")
BUILD = os.path.join(TOP, "build", "bench")
MODULE = os.path.join(TOP, "build", ".libs", "mod_playcount.so")
FLOOR = os.path.join(BUILD, ".libs", "mod_floor.so")
LOAD = os.path.join(BUILD, "load")

QUICK = bool(os.environ.get("QUICK"))
FULL = not any(os.environ.get(v) for v in ("QUICK", "ROUNDS", "SECONDS_EACH"))

_cores = sorted(os.sched_getaffinity(0))
SERVER_CORES = {_cores[0]}
LOAD_CORES = {_cores[1]} if len(_cores) > 1 else {_cores[0]}
ALL_CORES = set(_cores)
LOAD_ALONE = LOAD_CORES != SERVER_CORES


def rounds(full=5, quick=2):
    """How many interleaved rounds: ROUNDS, or by QUICK."""
    return int(os.environ.get("ROUNDS", quick if QUICK else full))


def seconds(full=1.0, quick=0.4):
    """How long one measurement takes: SECONDS, or by QUICK."""
    return float(os.environ.get("SECONDS_EACH", quick if QUICK else full))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def backlog():
    """The longest queue of connections that the kernel allows."""
    with open("/proc/sys/net/core/somaxconn") as f:
        return min(8192, int(f.read()))


def _first(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout or done.stderr).strip().splitlines()[0]
    except (OSError, IndexError):
        return ""


def machine():
    """One line on the hardware and the system."""
    model = ""
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name = ""
    with open("/etc/os-release") as f:
        for line in f:
            if line.startswith("PRETTY_NAME="):
                name = line.split("=", 1)[1].strip().strip('"')
    return "%s, %d cores, %.0f GB, %s, Linux %s" % (
        model, len(_cores), memory, name, platform.release())


def versions(packages):
    """{package: version} of those Debian packages that are installed."""
    found = {}
    for package in packages:
        version = _first(["dpkg-query", "-W", "-f", "${Version}", package])
        if version and " " not in version:
            found[package] = version
    return found


def apxs(what):
    return _first([os.environ.get("APXS", "apxs"), "-q", what])


def httpd_program():
    return os.path.join(apxs("sbindir"), apxs("progname"))


def modules_directory():
    return apxs("LIBEXECDIR")


def revision():
    return _first(["git", "-C", TOP, "describe", "--always", "--dirty"])


def require_built():
    for path in (MODULE, FLOOR, LOAD):
        if not glob.glob(path):
            raise SystemExit("bench: %s is missing; run make bench" % path)

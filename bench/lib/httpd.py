"""A private httpd."""
import os

from . import place
from .server import Server

CONFIG = """\
ServerRoot @DIR@
ServerName localhost
Listen 127.0.0.1:@PORT@
ListenBackLog @BACKLOG@
PidFile @DIR@/httpd.pid
DefaultRuntimeDir @DIR@
ErrorLog @DIR@/error.log
LogLevel warn
@USER@
LoadModule mpm_@MPM@_module @MODULES@/mod_mpm_@MPM@.so
LoadModule authz_core_module @MODULES@/mod_authz_core.so
ServerLimit @PROCESSES@
StartServers @PROCESSES@
ThreadLimit @THREADS@
ThreadsPerChild @THREADS@
MaxRequestWorkers @WORKERS@
MinSpareThreads 1
MaxSpareThreads @WORKERS@
@ASYNC@
KeepAlive On
KeepAliveTimeout 75
MaxKeepAliveRequests 0
Timeout 60
<Directory />
    AllowOverride None
    Require all granted
</Directory>
"""

FLOOR = """\
LoadModule floor_module @FLOOR@
<Location /floor>
    FloorAnswer 1000000
</Location>
"""

PLAYCOUNT = """\
LoadModule playcount_module @PLAYCOUNT@
PlaycountZone bench songs=2m
PlaycountUse bench
<Location /plays>
    SetHandler playcount
</Location>
"""


def httpd(name, mpm, config, processes=1, threads=64, values=None,
          cores=None, files=None):
    """Not yet started. The configuration follows CONFIG; it may use the names
    that are replaced there, and those in `values`."""
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    asynchronous = "AsyncRequestWorkerFactor 512" if mpm == "event" else ""
    names = {"MPM": mpm, "PROCESSES": processes, "THREADS": threads,
             "WORKERS": processes * threads, "USER": user, "ASYNC": asynchronous,
             "FLOOR": place.FLOOR, "PLAYCOUNT": place.MODULE, **(values or {})}
    return Server(name, [place.httpd_program(), "-DFOREGROUND", "-f", "@DIR@/httpd.conf"],
                  files={"httpd.conf": CONFIG + config, **(files or {})}, values=names,
                  cores=cores)

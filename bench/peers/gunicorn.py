# One process, because the counts live in it; @WORKER@ is sync or gevent.
bind = "127.0.0.1:@PORT@"
worker_class = "@WORKER@"
workers = 1
worker_connections = 12000
backlog = @BACKLOG@
keepalive = 75
timeout = 120
worker_tmp_dir = "/dev/shm"

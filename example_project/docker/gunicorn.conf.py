"""How gunicorn serves the site in a container. ``GUNICORN_CMD_ARGS`` overrides each of these."""

from __future__ import annotations

import os

bind = f"0.0.0.0:{os.environ.get('PORT') or 8000}"

# One process for each core and a few threads in it: they wait for the database most of the time.
workers = int(os.environ.get("WEB_CONCURRENCY") or 2)
threads = int(os.environ.get("WEB_THREADS") or 4)

# A worker that says nothing for so long is replaced.
timeout = int(os.environ.get("WEB_TIMEOUT") or 30)
# After SIGTERM requests may go on for so long; what stops the container must wait a little longer.
graceful_timeout = 25
# Longer than the proxy keeps an idle connection: a server that closes first may do so while a request is arriving.
keepalive = 75
# A leak, wherever it is, stays small. Workers are not replaced all at once.
max_requests = 10_000
max_requests_jitter = 1_000

# The workers' sign of life is a file that is touched all the time: memory, and there with a read-only root too.
worker_tmp_dir = "/dev/shm"  # noqa: S108 - gunicorn makes a nameless file in it
# A socket for gunicorn's own console, in the home folder.
control_socket_disable = True
# The site logs every request itself, as JSON.
accesslog = None

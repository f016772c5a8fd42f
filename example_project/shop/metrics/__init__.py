"""What ``/metrics`` tells Prometheus: how it is measured, shared between processes, and read."""

import os

from django.conf import settings

# prometheus_client looks at this when it is imported: with it processes count into files of one folder.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
if settings.METRICS_FOLDER:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.METRICS_FOLDER)

CELERY_BEAT_SCHEDULE = {
    "deliver notifications": {
        "task": "deliver_notifications",
        "schedule": 10,
        "options": {"expires": 10},
    },
    "do periodic work": {
        "task": "do_periodic_work",
        "schedule": 60,
        "options": {"expires": 60},
    },
}

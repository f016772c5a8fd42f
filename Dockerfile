# The example project under gunicorn. The same image runs the web server, the worker and all of manage.py's commands.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# pip learnt about dependency groups in 25.1.
RUN python -m venv /opt/pip && /opt/pip/bin/pip install "pip>=25.1" && python -m venv --without-pip /opt/venv
# What the dependencies depend on comes first: their layer stays in the cache while the code changes.
COPY pyproject.toml README.md LICENSE ./
COPY src/django_shopcore/__init__.py src/django_shopcore/
RUN /opt/pip/bin/pip wheel --wheel-dir /wheels --group example ".[postgres,redis,argon2,rs256,mail,swagger,fast,mfa]"
COPY src src
RUN rm -r /wheels/django_shopcore-* \
    && /opt/pip/bin/pip wheel --wheel-dir /wheels --no-deps . \
    && /opt/pip/bin/pip --python /opt/venv/bin/python install --no-index --no-deps /wheels/*.whl
WORKDIR /app
COPY example_project ./
ENV PATH=/opt/venv/bin:$PATH
# The keys are for this one process and are not kept.
RUN key() { python -c "import secrets; print(secrets.token_hex(32))"; } \
    && SECRET_KEY="$(key)" JWT_SIGNING_KEY="$(key)" SITE_URL=http://localhost EMAIL_URL=console: \
    DATABASE_URL=sqlite:///:memory: python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q . \
    # Nothing reads these when the site runs: sources of translations, the originals of the collected files, source maps.
    && find /opt/venv -name "*.po" -delete \
    && find /opt/venv -name static -type d -prune -exec rm -r {} + \
    && find static -name "*.map*" -delete


FROM python:${PYTHON_VERSION}-slim-trixie
LABEL org.opencontainers.image.title="django-shopcore's example project" \
      org.opencontainers.image.source="https://github.com/django-shopcore/django-shopcore" \
      org.opencontainers.image.licenses="MIT"
# A new volume that is mounted here belongs to the user below.
RUN install -d -o 10001 -g 10001 -m 0700 /secrets
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
# HOME is for libraries that ask for it. The root file system may be read-only; only /tmp has to be writable.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "docker/healthcheck.py"]
CMD ["gunicorn", "--config", "docker/gunicorn.conf.py", "shop.wsgi"]

# Two stages: the first installs, the second holds only what runs.
FROM python:3.12.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/run.txt requirements/build.txt requirements/
# /build makes the wheel; /opt/cds gets the service and nothing that installs anything.
RUN python -m venv /build \
 && python -m venv --without-pip /opt/cds \
 && /build/bin/pip install --require-hashes -r requirements/build.txt \
 && /build/bin/pip --python /opt/cds/bin/python install --require-hashes -r requirements/run.txt
COPY pyproject.toml LICENSE NOTICE ./
COPY cds cds
COPY rules rules
COPY fhir_fixtures fhir_fixtures
RUN /build/bin/python -m hatchling build -t wheel -d /wheel \
 && /build/bin/pip --python /opt/cds/bin/python install --no-deps --no-index /wheel/*.whl

FROM python:3.12.12-slim-bookworm
RUN python -m pip uninstall --yes --root-user-action ignore pip
COPY --from=build /opt/cds /opt/cds
ENV PATH=/opt/cds/bin:$PATH PYTHONUNBUFFERED=1
# Numeric, so that a cluster can see that it is not root. /app is empty: rules mounted at /app/rules replace the bundled ones.
# The only folder the service writes to; a volume keeps the decisions when the container goes.
RUN mkdir -m 0700 /var/lib/cds && chown 65532:65532 /var/lib/cds
ENV CDS_STATE=/var/lib/cds
WORKDIR /app
USER 65532:65532
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", \
  "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["cds", "serve", "--host", "0.0.0.0", "--port", "8000"]

FROM python:3.12-slim
WORKDIR /app
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY requirements/run.txt requirements/run.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml LICENSE README.md ./
COPY cds cds
COPY rules rules
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --system cds
USER cds
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["python", "-c", \
  "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["cds", "serve", "--host", "0.0.0.0", "--port", "8000"]

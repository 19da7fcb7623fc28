# Loadproof, with what the services of its suites are written with; the suites themselves are in /suites. Their compose
# files build and run it.
#
#   docker build -t loadproof .
#   docker run --rm --network host -v "$PWD:/tests" -w /tests loadproof loadproof run locustfile.py -u 50 -t 1m
FROM python:3.13-slim
RUN apt-get update && apt-get install -y --no-install-recommends make postgresql-client && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN pip install --no-cache-dir -c /source/constraints.txt "/source[targets]" && rm -rf /source \
 && ln -s "$(python -c 'import loadproof.suites as suites; print(suites.__path__[0])')" /suites
CMD ["loadproof"]

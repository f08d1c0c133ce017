# One image for every role of the service: docker-compose.yml names the role as the command.
FROM python:3.11.9-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/xinling
WORKDIR /src
COPY requirements-fast.lock ./
RUN /opt/xinling/bin/pip install --require-hashes -r requirements-fast.lock
COPY pyproject.toml README.md LICENSE ./
COPY decoders decoders
COPY rules rules
COPY simulator simulator
COPY stream stream
RUN /opt/xinling/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11.9-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin xinling \
 && install --directory --owner=10001 --group=10001 /var/cache/xinling
COPY --from=build /opt/xinling /opt/xinling
ENV PATH=/opt/xinling/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 XDG_CACHE_HOME=/var/cache
USER 10001:10001
WORKDIR /tmp
EXPOSE 9464
ENTRYPOINT ["xinling"]
CMD ["run", "--config", "/etc/xinling/xinling.toml"]

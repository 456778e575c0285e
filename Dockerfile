# docker build -t hat . && docker run --rm -v "$PWD:/work" hat simulate experiments/paper/spec_bench_7b.toml
FROM debian:12
COPY . /src
# One layer, without what only the build needed of the disk.
RUN cd /src && ./hat setup && ./hat build && cmake --install build/release --prefix /usr/local \
 && rm -rf /src /root/.cache /root/.ccache /var/lib/apt/lists/*
WORKDIR /work
ENTRYPOINT ["hat"]

# The image of corsd. With --target app or lab it is the image of the application or of the CORS lab in docker-compose.yml.
#   docker build -t corsd:0.1.0 --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .

# Go cross-compiles, so the build runs on the builder's platform for every platform of the image.
FROM --platform=$BUILDPLATFORM golang:1.26 AS source
ARG GOPROXY
WORKDIR /src
COPY . .

# grpcnotrace removes gRPC's debugging pages, which corsd does not serve. Without them the linker drops all methods that are
# never called. The binary is a quarter smaller, and its resident part is 3 MB smaller.
FROM source AS build
ARG GOPROXY TARGETOS TARGETARCH VERSION=devel REVISION
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -tags grpcnotrace -trimpath -ldflags "-s -w -X github.com/corsd/corsd/internal/cli.version=$VERSION -X github.com/corsd/corsd/internal/cli.revision=$REVISION" -o /out/corsd ./cmd/corsd && \
    go build -o /out/copy-licences ./deploy/licences && \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH /out/copy-licences /out/licenses -tags grpcnotrace ./cmd/corsd

FROM source AS build-app
ARG GOPROXY TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -C test -trimpath -ldflags "-s -w" -o /out/app ./harness/app

FROM scratch AS app
COPY --from=build-app /out/app /app
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/app"]

FROM source AS build-lab
ARG GOPROXY TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -C test -trimpath -ldflags "-s -w" -o /out/lab ./demo

# The lab starts Envoy and corsd itself, as `make demo` does. It reads these files of the source tree.
FROM envoyproxy/envoy:distroless-v1.40.0 AS lab
WORKDIR /lab
COPY go.mod ./
COPY deploy/envoy.yaml deploy/
COPY deploy/demo deploy/demo
COPY test/demo/lab/policy.yaml test/demo/lab/
COPY --from=build /out/corsd /usr/local/bin/corsd
COPY --from=build-lab /out/lab /usr/local/bin/lab
ENV ENVOY=/usr/local/bin/envoy CORSD=/usr/local/bin/corsd
EXPOSE 10001
ENTRYPOINT ["/usr/local/bin/lab", "-listen", "0.0.0.0:10001"]

# The image contains the binary and the licences of all modules linked into it. It has no shell and no packages. corsd
# writes no file. It opens no connections, so it needs no CA certificates.
FROM scratch
ARG VERSION=devel
LABEL org.opencontainers.image.title=corsd \
      org.opencontainers.image.description="One CORS policy for a whole Envoy mesh" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=$VERSION
COPY --from=build /out/licenses /licenses
COPY --from=build /out/corsd /corsd
USER 65532:65532
# The garbage collector does not shrink stacks that have grown. A stream that reuses a grown stack costs a few per cent less.
ENV GODEBUG=gcshrinkstackoff=1
EXPOSE 9002 9092
ENTRYPOINT ["/corsd"]
CMD ["serve", "--policy", "/etc/corsd", "--admin", ":9092"]

# The image of corsd, and with --target app that of the application of docker-compose.yml.
#   docker build -t corsd:0.1.0 --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .

# Go cross-compiles: it runs on the builder's platform, whatever the image's.
FROM --platform=$BUILDPLATFORM golang:1.26 AS source
ARG GOPROXY
WORKDIR /src
COPY . .

# grpcnotrace: without gRPC's debugging pages, which nothing shows, the linker leaves out what is never called. The binary
# is a quarter smaller, and what is resident of it 3 MB.
FROM source AS build
ARG GOPROXY TARGETOS TARGETARCH VERSION=devel REVISION
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -tags grpcnotrace -trimpath -ldflags "-s -w -X github.com/corsd/corsd/internal/cli.version=$VERSION -X github.com/corsd/corsd/internal/cli.revision=$REVISION" -o /out/corsd ./cmd/corsd && \
    go build -o /out/copy-licences ./test/licences && \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH /out/copy-licences /out/licenses -tags grpcnotrace ./cmd/corsd

FROM source AS build-app
ARG GOPROXY TARGETOS TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w" -o /out/app ./test/app

FROM scratch AS app
COPY --from=build-app /out/app /app
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/app"]

# Nothing but the binary and the licences of all that is linked into it: no shell, no package, no file that it writes. It
# calls nobody, so it needs no CA certificates.
FROM scratch
ARG VERSION=devel
LABEL org.opencontainers.image.title=corsd \
      org.opencontainers.image.description="One CORS policy for a whole Envoy mesh" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=$VERSION
COPY --from=build /out/licenses /licenses
COPY --from=build /out/corsd /corsd
USER 65532:65532
# Stacks that have grown stay so: a stream that finds one costs a few per cent less.
ENV GODEBUG=gcshrinkstackoff=1
EXPOSE 9002 9092
ENTRYPOINT ["/corsd"]
CMD ["serve", "--policy", "/etc/corsd", "--admin", ":9092"]

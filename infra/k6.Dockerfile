# k6 with the module k6/x/sse that the load test uses, and the load test.
# Built from the repository's root: docker build -f infra/k6.Dockerfile -t kafka-sse-gateway-k6 .

FROM golang:1.26-bookworm AS build
WORKDIR /build
COPY loadtest/k6/go.mod loadtest/k6/go.sum ./
RUN go mod download
COPY loadtest/k6 ./
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o /k6 .

# For the k6-operator, whose jobs start k6 from a shell: docker build --target operator …
FROM busybox:1.37 AS operator
COPY --from=build /k6 /usr/bin/k6
WORKDIR /app
COPY loadtest/sse.js loadtest/sse.js
COPY loadtest/src loadtest/src
USER 65534:65534

FROM scratch
COPY --from=build /k6 /usr/bin/k6
WORKDIR /app
COPY loadtest/sse.js loadtest/sse.js
COPY loadtest/src loadtest/src
USER 65534:65534
ENTRYPOINT ["/usr/bin/k6"]
CMD ["run", "loadtest/sse.js"]

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /mediaferry ./cmd/mediaferry \
    && mkdir -p -m 700 /state/data /state/inbox && chown -R 65532:65532 /state

# One static binary, the certificate authorities it needs to know WeChat by, and the folders it may write to: /inbox is for
# a volume that serve and its workers share.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /mediaferry /mediaferry
COPY --from=build --chown=65532:65532 /state/ /
USER 65532:65532
# Prometheus scrapes port 9464 from the same network; publish only 8080.
ENV MEDIAFERRY_DATA_DIR=/data MEDIAFERRY_LISTEN=:8080 MEDIAFERRY_METRICS__LISTEN=:9464
EXPOSE 8080 9464
VOLUME /data
ENTRYPOINT ["/mediaferry"]
CMD ["run"]
HEALTHCHECK --start-period=30s CMD ["/mediaferry", "health"]

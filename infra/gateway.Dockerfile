# The gateway, the ticker and the aggregator: one image, the command decides (serve, tick, aggregate).
# Built from the repository's root: docker build -f infra/gateway.Dockerfile -t kafka-sse-gateway .

FROM node:24-bookworm-slim AS build
WORKDIR /build
# Before the sources, so that only changed packages are installed again.
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build

FROM node:24-bookworm-slim AS packages
WORKDIR /packages
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
# Heap for MAX_STREAMS streams and a full ring, below the memory limits in docker-compose.yml and infra/k8s; a larger
# young generation saves garbage collections during fan-out.
ENV NODE_ENV=production \
    NODE_OPTIONS="--max-old-space-size=768 --max-semi-space-size=32"
WORKDIR /app
COPY --from=packages /packages/node_modules node_modules
COPY --from=build /build/package.json ./
COPY --from=build /build/dist/src dist/src
USER node
EXPOSE 3000
# Liveness, not readiness: a gateway without Kafka keeps its streams and must not be restarted for that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 CMD ["node", "-e", "require('node:http').get({port: process.env.PORT || 3000, path: '/healthz', timeout: 4000}, (res) => process.exit(res.statusCode === 200 ? 0 : 1)).on('timeout', () => process.exit(1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]

export interface BrokerAddress {
  /** A name or an address; IPv6 without brackets, as in Kafka's answers. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with brackets around IPv6. */
export function nameOf({ host, port }: BrokerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads what `nameOf` writes. */
export function parseAddress(name: string): BrokerAddress {
  const colon = name.lastIndexOf(':');
  return { host: name.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(name.slice(colon + 1)) };
}

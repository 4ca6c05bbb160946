/** The state of the gateway: only gateway.ts changes it, all others read it. */
export interface Lifecycle {
  state: 'starting' | 'running' | 'draining';
}

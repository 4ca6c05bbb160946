/** The state of the gateway. Rooms read it; only the gateway changes it. */
export interface Lifecycle {
  state: 'starting' | 'running' | 'draining';
}

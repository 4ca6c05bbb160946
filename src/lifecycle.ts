/** What the process is about to do. Rooms ask it; only the gateway moves it on. */
export interface Lifecycle {
  state: 'starting' | 'running' | 'draining';
}

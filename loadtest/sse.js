// k6 run loadtest/sse.js: see README-LOAD-TEST.md
export { default, handleSummary, options, post, setup } from './src/sse.ts';

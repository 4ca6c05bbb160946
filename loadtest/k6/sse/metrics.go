package sse

import "go.k6.io/k6/metrics"

// streamMetrics are the metrics of this module. A script that defines one of the same name and type gets this one.
type streamMetrics struct {
	events     *metrics.Metric
	latency    *metrics.Metric
	gaps       *metrics.Metric
	duplicates *metrics.Metric
	reconnects *metrics.Metric
}

// registerMetrics fails when the script has a metric of one of these names and another type.
func registerMetrics(registry *metrics.Registry) (*streamMetrics, error) {
	m := &streamMetrics{}
	for _, definition := range []struct {
		metric  **metrics.Metric
		name    string
		kind    metrics.MetricType
		content metrics.ValueType
	}{
		{&m.events, "sse_event", metrics.Counter, metrics.Default},
		{&m.latency, "sse_event_latency", metrics.Trend, metrics.Time},
		{&m.gaps, "sse_gaps", metrics.Counter, metrics.Default},
		{&m.duplicates, "sse_duplicates", metrics.Counter, metrics.Default},
		{&m.reconnects, "sse_reconnects", metrics.Counter, metrics.Default},
	} {
		metric, err := registry.NewMetric(definition.name, definition.kind, definition.content)
		if err != nil {
			return nil, err
		}
		*definition.metric = metric
	}
	return m, nil
}

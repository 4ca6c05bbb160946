package sse

import (
	"bytes"
	"math"
	"time"

	"go.k6.io/k6/metrics"
)

// stats are Response.stats.
type stats struct {
	connects   int64
	reconnects int64
	events     int64
	comments   int64
	bytes      int64
	gaps       int64
	lost       int64
	duplicates int64
	// Negative: none arrived.
	firstEventMs float64
}

var (
	ownPrefix = []byte("gateway.")
	liveEvent = []byte("gateway.live")
)

// measure counts the events of one stream, without JavaScript.
type measure struct {
	stats     stats
	metrics   *streamMetrics
	batch     *sampleBatch
	params    *nativeParams
	startedAt time.Time
	// The replay has ended.
	live bool
	// Last sequence number; NaN before the first.
	last float64
}

func newMeasure(registered *streamMetrics, batch *sampleBatch, params *nativeParams) measure {
	return measure{
		stats:     stats{firstEventMs: -1},
		metrics:   registered,
		batch:     batch,
		params:    params,
		startedAt: time.Now(),
		last:      math.NaN(),
	}
}

// connected is called before each connection; one that resumes starts with a replay.
func (m *measure) connected(resumes bool) {
	if resumes {
		m.live = false
	}
}

// event counts a block with data.
func (m *measure) event(b *block, arrivedAt time.Time, tags metrics.TagsAndMeta) {
	if bytes.HasPrefix(b.name, ownPrefix) {
		m.live = m.live || bytes.Equal(b.name, liveEvent)
		return
	}
	m.stats.events++
	m.batch.count(m.metrics.events, tags, 1)
	if m.stats.firstEventMs < 0 {
		m.stats.firstEventMs = metrics.D(arrivedAt.Sub(m.startedAt))
	}
	if m.params.latency != nil {
		m.measureLatency(b.data, arrivedAt, tags)
	}
	if m.params.sequence != nil {
		m.checkSequence(b.data, tags)
	}
}

func (m *measure) measureLatency(data []byte, arrivedAt time.Time, tags metrics.TagsAndMeta) {
	nowMs := arrivedAt.UnixMilli()
	if nowMs < m.params.latencyFromMs ||
		(m.params.latencyToMs > 0 && nowMs >= m.params.latencyToMs) ||
		(m.params.afterLive && !m.live) {
		return
	}
	sentMs, ok := m.params.latency.find(data)
	if !ok {
		return
	}
	m.batch.add(metrics.Sample{
		TimeSeries: metrics.TimeSeries{Metric: m.metrics.latency, Tags: tags.Tags},
		Time:       arrivedAt,
		Metadata:   tags.Metadata,
		Value:      float64(arrivedAt.UnixMicro())/1e3 - sentMs,
	})
}

func (m *measure) checkSequence(data []byte, tags metrics.TagsAndMeta) {
	n, ok := m.params.sequence.find(data)
	if !ok || n != math.Trunc(n) {
		return
	}
	switch {
	case math.IsNaN(m.last):
	case n <= m.last:
		m.stats.duplicates++
		m.batch.count(m.metrics.duplicates, tags, 1)
		return
	case n > m.last+1:
		lost := n - m.last - 1
		m.stats.gaps++
		m.stats.lost += int64(lost)
		m.batch.count(m.metrics.gaps, tags, lost)
	}
	m.last = n
}

// ended pushes xk6-sse's samples of a request: the count, and the duration of the stream.
func (m *measure) ended(builtin *metrics.BuiltinMetrics, tags metrics.TagsAndMeta, startedAt time.Time) {
	now := time.Now()
	sample := func(metric *metrics.Metric, value float64) metrics.Sample {
		return metrics.Sample{
			TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags.Tags},
			Time:       now,
			Metadata:   tags.Metadata,
			Value:      value,
		}
	}
	m.batch.add(sample(builtin.HTTPReqs, 1), sample(builtin.HTTPReqDuration, metrics.D(now.Sub(startedAt))))
}

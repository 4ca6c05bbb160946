package sse

import (
	"sync"
	"time"

	"go.k6.io/k6/metrics"
)

// How long samples are gathered.
const flushInterval = time.Second

// sampleBatches holds one batch for each test run of this process; there is more than one only in tests.
type sampleBatches struct {
	mu      sync.Mutex
	batches map[chan<- metrics.SampleContainer]*sampleBatch
}

// enter returns the batch of a test run, to be left at the end of open().
func (s *sampleBatches) enter(out chan<- metrics.SampleContainer) *sampleBatch {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.batches[out]
	if batch == nil {
		batch = &sampleBatch{out: out, counts: map[metrics.TimeSeries]float64{}}
		if s.batches == nil {
			s.batches = map[chan<- metrics.SampleContainer]*sampleBatch{}
		}
		s.batches[out] = batch
	}
	batch.users++
	return batch
}

// leave pushes the gathered samples, since k6 may close the channel when the last VU has left.
func (s *sampleBatches) leave(batch *sampleBatch) {
	s.mu.Lock()
	batch.users--
	if batch.users == 0 {
		delete(s.batches, batch.out)
	}
	s.mu.Unlock()
	batch.flush()
}

// sampleBatch gathers the samples of all VUs and pushes them once per flushInterval: counts become one sample per time
// series, so that an event costs an addition, and no message to k6's outputs.
type sampleBatch struct {
	out   chan<- metrics.SampleContainer
	users int

	// Held while pushing, so that no VU leaves during another's push.
	pushing sync.Mutex

	mu     sync.Mutex
	counts map[metrics.TimeSeries]float64
	single []metrics.Sample
	timed  bool
}

// count adds to a Counter. A sample with metadata, which k6 has only on request, cannot be merged.
func (b *sampleBatch) count(metric *metrics.Metric, tags metrics.TagsAndMeta, n float64) {
	if tags.Metadata != nil {
		b.add(metrics.Sample{
			TimeSeries: metrics.TimeSeries{Metric: metric, Tags: tags.Tags},
			Time:       time.Now(),
			Metadata:   tags.Metadata,
			Value:      n,
		})
		return
	}
	b.mu.Lock()
	b.counts[metrics.TimeSeries{Metric: metric, Tags: tags.Tags}] += n
	b.schedule()
	b.mu.Unlock()
}

// add keeps samples as they are.
func (b *sampleBatch) add(samples ...metrics.Sample) {
	b.mu.Lock()
	b.single = append(b.single, samples...)
	b.schedule()
	b.mu.Unlock()
}

// schedule is called with the lock held. After the last VU has left nothing is held, and the timer pushes nothing.
func (b *sampleBatch) schedule() {
	if b.timed {
		return
	}
	b.timed = true
	time.AfterFunc(flushInterval, b.flush)
}

func (b *sampleBatch) flush() {
	b.pushing.Lock()
	defer b.pushing.Unlock()
	if samples := b.take(); len(samples) > 0 {
		b.out <- samples
	}
}

func (b *sampleBatch) take() metrics.Samples {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timed = false
	samples := metrics.Samples(b.single)
	b.single = make([]metrics.Sample, 0, len(samples))
	now := time.Now()
	for series, n := range b.counts {
		samples = append(samples, metrics.Sample{TimeSeries: series, Time: now, Value: n})
	}
	clear(b.counts)
	return samples
}

package sse

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/lib"
	"go.k6.io/k6/metrics"
)

const defaultRetry = 3 * time.Second

var errTimeout = errors.New("the timeout of open() has passed")

// stream is one open(): its connections, one after the other. Everything runs on the goroutine of the VU.
type stream struct {
	ctx     context.Context
	state   *lib.State
	params  *params
	client  client
	measure measure
	parser  parser
	batches *sampleBatches

	// Zero: none.
	deadline time.Time
	timeout  bool

	retryAfter  time.Duration
	lastEventID string
	arrivedAt   time.Time
	tags        metrics.TagsAndMeta
	// Thrown by a handler.
	thrown error

	status  int
	headers http.Header
	failure error
}

func newStream(i *instance, state *lib.State, p *params) *stream {
	s := &stream{
		ctx:         i.vu.Context(),
		state:       state,
		params:      p,
		client:      client{rt: i.vu.Runtime()},
		measure:     newMeasure(i.metrics, i.batches.enter(state.Samples), &p.native),
		batches:     i.batches,
		retryAfter:  defaultRetry,
		lastEventID: p.header(lastEventIDHeader),
		tags:        p.tags,
		deadline:    p.native.closeAt,
	}
	if p.timeout > 0 {
		if end := s.measure.startedAt.Add(p.timeout); s.deadline.IsZero() || end.Before(s.deadline) {
			s.deadline, s.timeout = end, true
		}
	}
	return s
}

// run returns the exception of a handler, or with the option `throw` why there was no answer. After the end of the VU its
// result is meaningless.
func (s *stream) run(setup sobek.Callable) error {
	defer s.batches.leave(s.measure.batch)
	object, err := s.client.object()
	if err != nil {
		return err
	}
	if _, err := setup(sobek.Undefined(), object); err != nil {
		return err
	}
	for !s.client.closed && !s.late() {
		again, err := s.attempt()
		if err != nil {
			return err
		}
		if !again || s.client.closed || !s.pause() {
			break
		}
		s.measure.stats.reconnects++
		s.measure.batch.count(s.measure.metrics.reconnects, s.params.tags, 1)
	}
	if s.status == 0 && s.failure != nil && s.state.Options.Throw.Bool {
		return s.failure
	}
	return nil
}

// attempt is one connection, to its end; true when another one may follow.
func (s *stream) attempt() (again bool, err error) {
	startedAt := time.Now()
	s.tags = s.params.tags
	defer func() { s.measure.ended(s.state.BuiltinMetrics, s.tags, startedAt) }()
	s.measure.connected(s.lastEventID != "")

	c, answer, err := connect(s.ctx, s.state, s.request(), s.params.jar, s.deadline)
	if err != nil {
		return s.broken(err)
	}
	defer c.close()
	s.status, s.headers = answer.StatusCode, answer.Header
	if s.state.Options.SystemTags.Has(metrics.TagStatus) {
		s.tags.SetSystemTagOrMeta(metrics.TagStatus, strconv.Itoa(s.status))
	}
	if err := refused(answer); err != nil {
		s.failure = err
		return false, s.client.failed(err)
	}
	s.failure = nil
	s.measure.stats.connects++
	if err := s.client.opened(); err != nil || s.client.closed {
		return false, err
	}
	s.parser = parser{}
	err = c.read(s.take)
	if s.thrown != nil || s.client.closed {
		return false, s.thrown
	}
	if err != nil {
		return s.broken(err)
	}
	return s.params.native.reconnect, nil
}

// broken ends an attempt without an answer, or whose stream broke.
func (s *stream) broken(reason error) (again bool, err error) {
	if s.ctx.Err() != nil {
		return false, nil
	}
	if s.late() {
		if !s.timeout {
			return false, nil
		}
		s.failure = errTimeout
		return false, s.client.failed(errTimeout)
	}
	s.failure = reason
	return s.params.native.reconnect, s.client.failed(reason)
}

func (s *stream) late() bool {
	return !s.deadline.IsZero() && !time.Now().Before(s.deadline)
}

// refused is why an answer is not an event stream, after which EventSource does not reconnect.
func refused(answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the status is %d and not 200", answer.StatusCode)
	}
	contentType := answer.Header.Get("Content-Type")
	media, _, _ := strings.Cut(contentType, ";")
	if !strings.EqualFold(strings.TrimSpace(media), "text/event-stream") {
		return fmt.Errorf("the content type is %q and not text/event-stream", contentType)
	}
	if encoding := answer.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return fmt.Errorf("the content encoding is %q, which was not asked for", encoding)
	}
	return nil
}

func (s *stream) request() *request {
	headers := s.params.headers
	if s.params.native.reconnect && s.lastEventID != s.params.header(lastEventIDHeader) {
		headers = nil
		for _, field := range s.params.headers {
			if field.name != lastEventIDHeader {
				headers = append(headers, field)
			}
		}
		if s.lastEventID != "" {
			headers = append(headers, headerField{lastEventIDHeader, s.lastEventID})
		}
	}
	return &request{url: s.params.url, method: s.params.method, body: s.params.body, headers: headers}
}

// pause waits before the next attempt; false when there is none because the VU or open() has ended.
func (s *stream) pause() bool {
	wait, last := s.retryAfter, false
	if !s.deadline.IsZero() {
		if left := time.Until(s.deadline); left <= wait {
			wait, last = left, true
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-s.ctx.Done():
		return false
	case <-timer.C:
		return !last
	}
}

func (s *stream) take(payload []byte, arrivedAt time.Time) bool {
	s.arrivedAt = arrivedAt
	s.measure.stats.bytes += int64(len(payload))
	return s.parser.feed(payload, s)
}

func (s *stream) comment(text []byte) bool {
	s.measure.stats.comments++
	s.thrown = s.client.comment(text)
	return s.thrown == nil && !s.client.closed
}

func (s *stream) retry(ms int64) {
	s.retryAfter = time.Duration(min(ms, maxRetryMs)) * time.Millisecond
}

// The longest time.Duration.
const maxRetryMs = 1 << 40

func (s *stream) dispatch(b *block) bool {
	if b.hasID && string(b.id) != s.lastEventID {
		s.lastEventID = string(b.id)
	}
	if !b.hasData {
		return true
	}
	s.measure.event(b, s.arrivedAt, s.tags)
	s.thrown = s.client.event(b)
	return s.thrown == nil && !s.client.closed
}

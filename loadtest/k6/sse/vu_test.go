package sse

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.k6.io/k6/js/modulestest"
	"go.k6.io/k6/lib"
	"go.k6.io/k6/lib/netext"
	"go.k6.io/k6/metrics"
	"gopkg.in/guregu/null.v3"
)

// vu is a VU of k6 with the module, whose scripts see `sse` and `url`.
type vu struct {
	t       testing.TB
	runtime *modulestest.Runtime
	state   *lib.State
	samples chan metrics.SampleContainer
	// Of the registry of the test run.
	names map[string]*metrics.Metric
}

func newVU(t testing.TB, url string) *vu {
	t.Helper()
	runtime := modulestest.NewRuntime(t)
	registry := runtime.VU.InitEnvField.Registry
	instance := New().NewModuleInstance(runtime.VU)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	samples := make(chan metrics.SampleContainer, 1000)
	state := &lib.State{
		Options: lib.Options{
			SystemTags:   &metrics.DefaultSystemTagSet,
			UserAgent:    null.StringFrom("test-agent"),
			MaxRedirects: null.IntFrom(2),
		},
		BuiltinMetrics: runtime.BuiltinMetrics,
		Dialer:         netext.NewDialer(net.Dialer{}, localResolver{}),
		TLSConfig:      &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // The server of the test.
		CookieJar:      jar,
		Samples:        samples,
		Tags:           lib.NewVUStateTags(registry.RootTagSet()),
	}
	runtime.MoveToVUContext(state)
	require.NoError(t, runtime.VU.Runtime().Set("sse", instance.Exports().Default))
	require.NoError(t, runtime.VU.Runtime().Set("url", url))
	names := map[string]*metrics.Metric{}
	for _, metric := range registry.All() {
		names[metric.Name] = metric
	}
	return &vu{t: t, runtime: runtime, state: state, samples: samples, names: names}
}

type localResolver struct{}

func (localResolver) LookupIP(string) (net.IP, error) { return net.IPv4(127, 0, 0, 1), nil }

// run runs a script that must not throw, and returns the value of its last expression as JSON.
func (v *vu) run(script string) string {
	v.t.Helper()
	value, err := v.tryRun(script)
	require.NoError(v.t, err)
	return value
}

func (v *vu) tryRun(script string) (string, error) {
	value, err := v.runtime.VU.Runtime().RunString("JSON.stringify((() => {" + script + "})())")
	if err != nil {
		return "", err
	}
	return value.String(), nil
}

// total is the sum of all samples so far.
type total struct {
	count int
	sum   float64
	tags  []map[string]string
}

// totals takes the samples that have been pushed.
func (v *vu) totals() map[string]*total {
	totals := map[string]*total{}
	for _, container := range metrics.GetBufferedSamples(v.samples) {
		for _, sample := range container.GetSamples() {
			name := sample.Metric.Name
			if totals[name] == nil {
				totals[name] = &total{}
			}
			totals[name].count++
			totals[name].sum += sample.Value
			totals[name].tags = append(totals[name].tags, sample.Tags.Map())
		}
	}
	return totals
}

func sum(totals map[string]*total, name string) float64 {
	if totals[name] == nil {
		return 0
	}
	return totals[name].sum
}

// server answers each request in turn with one of its answers, the last one for the rest.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

type answer func(w http.ResponseWriter, r *http.Request)

func newServer(t testing.TB, answers ...answer) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		index := min(len(s.requests), len(answers)-1)
		s.requests = append(s.requests, r)
		s.mu.Unlock()
		answers[index](w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// request is the one of that number.
func (s *server) request(index int) *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[index]
}

func (s *server) requestCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// stream is an answer that ends after these pieces, each of them sent by itself.
func streamOf(pieces ...string) answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
		for _, piece := range pieces {
			_, _ = w.Write([]byte(piece))
			w.(http.Flusher).Flush()
		}
	}
}

// held is a stream that does not end until the client closes it.
func held(pieces ...string) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		streamOf(pieces...)(w, r)
		<-r.Context().Done()
	}
}

// raw is an answer in bytes; then the connection is closed, or when there is a gate, reset once that has opened.
func raw(gate <-chan struct{}, text string) answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		write(buffered, text)
		if gate != nil {
			<-gate
			_ = conn.(*net.TCPConn).SetLinger(0)
		}
		_ = conn.Close()
	}
}

func write(buffered *bufio.ReadWriter, text string) {
	_, _ = buffered.WriteString(text)
	_ = buffered.Flush()
}

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

// inChunks is a body in chunked coding, without its end.
func inChunks(pieces ...string) string {
	var b strings.Builder
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	for _, piece := range pieces {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(piece), piece)
	}
	return b.String()
}

// recorder is a script's setup function that keeps what it is told in `log`, and calls `seen` for each event.
const recorder = `
	const log = [];
	const record = (client) => {
		client.on('open', () => log.push('open'));
		client.on('event', (e) => {
			log.push(e.name + ':' + e.data + '#' + e.id);
			if (typeof seen === 'function') seen();
		});
		client.on('error', (e) => log.push('error: ' + e.error()));
	};
`

func metricsPushed(v *vu) []metrics.SampleContainer {
	return metrics.GetBufferedSamples(v.samples)
}

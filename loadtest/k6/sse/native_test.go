package sse

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReconnectResumesAfterTheLastID(t *testing.T) {
	s := newServer(t,
		streamOf("retry: 5\n\nid: 7\ndata: a\n\n"),
		raw(nil, streamHead+inChunks("data: b\n\nid: 8\n\n")),
		streamOf("id:\ndata: c\n\n"),
		streamOf("data: d\n\n"),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	)
	v := newVU(t, s.URL)
	r := v.record("{native: {reconnect: true}, headers: {'last-event-id': '3', 'X-A': 'b'}}")

	assert.Equal(t, []string{
		"open", ":a#7", "open", ":b#", "error: unexpected EOF", "open", ":c#", "open", ":d#", "error: the status is 204 and not 200",
	}, r.Log)
	var sent []string
	for i := range 5 {
		sent = append(sent, s.request(i).Header.Get("Last-Event-ID"))
		assert.Equal(t, "b", s.request(i).Header.Get("X-A"))
	}
	assert.Equal(t, []string{"3", "7", "8", "", ""}, sent)
	assert.NotContains(t, s.request(3).Header, "Last-Event-Id")
	assert.Equal(t, 4, r.Response.Stats.Connects)
	assert.Equal(t, 4, r.Response.Stats.Reconnects)
	assert.Equal(t, "the status is 204 and not 200", r.Response.Error)
	totals := v.totals()
	assert.Equal(t, 4.0, sum(totals, "sse_reconnects"))
	assert.Equal(t, 5.0, sum(totals, "http_reqs"))
}

func TestARefusedConnectIsTriedAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	s := newServer(t, streamOf("retry: 1\n\ndata: x\n\n"))
	proxy := &http.Server{Handler: s.Config.Handler} //nolint:gosec // Of the test.
	t.Cleanup(func() { _ = proxy.Close() })

	v := newVU(t, "http://"+address)
	refusals := 0
	runtime := v.runtime.VU.Runtime()
	require.NoError(t, runtime.Set("refused", func() {
		if refusals++; refusals == 2 {
			again, err := net.Listen("tcp", address)
			require.NoError(t, err)
			go func() { _ = proxy.Serve(again) }()
		}
	}))
	go func() {
		// One stream, to learn `retry`; then nobody listens.
		conn, err := listener.Accept()
		_ = listener.Close()
		if err == nil {
			_, _ = conn.Write([]byte(streamHead + "\r\nretry: 1\n\n"))
			_ = conn.Close()
		}
	}()
	assert.Equal(t, `[2,1]`, v.run(`
		let events = 0, errors = 0;
		sse.open(url, {native: {reconnect: true}}, (client) => {
			client.on('event', () => { events++; client.close(); });
			client.on('error', (e) => { if (e.error().includes('refused')) { errors++; refused(); } });
		});
		return [errors, events];
	`))
}

func TestTheHandlerOfErrorCanEndTheReconnecting(t *testing.T) {
	s := newServer(t, raw(nil, streamHead+inChunks("retry: 1\n\n")))
	v := newVU(t, s.URL)
	v.run(`sse.open(url, {native: {reconnect: true}}, (client) => client.on('error', () => client.close())); return 1`)
	assert.Equal(t, 1, s.requestCount())
}

func TestTheClockCloses(t *testing.T) {
	for name, test := range map[string]struct {
		answer    answer
		reconnect bool
	}{
		"a silent stream":             {held("data: x\n\n"), false},
		"the wait for the next":       {streamOf("retry: 60000\ndata: x\n\n"), true},
		"a server that never answers": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVU(t, newServer(t, test.answer).URL)
			started := time.Now()
			r := v.record(fmt.Sprintf("{native: {reconnect: %t, closeAtMs: %d}}", test.reconnect, started.UnixMilli()+150))
			took := time.Since(started)
			assert.Empty(t, r.Response.Error)
			for _, line := range r.Log {
				assert.NotContains(t, line, "error")
			}
			assert.InDelta(t, 150, float64(took.Milliseconds()), 1000)
			assert.GreaterOrEqual(t, took, 149*time.Millisecond)
		})
	}
}

func TestTheEndOfTheVUEndsWhateverWaits(t *testing.T) {
	for name, answer := range map[string]answer{
		"a silent stream":             held(": x\n"),
		"the wait for the next":       streamOf("retry: 60000\n: x\n"),
		"a server that never answers": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, answer)
			v := newVU(t, s.URL)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = v.tryRun("sse.open(url, {native: {reconnect: true}}, (client) => client.on('error', () => { throw 1 }))")
			}()
			require.Eventually(t, func() bool { return s.requestCount() == 1 }, 5*time.Second, time.Millisecond)
			v.runtime.CancelContext()
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Fatal("open() has not ended")
			}
			assert.Equal(t, 1.0, sum(v.totals(), "http_reqs"))
		})
	}
}

func TestLatency(t *testing.T) {
	sent := time.Now().Add(-time.Second).UnixMilli()
	event := fmt.Sprintf("data: {\"payload\":{\"date\":%d}}\n\n", sent)
	own := fmt.Sprintf("event: gateway.live\ndata: {\"payload\":{\"date\":%d}}\n\n", sent)
	far := time.Now().Add(time.Hour).UnixMilli()
	for name, test := range map[string]struct {
		params string
		pieces []string
		want   int
	}{
		"each event":               {"latency: 'payload.date'", []string{event, event}, 2},
		"not those without":        {"latency: 'payload.date'", []string{event, "data: {}\n\n", "data: x\n\n"}, 1},
		"not those of the gateway": {"latency: 'payload.date'", []string{own, event}, 1},
		"the data itself":          {"latency: '.'", []string{fmt.Sprintf("data: %d\n\n", sent), event}, 1},
		"not by default":           {"", []string{event}, 0},
		"in the window":            {fmt.Sprintf("latency: 'payload.date', latencyFromMs: 1, latencyToMs: %d", far), []string{event}, 1},
		"before the window":        {fmt.Sprintf("latency: 'payload.date', latencyFromMs: %d", far), []string{event}, 0},
		"after the window":         {"latency: 'payload.date', latencyToMs: 1", []string{event}, 0},
		"after the replay":         {"latency: 'payload.date', afterLive: true", []string{event, own, event}, 1},
		"without the replay's end": {"latency: 'payload.date', afterLive: true", []string{event}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVU(t, newServer(t, streamOf(test.pieces...)).URL)
			v.record("{tags: {name: 'mine'}, native: {" + test.params + "}}")
			totals := v.totals()
			if test.want == 0 {
				assert.NotContains(t, totals, "sse_event_latency")
				return
			}
			latency := totals["sse_event_latency"]
			require.NotNil(t, latency)
			assert.Equal(t, test.want, latency.count)
			assert.InDelta(t, 1000*float64(test.want), latency.sum, 900*float64(test.want))
			assert.Equal(t, "mine", latency.tags[0]["name"])
			assert.Equal(t, "mine", latency.tags[0]["url"])
		})
	}
}

func TestAReplayAfterAReconnectIsNoLatency(t *testing.T) {
	event := "id: 1\ndata: {\"date\":1}\n\n"
	live := "event: gateway.live\ndata: {}\n\n"
	s := newServer(t, streamOf("retry: 1\n"+event+live+event), streamOf(event+live+event), streamOf("id: 2\n\n"),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	v := newVU(t, s.URL)
	v.record("{native: {reconnect: true, latency: 'date', afterLive: true}}")
	assert.Equal(t, 2, v.totals()["sse_event_latency"].count)
}

func TestSequence(t *testing.T) {
	numbers := func(numbers ...any) string {
		text := "retry: 1\n"
		for _, n := range numbers {
			text += fmt.Sprintf("data: {\"n\":%v}\n\n", n)
		}
		return text
	}
	s := newServer(t,
		streamOf(numbers(5, 6, 7, 10, `"x"`, 11, 1.5)),
		streamOf("event: gateway.gap\n"+numbers(99), numbers(10, 11, 12, 14)),
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	v := newVU(t, s.URL)
	r := v.record("{native: {reconnect: true, sequence: 'n'}}")
	assert.Equal(t, 2, r.Response.Stats.Gaps)
	assert.Equal(t, 3, r.Response.Stats.Lost)
	assert.Equal(t, 2, r.Response.Stats.Duplicates)
	totals := v.totals()
	assert.Equal(t, 3.0, sum(totals, "sse_gaps"))
	assert.Equal(t, 2.0, sum(totals, "sse_duplicates"))
}

func TestNothingIsAskedAfterTheClock(t *testing.T) {
	s := newServer(t, streamOf("data: x\n\n"))
	r := newVU(t, s.URL).record("{native: {closeAtMs: Date.now() - 1}}")
	assert.Empty(t, r.Log)
	assert.Empty(t, r.Response.Error)
	assert.Zero(t, s.requestCount())
}

func TestTextIsUTF8(t *testing.T) {
	v := newVU(t, newServer(t, streamOf("id: …\nevent: ä\ndata: a\xffb😀\n\n")).URL)
	assert.JSONEq(t, `["…","ä","a\ufffdb😀",5]`, v.run(`
		let seen;
		sse.open(url, (client) => client.on('event:ä', (e) => { seen = [e.id, e.name, e.data, e.data.length]; }));
		return seen;
	`))
}

func TestHandlersByName(t *testing.T) {
	v := newVU(t, newServer(t, streamOf("data: 1\n\nevent: a\ndata: 2\n\nevent: message\ndata: 3\n\n: c\n\nevent: b\ndata: 4\n\n")).URL)
	assert.JSONEq(t, `["m1","a2","m3","c:c"]`, v.run(`
		const log = [];
		sse.open(url, (client) => {
			if (client.native !== true) throw new Error('not native');
			client.on('event:message', (e) => log.push('m' + e.data));
			client.on('event:a', (e) => log.push(e.name + e.data));
			client.on('comment', (e) => log.push('c:' + e.comment));
			client.on('something else', () => log.push('never'));
		});
		return log;
	`))
}

func TestWithoutAHandlerNoEventIsMade(t *testing.T) {
	c := &client{}
	b := &block{name: []byte("a"), data: []byte("x"), hasData: true}
	// It would fail: there is no runtime.
	assert.NoError(t, c.event(b))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = c.event(b) }))
}

func TestTLSCookiesBodyAndRedirects(t *testing.T) {
	var seen []string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 16)
		n, _ := r.Body.Read(body)
		seen = append(seen, fmt.Sprintf("%s %s %q %s", r.Method, r.RequestURI, body[:n], r.Header.Get("Cookie")))
		if r.URL.Path == "/first" {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, "/second?c=d", http.StatusTemporaryRedirect)
			return
		}
		if r.URL.Path == "/endless" {
			http.Redirect(w, r, "/endless", http.StatusFound)
			return
		}
		streamOf("data: "+r.Proto+"\n\n")(w, r)
	}))
	t.Cleanup(s.Close)
	v := newVU(t, s.URL+"/first")
	r := v.record("{method: 'post', body: ' hello '}")
	assert.Equal(t, []string{"open", ":HTTP/1.1#"}, r.Log)
	assert.Equal(t, []string{`POST /first "hello" `, `POST /second?c=d "hello" a=b`}, seen)

	v = newVU(t, s.URL+"/endless")
	assert.Equal(t, []string{"error: more than 2 redirects"}, v.record("{}").Log)
}

func TestWrongArguments(t *testing.T) {
	v := newVU(t, "http://127.0.0.1:1")
	for script, want := range map[string]string{
		"sse.open(url)":                                          "takes two or three arguments",
		"sse.open(url, {})":                                      "not a function",
		"sse.open('ftp://a', () => {})":                          "not an http or https URL",
		"sse.open(url, {timeout: 'soon'}, () => {})":             "timeout",
		"sse.open(url, {headers: {a: 'b\\r\\nc: d'}}, () => {})": "cannot be sent",
		"sse.open(url, {native: {latencyFrom: 1}}, () => {})":    "native.latencyFrom is not known",
		"sse.open(url, {jar: {}}, () => {})":                     "jar",
		"sse.open(url, {method: 'A B'}, () => {})":               "method",
	} {
		_, err := v.tryRun(script)
		assert.ErrorContains(t, err, want, script)
	}
}

func TestSamplesAreBatchedOverAllVUs(t *testing.T) {
	const events = 5000
	text := ""
	for range events {
		text += "data: {\"date\":1}\n\n"
	}
	v := newVU(t, newServer(t, streamOf(text)).URL)
	var r result
	require.NoError(t, json.Unmarshal([]byte(v.run(
		"return {response: sse.open(url, {native: {latency: 'date'}}, () => {})}")), &r))
	assert.Equal(t, events, r.Response.Stats.Events)
	pushed := metricsPushed(v)
	assert.LessOrEqual(t, len(pushed), 5)
	counts, latencies := 0, 0
	for _, samples := range pushed {
		for _, sample := range samples.GetSamples() {
			switch sample.Metric.Name {
			case "sse_event":
				counts++
			case "sse_event_latency":
				latencies++
			}
		}
	}
	assert.LessOrEqual(t, counts, 5)
	assert.Equal(t, events, latencies)
}

func TestSamplesOfAHeldStreamDoNotWaitForItsEnd(t *testing.T) {
	v := newVU(t, newServer(t, held("data: x\n\n")).URL)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = v.tryRun("sse.open(url, () => {})")
	}()
	select {
	case container := <-v.samples:
		assert.Equal(t, "sse_event", container.GetSamples()[0].Metric.Name)
	case <-time.After(10 * time.Second):
		t.Error("nothing was pushed")
	}
	v.runtime.CancelContext()
	<-ended
}

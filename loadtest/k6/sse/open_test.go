package sse

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/guregu/null.v3"
)

// result is what the scripts of these tests return.
type result struct {
	Log      []string
	Response struct {
		URL     string
		Status  int
		Headers map[string]string
		Error   string
		Stats   struct {
			Connects, Reconnects, Events, Comments, Bytes, Gaps, Lost, Duplicates int
			FirstEventMs                                                          *float64
			LastEventID                                                           string `json:"lastEventId"`
		}
	}
}

func (v *vu) record(parameters string) result {
	v.t.Helper()
	var r result
	text := v.run(recorder + `const response = sse.open(url, ` + parameters + `, record); return {log, response};`)
	require.NoError(v.t, json.Unmarshal([]byte(text), &r))
	return r
}

func TestEventsAreHandedOverAndTheEndReturns(t *testing.T) {
	s := newServer(t, streamOf("retry: 10\n\n", ": hello\n\n", "id: 1\nevent: a\ndata: x\n\n", "data: y\ndata: z\n\n"))
	v := newVU(t, s.URL+"/events?a=b")
	r := v.record("null")

	assert.Equal(t, []string{"open", "a:x#1", ":y\nz#"}, r.Log)
	assert.Equal(t, 200, r.Response.Status)
	assert.Equal(t, s.URL+"/events?a=b", r.Response.URL)
	assert.Equal(t, "text/event-stream", r.Response.Headers["Content-Type"])
	assert.Empty(t, r.Response.Error)
	assert.Equal(t, 1, r.Response.Stats.Connects)
	assert.Equal(t, 2, r.Response.Stats.Events)
	assert.Equal(t, 1, r.Response.Stats.Comments)
	assert.Equal(t, "1", r.Response.Stats.LastEventID)
	assert.NotNil(t, r.Response.Stats.FirstEventMs)

	request := s.request(0)
	assert.Equal(t, "/events?a=b", request.RequestURI)
	assert.Equal(t, "text/event-stream", request.Header.Get("Accept"))
	assert.Equal(t, "test-agent", request.Header.Get("User-Agent"))

	totals := v.totals()
	assert.Equal(t, 2.0, sum(totals, "sse_event"))
	assert.Equal(t, 1.0, sum(totals, "http_reqs"))
	assert.Equal(t, 1, totals["http_req_duration"].count)
	assert.Equal(t, "200", totals["http_reqs"].tags[0]["status"])
}

func TestConnectErrorsReachTheHandler(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	v := newVU(t, "http://"+listener.Addr().String())
	r := v.record("null")

	require.Len(t, r.Log, 1)
	assert.Contains(t, r.Log[0], "connection refused")
	assert.Equal(t, 0, r.Response.Status)
	assert.Contains(t, r.Response.Error, "connection refused")
	assert.Equal(t, 1.0, sum(v.totals(), "http_reqs"))

	v = newVU(t, "http://"+listener.Addr().String())
	v.state.Options.Throw = null.BoolFrom(true)
	_, err = v.tryRun("sse.open(url, () => {})")
	assert.ErrorContains(t, err, "connection refused")
}

func TestBrokenStreamsEndAfterAnError(t *testing.T) {
	event := "data: x\n\n"
	seen := make(chan struct{})
	for name, test := range map[string]struct {
		answer answer
		want   string
	}{
		"reset":             {raw(seen, streamHead+inChunks(event)), "connection reset by peer"},
		"unexpected EOF":    {raw(nil, streamHead+inChunks(event)), "unexpected EOF"},
		"EOF in a chunk":    {raw(nil, streamHead+inChunks(event)+"20\r\ndata"), "unexpected EOF"},
		"short body":        {raw(nil, streamHead+"Content-Length: 20\r\n\r\n"+event), "unexpected EOF"},
		"wrong chunk":       {raw(nil, streamHead+inChunks(event)+"zz\r\n"), "chunked coding"},
		"wrong chunk's end": {raw(nil, streamHead+inChunks()+"9\r\n"+event+"12\r\n"), "chunked coding"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVU(t, newServer(t, test.answer).URL)
			if name == "reset" {
				require.NoError(t, v.runtime.VU.Runtime().Set("seen", func() { close(seen) }))
			}
			r := v.record("null")
			require.Len(t, r.Log, 3)
			assert.Equal(t, []string{"open", ":x#"}, r.Log[:2])
			assert.Contains(t, r.Log[2], test.want)
			assert.Contains(t, r.Response.Error, test.want)
			assert.Equal(t, 200, r.Response.Status)
		})
	}
}

func TestCleanEnds(t *testing.T) {
	event := "data: x\n\n"
	for name, text := range map[string]string{
		"the last chunk":          inChunks(event) + "0\r\n\r\n",
		"a trailer":               inChunks(event) + "0\r\nA: b\r\n\r\n",
		"a chunk's extension":     "Transfer-Encoding: chunked\r\n\r\n9;a=b\r\n" + event + "\r\n0\r\n\r\n",
		"the length of the body":  "Content-Length: 9\r\n\r\n" + event,
		"no length":               "\r\n" + event,
		"an informational answer": "\r\n" + event,
	} {
		t.Run(name, func(t *testing.T) {
			head := streamHead
			if name == "an informational answer" {
				head = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + head
			}
			r := newVU(t, newServer(t, raw(nil, head+text)).URL).record("null")
			assert.Equal(t, []string{"open", ":x#"}, r.Log)
			assert.Empty(t, r.Response.Error)
		})
	}
}

func TestOtherAnswersAreOneErrorAndTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		status      int
		contentType string
		want        string
	}{
		"unavailable":     {503, "application/json", "error: the status is 503 and not 200"},
		"no content":      {204, "text/event-stream", "error: the status is 204 and not 200"},
		"wrong type":      {200, "text/html", `error: the content type is "text/html" and not text/event-stream`},
		"a similar type":  {200, "text/event-stream-x", `error: the content type is "text/event-stream-x" and not text/event-stream`},
		"with parameters": {200, "Text/Event-Stream ;charset=utf-8", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.contentType)
				w.WriteHeader(test.status)
				if test.status != 204 {
					_, _ = w.Write([]byte("{\"a\": 1}\n\nline\n\n"))
				}
			})
			v := newVU(t, s.URL)
			r := v.record("{native: {reconnect: true, closeAtMs: Date.now() + 300}}")
			assert.Equal(t, test.status, r.Response.Status)
			if test.want == "" {
				assert.Equal(t, "open", r.Log[0])
				return
			}
			assert.Equal(t, []string{test.want}, r.Log)
			assert.Equal(t, 1, s.requestCount())
			assert.Equal(t, 0.0, sum(v.totals(), "sse_event"))
		})
	}
}

func TestTheTimeoutEndsWithAnError(t *testing.T) {
	v := newVU(t, newServer(t, held("data: x\n\n")).URL)
	started := time.Now()
	r := v.record("{timeout: '150ms', native: {reconnect: true}}")
	assert.Equal(t, []string{"open", ":x#", "error: the timeout of open() has passed"}, r.Log)
	assert.GreaterOrEqual(t, time.Since(started), 150*time.Millisecond)
}

func TestCloseEndsFromEveryHandler(t *testing.T) {
	for _, handler := range []string{"open", "event", "comment", "event:message"} {
		t.Run(handler, func(t *testing.T) {
			v := newVU(t, newServer(t, held(": c\ndata: x\n\ndata: y\n\n")).URL)
			assert.Equal(t, `[1,""]`, v.run(`
				let calls = 0;
				const response = sse.open(url, {native: {reconnect: true}}, (client) => {
					client.on('`+handler+`', () => { calls++; client.close(); });
				});
				return [calls, response.error];
			`))
		})
	}
}

func TestWhatAHandlerThrowsIsThrownByOpen(t *testing.T) {
	v := newVU(t, newServer(t, held("data: x\n\n")).URL)
	_, err := v.tryRun("sse.open(url, (client) => client.on('event', () => { throw new Error('mine'); }))")
	assert.ErrorContains(t, err, "mine")
	assert.Equal(t, 1.0, sum(v.totals(), "sse_event"))
	assert.Equal(t, `"mine"`, v.run(
		"try { sse.open(url, () => { throw new Error('mine'); }) } catch (error) { return error.message; }"))
}

func TestTheEndOfTheVUClosesAndKeepsTheSamples(t *testing.T) {
	gone := make(chan struct{})
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		held("data: {\"date\": 1}\n\n")(w, r)
		close(gone)
	})
	v := newVU(t, s.URL)
	runtime := v.runtime.VU.Runtime()
	require.NoError(t, runtime.Set("end", v.runtime.CancelContext))
	_, err := v.tryRun(`
		sse.open(url, {native: {latency: 'date'}}, (client) => client.on('event', end));
		throw new Error('the code after open() has run');
	`)
	assert.ErrorContains(t, err, context.Canceled.Error())
	<-gone
	totals := v.totals()
	assert.Equal(t, 1.0, sum(totals, "sse_event"))
	assert.Equal(t, 1, totals["sse_event_latency"].count)
	assert.Equal(t, 1.0, sum(totals, "http_reqs"))
}

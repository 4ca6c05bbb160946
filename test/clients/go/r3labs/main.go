package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/r3labs/sse/v2"
	"gopkg.in/cenkalti/backoff.v1"

	. "kafka-sse-gateway/test/clients/report"
)

func main() {
	url, token := URL(), Token

	// #region docs
	client := sse.NewClient(url, sse.ClientMaxBufferSize(2<<20)) // the gateway's largest frame is 1 MiB
	client.Connection.Transport = Bearer{Token: token}
	client.ReconnectStrategy = &backoff.StopBackOff{} // the loop below reconnects, after a clean end as well
	var refused error
	client.ResponseValidator = func(_ *sse.Client, response *http.Response) error {
		if response.StatusCode != http.StatusOK {
			response.Body.Close()
			err := fmt.Errorf("status %d", response.StatusCode)
			if response.StatusCode >= 400 && response.StatusCode < 500 {
				refused = err
			}
			return err
		}
		response.Body = &wholeEvents{ReadCloser: response.Body}
		Connected()
		return nil
	}
	wait := time.Second
	for refused == nil {
		// Nil after a clean end, else the error: reconnect in either case.
		_ = client.SubscribeRaw(func(event *sse.Event) {
			if ms, err := strconv.Atoi(string(event.Retry)); err == nil {
				wait = time.Duration(ms) * time.Millisecond
			}
			switch string(event.Event) {
			case "":
				Handle(string(event.Data), string(event.ID))
			case "gateway.gap", "gateway.reset":
				Incomplete(string(event.Data))
			}
		})
		time.Sleep(wait)
	}
	Stop(refused)
	// #endregion
}

// #region reader

// wholeEvents passes on nothing behind the last blank line: r3labs takes the torn rest of a broken connection for an
// event, and its torn id for an id.
type wholeEvents struct {
	io.ReadCloser
	held  []byte
	whole int
}

func (w *wholeEvents) Read(into []byte) (int, error) {
	for w.whole == 0 {
		n, err := w.ReadCloser.Read(into)
		from := max(0, len(w.held)-1)
		w.held = append(w.held, into[:n]...)
		if end := bytes.LastIndex(w.held[from:], []byte("\n\n")); end >= 0 {
			w.whole = from + end + 2
		} else if err != nil {
			return 0, err
		}
	}
	n := copy(into, w.held[:w.whole])
	w.held, w.whole = w.held[n:], w.whole-n
	return n, nil
}

// #endregion

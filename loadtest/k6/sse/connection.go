package sse

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"time"

	"go.k6.io/k6/lib"
)

// connection is one HTTP/1.1 exchange over a separate connection. It has no goroutine and, while it waits, one
// small buffer: http.Transport keeps two goroutines and two buffers for each.
type connection struct {
	conn   net.Conn
	unbind func() bool
	body   body
	// Bytes read together with the head.
	early []byte
	wait  [waitBytes]byte
}

const (
	// Large enough for most events; kept as long as the connection.
	waitBytes = 1 << 10
	// Shared buffers for the rest.
	burstBytes   = 16 << 10
	maxHeadBytes = 64 << 10
)

var burstBuffers = sync.Pool{New: func() any { return new([burstBytes]byte) }}

// A deadline that has passed.
var past = time.Unix(1, 0)

// connect dials with the VU's dialer, sends the request and reads the head of the answer, following redirects. The
// connection breaks when the context ends, and at the deadline unless that is zero. The caller closes it.
func connect(
	ctx context.Context, state *lib.State, r *request, jar *cookiejar.Jar, deadline time.Time,
) (*connection, *http.Response, error) {
	for redirects := int64(0); ; redirects++ {
		c, answer, err := exchange(ctx, state, r, jar, deadline)
		if err != nil {
			return nil, nil, err
		}
		next, err := r.redirected(answer)
		if err == nil && next == nil {
			return c, answer, nil
		}
		c.close()
		if err == nil && redirects >= state.Options.MaxRedirects.Int64 {
			err = fmt.Errorf("more than %d redirects", state.Options.MaxRedirects.Int64)
		}
		if err != nil {
			return nil, nil, err
		}
		r = next
	}
}

func exchange(
	ctx context.Context, state *lib.State, r *request, jar *cookiejar.Jar, deadline time.Time,
) (*connection, *http.Response, error) {
	conn, err := dial(ctx, state, r, deadline)
	if err != nil {
		return nil, nil, err
	}
	c := &connection{conn: conn}
	err = conn.SetDeadline(deadline)
	// After the deadline, which would otherwise take this one's place.
	c.unbind = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })
	if err != nil {
		c.close()
		return nil, nil, err
	}
	answer, err := c.ask(r, jar)
	if err != nil {
		c.close()
		return nil, nil, err
	}
	return c, answer, nil
}

func dial(ctx context.Context, state *lib.State, r *request, deadline time.Time) (net.Conn, error) {
	if !deadline.IsZero() {
		limited, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		ctx = limited
	}
	conn, err := state.Dialer.DialContext(ctx, "tcp", r.address())
	if err != nil || r.url.Scheme != "https" {
		return conn, err
	}
	config := &tls.Config{}
	if state.TLSConfig != nil {
		config = state.TLSConfig.Clone()
	}
	config.NextProtos = []string{"http/1.1"}
	if config.ServerName == "" {
		config.ServerName = r.url.Hostname()
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

func (c *connection) ask(r *request, jar *cookiejar.Jar) (*http.Response, error) {
	var cookies []*http.Cookie
	if jar != nil {
		cookies = jar.Cookies(r.url)
	}
	if _, err := c.conn.Write(r.bytes(cookies)); err != nil {
		return nil, err
	}
	answer, err := c.readHead(r)
	if err != nil {
		return nil, err
	}
	if jar != nil {
		jar.SetCookies(r.url, answer.Cookies())
	}
	c.body, err = bodyOf(answer)
	return answer, err
}

var headEnd = []byte("\r\n\r\n")

func (c *connection) readHead(r *request) (*http.Response, error) {
	var received []byte
	for {
		// A small buffer: each VU holds it while it waits for the answer.
		n, err := c.conn.Read(c.wait[:])
		received = append(received, c.wait[:n]...)
		for {
			end := bytes.Index(received, headEnd)
			if end < 0 {
				break
			}
			head := bufio.NewReader(bytes.NewReader(received[:end+len(headEnd)]))
			answer, err := http.ReadResponse(head, &http.Request{Method: r.method})
			if err != nil {
				return nil, err
			}
			received = received[end+len(headEnd):]
			// Others announce the real one.
			if answer.StatusCode >= http.StatusOK || answer.StatusCode == http.StatusSwitchingProtocols {
				c.early = received
				return answer, nil
			}
		}
		if len(received) > maxHeadBytes {
			return nil, fmt.Errorf("the head of the answer is longer than %d bytes", maxHeadBytes)
		}
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the server closed the connection without an answer: %w", io.ErrUnexpectedEOF)
		}
		if err != nil {
			return nil, err
		}
	}
}

// read passes each piece and its arrival time to `take`, until that returns false or the body ends (nil), or returns
// the error.
func (c *connection) read(take func(payload []byte, arrivedAt time.Time) bool) error {
	early := c.early
	c.early = nil
	more, err := c.deliver(early, take)
	for more && err == nil {
		n, readErr := c.conn.Read(c.wait[:])
		if more, err = c.deliver(c.wait[:n], take); !more || err != nil {
			break
		}
		if err = c.ended(readErr); err != nil || readErr != nil {
			break
		}
		if n == len(c.wait) {
			more, err = c.readBurst(take)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readBurst reads once with a large buffer, since there is probably more.
func (c *connection) readBurst(take func([]byte, time.Time) bool) (bool, error) {
	burst := burstBuffers.Get().(*[burstBytes]byte)
	defer burstBuffers.Put(burst)
	for {
		n, readErr := c.conn.Read(burst[:])
		more, err := c.deliver(burst[:n], take)
		if !more || err != nil {
			return more, err
		}
		if err := c.ended(readErr); err != nil || n < len(burst) {
			return true, err
		}
	}
}

// ended is io.EOF when the framing is complete.
func (c *connection) ended(readErr error) error {
	if !errors.Is(readErr, io.EOF) {
		return readErr
	}
	if err := c.body.close(); err != nil {
		return err
	}
	return io.EOF
}

func (c *connection) deliver(piece []byte, take func([]byte, time.Time) bool) (bool, error) {
	arrivedAt := time.Now()
	for len(piece) > 0 && !c.body.ended {
		payload, rest, err := c.body.next(piece)
		if err != nil {
			return false, err
		}
		if len(payload) > 0 && !take(payload, arrivedAt) {
			return false, nil
		}
		piece = rest
	}
	if c.body.ended {
		return false, io.EOF
	}
	return true, nil
}

func (c *connection) close() {
	c.unbind()
	_ = c.conn.Close()
}

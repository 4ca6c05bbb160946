// Package report is what a program of this module is told, and says, as one line of JSON each: the test reads it.
package report

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"time"
)

var out = json.NewEncoder(os.Stdout)

func say(line map[string]string) {
	if err := out.Encode(line); err != nil {
		panic(err)
	}
}

// URL of the stream.
func URL() string { return os.Args[1] }

// Token that is good now.
func Token() string { return os.Args[2] }

// ReadTimeout after which a silent connection counts as broken.
func ReadTimeout() time.Duration {
	ms, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	return time.Duration(ms) * time.Millisecond
}

func Connected()             { say(map[string]string{"kind": "connected"}) }
func Handle(data, id string) { say(map[string]string{"kind": "event", "data": data, "id": id}) }
func Incomplete(data string) { say(map[string]string{"kind": "incomplete", "data": data}) }
func Stop(reason error)      { say(map[string]string{"kind": "stopped", "reason": reason.Error()}) }

// #region docs

// Bearer puts a token that is good now into each request.
type Bearer struct{ Token func() string }

func (b Bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+b.Token())
	return http.DefaultTransport.RoundTrip(request)
}

// #endregion

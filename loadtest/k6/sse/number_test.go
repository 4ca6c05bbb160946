package sse

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNumberPath(t *testing.T) {
	for _, test := range []struct {
		document string
		path     string
		want     any
	}{
		{`{"payload":{"date":1795270000123}}`, "payload.date", 1795270000123.0},
		{"1795270000123", ".", 1795270000123.0},
		{" -1.5e3 ", ".", -1500.0},
		{` { "a" : { "b" : 7 } } `, "a.b", 7.0},
		{`{"x":{"date":1},"payload":{"y":[{"date":2}],"date":3}}`, "payload.date", 3.0},
		{`{"x":"\"date\":1","date":2}`, "date", 2.0},
		{`{"x":"\\","date":2}`, "date", 2.0},
		{`{"x":"\\\"}","date":2}`, "date", 2.0},
		{`{"x":"}{][","y":[1,{"a":"]"}],"date":2}`, "date", 2.0},
		{`{"\u0064ate":2}`, "date", 2.0},
		{`{"a":1,"a":2}`, "a", 1.0},
		{`{"":{"":5}}`, "." + "", nil},
		{`{"a":12345678901234567890}`, "a", 12345678901234567890.0},
		{`{"a":{"b":1}}`, "a", nil},
		{`{"a":"1"}`, "a", nil},
		{`{"a":null}`, "a", nil},
		{`{"a":1}`, "b", nil},
		{`{"a":1}`, "a.b", nil},
		{`{"a":01}`, "a", nil},
		{`{"a":1.}`, "a", nil},
		{`{"a":1e}`, "a", nil},
		{`{"a":1e999}`, "a", nil},
		{`{"a":"b`, "c", nil},
		{`{"a`, "a", nil},
		{`{"a"`, "a", nil},
		{`{"a":`, "a", nil},
		{`{"a":[1`, "b", nil},
		{`{"a":1`, "b", nil},
		{`{`, "a", nil},
		{`[1]`, "a", nil},
		{``, ".", nil},
		{`no JSON`, "a", nil},
	} {
		t.Run(test.document+" "+test.path, func(t *testing.T) {
			n, ok := parseNumberPath(test.path).find([]byte(test.document))
			if test.want == nil {
				assert.False(t, ok, "found %v", n)
				return
			}
			assert.True(t, ok)
			assert.Equal(t, test.want, n)
		})
	}
	assert.Nil(t, parseNumberPath(""))
}

// Compares with encoding/json on whatever that takes for JSON; on the rest there must only be no panic.
func FuzzNumberPath(f *testing.F) {
	for _, document := range []string{
		`{"payload":{"date":1795270000123}}`, `{"a":{"b":[1,{"date":2}],"date":3}}`, `{"a":"\\\"","date":-0.5e-3}`,
		`{"\u0064ate":1}`, `{"a":1,"a":2}`, `12`, `[[],{}]`, `{"a`, `{"a":"\`, "{\"a\":\"\xff\",\"date\":1}", `{"a":{"date":1},"date":{"date":2}}`,
	} {
		f.Add(document, "date")
		f.Add(document, "a.date")
		f.Add(document, ".")
	}
	f.Fuzz(func(t *testing.T, document, path string) {
		parsed := parseNumberPath(path)
		if parsed == nil {
			return
		}
		got, ok := parsed.find([]byte(document))
		if !json.Valid([]byte(document)) {
			return
		}
		want, wantOK := decode(json.RawMessage(document), parsed)
		assert.Equal(t, wantOK, ok)
		if wantOK {
			assert.InDelta(t, want, got, 0)
		}
	})
}

// decode is the same with encoding/json.
func decode(document json.RawMessage, path numberPath) (float64, bool) {
	if len(path) == 0 {
		var n any
		if json.Unmarshal(document, &n) != nil {
			return 0, false
		}
		number, ok := n.(float64)
		return number, ok
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return 0, false
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return 0, false
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return 0, false
		}
		if name == path[0] {
			return decode(value, path[1:])
		}
	}
	return 0, false
}

func BenchmarkNumberPath(b *testing.B) {
	document := []byte(`{"text":"` + strings.Repeat("x", 200) + `","payload":{"kind":"a","date":1795270000123}}`)
	path := parseNumberPath("payload.date")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := path.find(document); !ok {
			b.Fatal("not found")
		}
	}
}

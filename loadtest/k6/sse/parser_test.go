package sse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// noted is what a parser has found, one line for each.
type noted struct {
	lines []string
	stop  int
}

func (n *noted) comment(text []byte) bool {
	n.lines = append(n.lines, fmt.Sprintf("comment %q", text))
	return len(n.lines) != n.stop
}

func (n *noted) retry(ms int64) {
	n.lines = append(n.lines, fmt.Sprintf("retry %d", ms))
}

func (n *noted) dispatch(b *block) bool {
	line := "block"
	if b.hasID {
		line += fmt.Sprintf(" id %q", b.id)
	}
	if len(b.name) > 0 {
		line += fmt.Sprintf(" name %q", b.name)
	}
	if b.hasData {
		line += fmt.Sprintf(" data %q", b.data)
	}
	n.lines = append(n.lines, line)
	return len(n.lines) != n.stop
}

// The first are those of web-platform-tests/wpt, eventsource/, whose names they carry.
var vectors = []struct {
	name  string
	input string
	want  []string
}{
	{"event-data", "data:msg\ndata:msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n",
		[]string{`block data "msg\nmsg"`, `comment ""`, `block data ""`, `block data "end"`}},
	{"format-newlines", "data:test\r\ndata\ndata:test\r\n\r", []string{`block data "test\n\ntest"`}},
	{"format-field-parsing", "data:\x00\ndata:  2\rData:1\ndata\x00:2\ndata:1\r\x00data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
		[]string{`block data "\x00\n 2\n1\n3\n\n4"`}},
	{"format-comments", "data:1\r:\x00\n:\r\ndata:2\n:" + strings.Repeat("x", 2048) + "\rdata:3\n:data:fail\r:" + "y" + "\ndata:4\n\n",
		[]string{`comment "\x00"`, `comment ""`, `comment "` + strings.Repeat("x", 2048) + `"`, `comment "data:fail"`, `comment "y"`, `block data "1\n2\n3\n4"`}},
	{"format-leading-space", "data:\ttest\rdata: \ndata:test\n\n", []string{`block data "\ttest\n\ntest"`}},
	{"format-field-data", "data:\n\ndata\ndata\n\ndata:test\n\n", []string{`block data ""`, `block data "\n"`, `block data "test"`}},
	{"format-field-unknown", "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
		[]string{`comment "thisisacommentyay"`, `block data "test\n\ntest"`}},
	{"format-field-event", "event:test\ndata:x\n\ndata:x\n\n", []string{`block name "test" data "x"`, `block data "x"`}},
	{"format-field-event-empty", "event: \ndata:data\n\n", []string{`block data "data"`}},
	{"format-field-id", "id: …\n\ndata:x\n\n", []string{`block id "…"`, `block data "x"`}},
	{"format-field-id-2", "id:\ndata:x\n\nid\ndata:y\n\n", []string{`block id "" data "x"`, `block id "" data "y"`}},
	{"format-field-id-null", "id:a\x00b\ndata:x\n\n", []string{`block data "x"`}},
	{"format-field-retry", "retry:3000\ndata:x\n\n", []string{"retry 3000", `block data "x"`}},
	{"format-field-retry-bogus", "retry:3000\nretry:1000x\ndata:x\n\n", []string{"retry 3000", `block data "x"`}},
	{"format-field-retry-empty", "retry:400\nretry\ndata:test\n\n", []string{"retry 400", `block data "test"`}},
	{"format-data-before-final-empty-line", "retry:1000\ndata:test1\n\nid:test\ndata:test2", []string{"retry 1000", `block data "test1"`}},
	{"format-bom", "\xef\xbb\xbfdata:1\n\n\xef\xbb\xbfdata:2\n\ndata:3\n\n", []string{`block data "1"`, `block data "3"`}},
	{"format-bom-2", "\xef\xbb\xbf\xef\xbb\xbfdata:1\n\ndata:2\n\ndata:3\n\n", []string{`block data "2"`, `block data "3"`}},
	{"format-utf-8", "data:ok…\n\n", []string{`block data "ok…"`}},
	{"format-null-character", "data:\x00\n\n", []string{`block data "\x00"`}},

	{"CRLF", "id: foo\r\nevent: bar\r\ndata: a\r\ndata: b\r\n\r\n", []string{`block id "foo" name "bar" data "a\nb"`}},
	{"CR", "id: foo\revent: bar\rdata: a\rdata: b\r\rdata: c\r\r", []string{`block id "foo" name "bar" data "a\nb"`, `block data "c"`}},
	{"retry alone", "retry: 3000\n\n", []string{"retry 3000"}},
	{"a heartbeat", ": hb\n\n", []string{`comment "hb"`}},
	{"a name alone", "event: x\n\ndata: y\n\n", []string{`block data "y"`}},
	{"a retry that is too large", "retry: 99999999999999999999999\n", []string{"retry 9007199254740992"}},
	{"nothing", "", nil},
}

func parseIn(input string, size int) []string {
	n := &noted{}
	p := &parser{}
	for begin := 0; begin < len(input); begin += size {
		piece := []byte(input[begin:min(begin+size, len(input))])
		p.feed(piece, n)
		// It is overwritten by the next read.
		for i := range piece {
			piece[i] = '#'
		}
	}
	return n.lines
}

func TestParser(t *testing.T) {
	for _, vector := range vectors {
		t.Run(vector.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 5, 7, 64, max(1, len(vector.input))} {
				assert.Equal(t, vector.want, parseIn(vector.input, size), "in pieces of %d", size)
			}
		})
	}
}

func TestParserStops(t *testing.T) {
	n := &noted{stop: 2}
	assert.False(t, (&parser{}).feed([]byte("data: a\n\n:b\ndata: c\n\n"), n))
	assert.Equal(t, []string{`block data "a"`, `comment "b"`}, n.lines)
}

func TestParserHoldsNothingBetweenEvents(t *testing.T) {
	p := &parser{}
	event := []byte("id: 1\nevent: a\ndata: x\n\n")
	n := &noted{}
	p.feed(event, n)
	assert.Equal(t, parser{started: true}, *p)
	assert.Zero(t, testing.AllocsPerRun(100, func() { p.feed(event, discard{}) }))
}

type discard struct{}

func (discard) comment([]byte) bool  { return true }
func (discard) retry(int64)          {}
func (discard) dispatch(*block) bool { return true }

// Wherever a stream is cut, it says the same; and it says what a reader says that sees all of it at once.
func FuzzParser(f *testing.F) {
	for _, vector := range vectors {
		f.Add(vector.input, 3)
	}
	f.Fuzz(func(t *testing.T, input string, size int) {
		if size <= 0 {
			size = 1
		}
		want := readAll(input)
		assert.Equal(t, want, parseIn(input, size))
		assert.Equal(t, want, parseIn(input, max(1, len(input))))
	})
}

// readAll is the algorithm of HTML, section 9.2.6, as it is written there.
func readAll(input string) []string {
	n := &noted{}
	input = strings.TrimPrefix(input, "\ufeff")
	input = strings.ReplaceAll(strings.ReplaceAll(input, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(input, "\n")
	var b block
	for _, line := range lines[:len(lines)-1] {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if b.hasData {
				b.data = b.data[:len(b.data)-1]
			}
			if b.hasData || b.hasID {
				n.dispatch(&b)
			}
			b = block{}
		case strings.HasPrefix(line, ":"):
			n.comment([]byte(value))
		case field == "data":
			b.data = append(b.data, value+"\n"...)
			b.hasData = true
		case field == "event":
			b.name = []byte(value)
		case field == "id" && !strings.Contains(value, "\x00"):
			b.id, b.hasID = []byte(value), true
		case field == "retry" && value != "" && strings.Trim(value, "0123456789") == "":
			ms, _ := digits([]byte(value))
			n.retry(ms)
		}
	}
	return n.lines
}

func BenchmarkParser(b *testing.B) {
	p := &parser{}
	event := []byte("id: 0-12345\ndata: {\"payload\":{\"date\":1795270000000,\"text\":\"" + strings.Repeat("x", 200) + "\"}}\n\n")
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		p.feed(event, discard{})
	}
}

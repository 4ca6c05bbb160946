package sse

import "bytes"

// block is the fields between two blank lines. Its slices are valid only during the call that passes it.
type block struct {
	id      []byte
	name    []byte
	data    []byte
	comment []byte
	hasID   bool
	hasData bool
}

// receiver gets the parser's results. A method that returns false stops the parser.
type receiver interface {
	// comment is called for each comment line.
	comment(text []byte) bool
	// retry is called for each retry field that is a number of ms.
	retry(ms int64)
	// dispatch is called at the blank line after each block that has an id or data.
	dispatch(b *block) bool
}

// parser reads a stream in pieces of any size (HTML, section 9.2.6). Between events it holds no buffers: an event
// that lies in one piece is not copied.
type parser struct {
	current block
	// The start of an incomplete line; owned.
	line []byte
	// Whether the data is owned, and not part of a piece.
	ownsData bool
	// A CR ended the last line: a LF that follows belongs to it.
	afterCR bool
	// The first line, which may start with a byte order mark, is done.
	started bool
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	fieldData     = []byte("data")
	fieldEvent    = []byte("event")
	fieldID       = []byte("id")
	fieldRetry    = []byte("retry")
)

// feed reads the next piece; false when the receiver stopped it.
func (p *parser) feed(piece []byte, to receiver) bool {
	if p.afterCR && len(piece) > 0 {
		p.afterCR = false
		if piece[0] == '\n' {
			piece = piece[1:]
		}
	}
	lf, cr := bytes.IndexByte(piece, '\n'), bytes.IndexByte(piece, '\r')
	begin := 0
	for {
		// Searched again only when it has been passed, so that a stream with one kind of line end is scanned once.
		if lf >= 0 && lf < begin {
			lf = indexFrom(piece, '\n', begin)
		}
		if cr >= 0 && cr < begin {
			cr = indexFrom(piece, '\r', begin)
		}
		end := lf
		if cr >= 0 && (lf < 0 || cr < lf) {
			end = cr
		}
		if end < 0 {
			break
		}
		line := piece[begin:end]
		begin = end + 1
		if end == cr {
			if begin == len(piece) {
				p.afterCR = true
			} else if piece[begin] == '\n' {
				begin++
			}
		}
		if p.line != nil {
			line = append(p.line, line...)
			p.line = nil
		}
		if !p.readLine(line, to) {
			return false
		}
	}
	if begin < len(piece) {
		p.line = append(p.line, piece[begin:]...)
	}
	p.hold()
	return true
}

func indexFrom(piece []byte, c byte, from int) int {
	if at := bytes.IndexByte(piece[from:], c); at >= 0 {
		return from + at
	}
	return -1
}

func (p *parser) readLine(line []byte, to receiver) bool {
	if !p.started {
		p.started = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	if len(line) == 0 {
		return p.endBlock(to)
	}
	colon := bytes.IndexByte(line, ':')
	if colon == 0 {
		p.current.comment = withoutSpace(line[1:])
		return to.comment(p.current.comment)
	}
	field, value := line, line[len(line):]
	if colon > 0 {
		field, value = line[:colon], withoutSpace(line[colon+1:])
	}
	b := &p.current
	switch {
	case bytes.Equal(field, fieldData):
		if !b.hasData {
			b.hasData = true
			// Without capacity, so that an append copies it.
			b.data = value[:len(value):len(value)]
			p.ownsData = false
		} else {
			b.data = append(append(b.data, '\n'), value...)
			p.ownsData = true
		}
	case bytes.Equal(field, fieldEvent):
		b.name = value
	case bytes.Equal(field, fieldID):
		if bytes.IndexByte(value, 0) < 0 {
			b.id, b.hasID = value, true
		}
	case bytes.Equal(field, fieldRetry):
		if ms, ok := digits(value); ok {
			to.retry(ms)
		}
	}
	return true
}

func (p *parser) endBlock(to receiver) bool {
	more := true
	if p.current.hasData || p.current.hasID {
		more = to.dispatch(&p.current)
	}
	p.current = block{}
	p.ownsData = false
	return more
}

// hold copies the parts still needed of a piece that is about to be overwritten.
func (p *parser) hold() {
	b := &p.current
	if b.hasData && !p.ownsData {
		b.data = bytes.Clone(b.data)
		p.ownsData = true
	}
	b.id = bytes.Clone(b.id)
	b.name = bytes.Clone(b.name)
	b.comment = bytes.Clone(b.comment)
}

func withoutSpace(value []byte) []byte {
	if len(value) > 0 && value[0] == ' ' {
		return value[1:]
	}
	return value
}

// The largest integer up to which float64 is exact.
const maxInteger = 1 << 53

// digits reads ASCII digits only; larger numbers become maxInteger.
func digits(value []byte) (int64, bool) {
	if len(value) == 0 {
		return 0, false
	}
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), maxInteger)
	}
	return n, true
}

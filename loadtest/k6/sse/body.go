package sse

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// body removes HTTP's framing from the bytes of an answer, in pieces of any size.
type body struct {
	framing framing
	state   chunkState
	// Bytes left of the chunk or of the whole body.
	remaining int64
	// Digits of the chunk's size so far.
	sizeDigits int
	// Bytes of the line of the trailer so far.
	trailerBytes int
	ended        bool
}

type framing int

const (
	untilClose framing = iota
	withLength
	chunked
)

type chunkState int

const (
	inSize chunkState = iota
	inExtension
	inData
	afterData
	inTrailer
)

// As many as fit into remaining.
const maxSizeDigits = 15

var errFraming = errors.New("the chunked coding of the answer is broken")

func bodyOf(answer *http.Response) (body, error) {
	switch {
	case len(answer.TransferEncoding) > 0:
		if len(answer.TransferEncoding) != 1 || answer.TransferEncoding[0] != "chunked" {
			return body{}, fmt.Errorf("the transfer encoding %q is not known", answer.TransferEncoding)
		}
		return body{framing: chunked}, nil
	case answer.ContentLength >= 0:
		return body{framing: withLength, remaining: answer.ContentLength, ended: answer.ContentLength == 0}, nil
	}
	return body{}, nil
}

// next returns the first payload of a piece, which may be empty, and the rest of the piece. Once `ended` is set
// there is nothing more.
func (b *body) next(piece []byte) (payload, rest []byte, err error) {
	switch b.framing {
	case chunked:
		return b.nextChunk(piece)
	case withLength:
		payload = piece[:min(int64(len(piece)), b.remaining)]
		b.remaining -= int64(len(payload))
		b.ended = b.remaining == 0
		return payload, nil, nil
	default:
		return piece, nil, nil
	}
}

func (b *body) nextChunk(piece []byte) (payload, rest []byte, err error) {
	for at, c := range piece {
		switch b.state {
		case inData:
			payload = piece[at:min(int64(len(piece)), int64(at)+b.remaining)]
			if b.remaining -= int64(len(payload)); b.remaining == 0 {
				b.state = afterData
			}
			return payload, piece[at+len(payload):], nil
		case inSize, inExtension:
			if err := b.readSize(c); err != nil {
				return nil, nil, err
			}
		case afterData:
			if c == '\n' {
				b.state, b.sizeDigits = inSize, 0
			} else if c != '\r' {
				return nil, nil, errFraming
			}
		case inTrailer:
			if c == '\n' {
				if b.trailerBytes == 0 {
					b.ended = true
					return nil, nil, nil
				}
				b.trailerBytes = 0
			} else if c != '\r' {
				b.trailerBytes++
			}
		}
	}
	return nil, nil, nil
}

func (b *body) readSize(c byte) error {
	switch {
	case c == '\n':
		if b.sizeDigits == 0 {
			return errFraming
		}
		if b.state = inData; b.remaining == 0 {
			b.state = inTrailer
		}
		return nil
	case b.state == inExtension || c == '\r':
		return nil
	case c == ';' || c == ' ' || c == '\t':
		b.state = inExtension
		return nil
	}
	digit, ok := hexDigit(c)
	if !ok || b.sizeDigits == maxSizeDigits {
		return errFraming
	}
	if b.sizeDigits == 0 {
		b.remaining = 0
	}
	b.sizeDigits++
	b.remaining = b.remaining<<4 | digit
	return nil
}

func hexDigit(c byte) (int64, bool) {
	switch {
	case c >= '0' && c <= '9':
		return int64(c - '0'), true
	case c >= 'a' && c <= 'f':
		return int64(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return int64(c-'A') + 10, true
	}
	return 0, false
}

// close is called at the end of the connection: nil when that ends a body without a length.
func (b *body) close() error {
	if b.ended || b.framing == untilClose {
		return nil
	}
	return io.ErrUnexpectedEOF
}

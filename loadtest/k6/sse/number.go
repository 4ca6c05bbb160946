package sse

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// numberPath says where in a JSON document a number is: the names of nested objects' members, outermost first.
type numberPath []string

// parseNumberPath reads `payload.date`, or `.` for a document that is the number itself; nil for ”.
func parseNumberPath(path string) numberPath {
	switch path {
	case "":
		return nil
	case ".":
		return numberPath{}
	}
	return strings.Split(path, ".")
}

// find returns the number at the path. The document is taken to be JSON and is read only as far as needed: of equal
// names the first counts, and what comes after the number may be anything.
func (path numberPath) find(document []byte) (float64, bool) {
	at := skipSpace(document, 0)
	for _, name := range path {
		if at = findMember(document, at, name); at < 0 {
			return 0, false
		}
	}
	return numberAt(document, at)
}

// findMember returns where the value of a member of the object at `at` begins, or -1.
func findMember(document []byte, at int, name string) int {
	if at >= len(document) || document[at] != '{' {
		return -1
	}
	at = skipSpace(document, at+1)
	for at < len(document) && document[at] == '"' {
		end := skipString(document, at)
		if end < 0 {
			return -1
		}
		same := isName(document[at:end], name)
		at = skipSpace(document, end)
		if at >= len(document) || document[at] != ':' {
			return -1
		}
		at = skipSpace(document, at+1)
		if same {
			return at
		}
		if at = skipValue(document, at); at < 0 {
			return -1
		}
		at = skipSpace(document, at)
		if at >= len(document) || document[at] != ',' {
			return -1
		}
		at = skipSpace(document, at+1)
	}
	return -1
}

// isName compares a string of the document, with its quotes.
func isName(quoted []byte, name string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == name
	}
	var unescaped string
	return json.Unmarshal(quoted, &unescaped) == nil && unescaped == name
}

// skipValue returns where the value at `at` has ended, or -1 when the document ends before.
func skipValue(document []byte, at int) int {
	depth := 0
	for at < len(document) {
		switch document[at] {
		case '"':
			if at = skipString(document, at); at < 0 {
				return -1
			}
		case '{', '[':
			depth++
			at++
		case '}', ']':
			if depth == 0 {
				return -1
			}
			depth--
			at++
		case ' ', '\t', '\n', '\r', ',', ':':
			if depth == 0 {
				return -1
			}
			at++
			continue
		default:
			at = skipLiteral(document, at)
		}
		if depth == 0 {
			return at
		}
	}
	return -1
}

// skipString returns where the string that begins at `at` has ended, or -1.
func skipString(document []byte, at int) int {
	at++
	for {
		quote := bytes.IndexByte(document[at:], '"')
		if quote < 0 {
			return -1
		}
		escapes := 0
		// It ends at the latest at the quote before.
		for document[at+quote-1-escapes] == '\\' {
			escapes++
		}
		at += quote + 1
		if escapes%2 == 0 {
			return at
		}
	}
}

// skipLiteral passes a number, true, false or null.
func skipLiteral(document []byte, at int) int {
	for at < len(document) {
		switch document[at] {
		case ' ', '\t', '\n', '\r', ',', ':', '{', '}', '[', ']', '"':
			return at
		}
		at++
	}
	return at
}

func skipSpace(document []byte, at int) int {
	for at < len(document) {
		switch document[at] {
		case ' ', '\t', '\n', '\r':
			at++
		default:
			return at
		}
	}
	return at
}

// What a float64 holds exactly, in digits.
const exactDigits = 15

func numberAt(document []byte, at int) (float64, bool) {
	end := skipLiteral(document, at)
	literal := document[at:end]
	if n, ok := digits(literal); ok && len(literal) <= exactDigits && (literal[0] != '0' || len(literal) == 1) {
		return float64(n), true
	}
	if !isNumber(literal) {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(literal), 64)
	return n, err == nil && !math.IsInf(n, 0)
}

// isNumber: JSON's grammar, which is narrower than Go's.
func isNumber(literal []byte) bool {
	rest := literal
	if len(rest) > 0 && rest[0] == '-' {
		rest = rest[1:]
	}
	whole := leadingDigits(rest)
	if whole == 0 || (whole > 1 && rest[0] == '0') {
		return false
	}
	rest = rest[whole:]
	if len(rest) > 0 && rest[0] == '.' {
		fraction := leadingDigits(rest[1:])
		if fraction == 0 {
			return false
		}
		rest = rest[1+fraction:]
	}
	if len(rest) > 0 && (rest[0] == 'e' || rest[0] == 'E') {
		rest = rest[1:]
		if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		exponent := leadingDigits(rest)
		if exponent == 0 {
			return false
		}
		rest = rest[exponent:]
	}
	return len(rest) == 0
}

func leadingDigits(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

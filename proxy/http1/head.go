package http1

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
)

const (
	// MaxLine bounds the first line of a head, in bytes.
	MaxLine = 16 << 10
	// MaxHead bounds the lines behind it.
	MaxHead = largeBuffer
	// MaxFields bounds the number of those lines.
	MaxFields = 256
)

var errLongLine = errors.New("a line is too long")

// because gives a line that is too long its reason.
func because(err error, reason string) error {
	if err == errLongLine {
		return bad(reason)
	}
	return err
}

// line takes a line of at most limit bytes and returns it without its end, valid
// until the next call of any method. The error is io.EOF when the connection ends
// before the first byte, and errLongLine.
func (d *Reader) line(limit int) ([]byte, error) {
	searched := 0
	for {
		buffered := d.buf[d.r:d.w]
		if i := bytes.IndexByte(buffered[searched:], '\n'); i >= 0 {
			end := searched + i - 1
			switch {
			case end > limit:
				return nil, errLongLine
			case end < 0 || buffered[end] != '\r':
				return nil, bad("a line ends without a carriage return")
			}
			d.r += end + 2
			return buffered[:end], nil
		}
		if searched = len(buffered); searched > limit+1 || searched == largeBuffer {
			return nil, errLongLine
		}
		if err := d.fill(); err != nil {
			if searched > 0 {
				err = midway(err)
			}
			return nil, err
		}
	}
}

// firstLine takes the first line of a head.
func (d *Reader) firstLine() (string, error) {
	line, err := d.line(MaxLine)
	if err == errLongLine {
		err = tooLong()
	}
	return string(line), err
}

// maxSkipped bounds how much of a first line that is too long is read.
const maxSkipped = 1 << 20

// fieldsBehindLongLine returns the fields behind a first line that is too long, as far as they come: they tell who asks.
func (d *Reader) fieldsBehindLongLine(into Fields) Fields {
	for skipped := 0; skipped < maxSkipped; {
		if i := bytes.IndexByte(d.buf[d.r:d.w], '\n'); i >= 0 {
			d.r += i + 1
			fields, _ := d.fields(into, false) // what is wrong with them does not matter any more
			return fields
		}
		skipped += d.w - d.r
		d.r = d.w
		if d.fill() != nil {
			break
		}
	}
	return into
}

// fields takes the lines of a head behind the first, the empty one included. Lines
// are checked as they come: who waits for more after a malformed one waits for
// nothing. Of a head that is too large it returns the lines before it was.
func (d *Reader) fields(into Fields, forgiving bool) (Fields, error) {
	lines, begin, searched := 0, 0, 0 // offsets from d.r
	for {
		i := bytes.IndexByte(d.buf[d.r+searched:d.w], '\n')
		if i < 0 {
			if searched = d.w - d.r; searched >= MaxHead {
				return d.before(begin, into, forgiving, tooLarge())
			}
			if err := d.fill(); err != nil {
				return nil, midway(err)
			}
			continue
		}
		end := searched + i
		if end == begin || d.buf[d.r+end-1] != '\r' {
			return nil, bad("a line ends without a carriage return")
		}
		if end-1 == begin {
			head := string(d.buf[d.r : d.r+begin])
			d.r += end + 1
			return parseFields(into, head, forgiving)
		}
		if lines++; lines > MaxFields {
			return d.before(begin, into, forgiving, tooMany())
		}
		begin, searched = end+1, end+1
	}
}

// before returns the whole lines that came of a head before it was too large: they tell
// who asks. One of them that is malformed is the error.
func (d *Reader) before(end int, into Fields, forgiving bool, err error) (Fields, error) {
	fields, malformed := parseFields(into, string(d.buf[d.r:d.r+end]), forgiving)
	if malformed != nil {
		err = malformed
	}
	return fields, err
}

// CheckSize refuses a trailer that came by another way than a Reader for what that
// would refuse in its size.
func (f Fields) CheckSize() error { return checkLines(f.size(), len(f)) }

// checkLines holds the lines of a head, of so many bytes without the empty one, to the bounds.
func checkLines(size, lines int) error {
	switch {
	case lines > MaxFields:
		return tooMany()
	case size+len("\r\n") > MaxHead:
		return tooLarge()
	}
	return nil
}

// size is that of the lines of HTTP/1.1.
func (f Fields) size() (n int) {
	for i := range f {
		n += f[i].size()
	}
	return n
}

func (f Field) size() int { return len(f.Name) + len(": ") + len(f.Value) + len("\r\n") }

func tooLarge() error {
	return &Error{http.StatusRequestHeaderFieldsTooLarge, "the head is too large: more than 64 KiB"}
}

func tooMany() error {
	return &Error{http.StatusRequestHeaderFieldsTooLarge, "the head is too large: more than 256 fields"}
}

func tooLong() error {
	return &Error{http.StatusRequestURITooLong, "the first line of the head is too long: more than 16 KiB"}
}

// parseFields reads lines of a head, each with its CRLF, and adds them to fields.
func parseFields(fields Fields, lines string, forgiving bool) (Fields, error) {
	for lines != "" {
		end := strings.IndexByte(lines, '\n')
		field, err := parseField(lines[:end-1], forgiving)
		if err != nil {
			return nil, err
		}
		fields, lines = append(fields, field), lines[end+1:]
	}
	return fields, nil
}

// parseField reads a line that is not empty, without its CRLF. Blanks before the colon
// are refused, or forgiven and removed (RFC 9112, section 5.1).
func parseField(line string, forgiving bool) (Field, error) {
	name, value, ok := strings.Cut(line, ":")
	if forgiving {
		name = trimBlanks(name)
	}
	switch {
	case line[0] == ' ' || line[0] == '\t':
		return Field{}, bad("a field is folded over two lines") // RFC 9112, section 5.2
	case !ok:
		return Field{}, bad("a line of the head has no colon")
	case !IsToken(name):
		return Field{}, bad("the name of a field has a byte that no name may have")
	}
	value = trimBlanks(value)
	if !isValue(value) {
		return Field{}, bad("the value of a field has a byte that no value may have")
	}
	return Field{name, value}, nil
}

// minorVersion takes "HTTP/1.1" or "HTTP/1.0" for its minor version.
func minorVersion(s string) (int, error) {
	switch {
	case s == "HTTP/1.1":
		return 1, nil
	case s == "HTTP/1.0":
		return 0, nil
	case len(s) == len("HTTP/0.0") && strings.HasPrefix(s, "HTTP/") && s[6] == '.' && isDigit(s[5]) && isDigit(s[7]):
		return 0, &Error{http.StatusHTTPVersionNotSupported, "this version of HTTP is not spoken here"}
	}
	return 0, bad("the version of HTTP is malformed")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

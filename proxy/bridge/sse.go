package bridge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxEvent bounds one server-sent event, and so what a broken server can make
// the bridge hold. Letta's largest are whole messages: some hundred KiB.
const maxEvent = 4 << 20

var errEventTooLong = fmt.Errorf("a server-sent event is longer than %d MiB", maxEvent>>20)

// event is one server-sent event.
type event struct{ name, data string }

// events reads a stream of server-sent events (WHATWG HTML, section 9.2.6) and
// yields each as soon as the byte that ends it is there. An event the stream breaks off in
// is dropped, as the standard says. An error ends the sequence; the end of the
// stream is none.
func events(r io.Reader) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		d := decoder{r: bufio.NewReader(r)}
		for {
			ev, err := d.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(ev, err) || err != nil {
				return
			}
		}
	}
}

type decoder struct {
	r       *bufio.Reader
	begun   bool // the first line is behind us
	afterCR bool // the last line ended in CR: a LF that follows belongs to it
	line    []byte
}

func (d *decoder) next() (event, error) {
	var name string
	var data []byte
	for {
		line, err := d.readLine(maxEvent - len(data))
		if err != nil {
			return event{}, err
		}
		if len(line) == 0 {
			if data == nil {
				name = "" // an event without data is no event
				continue
			}
			return event{name, string(data[:len(data)-1])}, nil
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			data = append(append(data, value...), '\n')
		}
	}
}

// readLine returns the next line without its end, which may be LF, CRLF or CR. It
// does not wait for the byte after a CR: that byte may be minutes away.
func (d *decoder) readLine(most int) ([]byte, error) {
	d.line = d.line[:0]
	for ended := false; !ended; {
		if _, err := d.r.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := d.r.Peek(d.r.Buffered()) // what is there
		if d.afterCR && chunk[0] == '\n' {
			chunk = chunk[:0]
			d.r.Discard(1)
		}
		d.afterCR = false
		if end := bytes.IndexAny(chunk, "\r\n"); end >= 0 {
			d.afterCR = chunk[end] == '\r'
			chunk, ended = chunk[:end], true
			d.r.Discard(1)
		}
		d.line = append(d.line, chunk...)
		d.r.Discard(len(chunk))
		if len(d.line) > most {
			return nil, errEventTooLong
		}
	}
	if d.begun {
		return d.line, nil
	}
	d.begun = true
	return bytes.TrimPrefix(d.line, []byte("\ufeff")), nil
}

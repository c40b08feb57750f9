package bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxList bounds a list within one message. An entry of two bytes becomes a frame
// that is fifty times as large.
const maxList = 1000

// list is a list of a message.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(data []byte) error {
	return entries(json.NewDecoder(bytes.NewReader(data)), func(entry T) error {
		if *l = append(*l, entry); len(*l) > maxList {
			return fmt.Errorf("a list in it has more than %d entries", maxList)
		}
		return nil
	})
}

// entries reads a list, entry by entry: a list decoded as a whole can be some
// hundred times as large as its text. Null is a list without entries.
func entries[T any](d *json.Decoder, do func(T) error) error {
	if first, err := d.Token(); err != nil || first != json.Delim('[') {
		return misread(first, "a list", err)
	}
	for d.More() {
		var entry T
		if err := d.Decode(&entry); err != nil {
			return misread(nil, "", err)
		}
		if err := do(entry); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return misread(nil, "", err)
}

// object reads an object, key by key; value reads what stands behind one.
func object(d *json.Decoder, value func(key string) error) error {
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return misread(first, "an object", err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return misread(nil, "", err)
		}
		if err := value(key.(string)); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return misread(nil, "", err)
}

// misread is what is wrong where want should begin; nil for null.
func misread(got json.Token, want string, err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil || got == nil:
		return err
	}
	return fmt.Errorf("it has %q where %s should be", clip(fmt.Sprint(got)), want)
}

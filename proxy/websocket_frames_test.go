package proxy

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// frameOf writes a frame with a length of its own choice: short, in two bytes, or in eight.
func frameOf(opcode byte, masked bool, lengthBytes int, payload []byte) []byte {
	frame := []byte{0x80 | opcode, 0}
	switch lengthBytes {
	case 0:
		frame[1] = byte(len(payload))
	case 2:
		frame[1] = 126
		frame = binary.BigEndian.AppendUint16(frame, uint16(len(payload)))
	default:
		frame[1] = 127
		frame = binary.BigEndian.AppendUint64(frame, uint64(len(payload)))
	}
	if masked {
		frame[1] |= 0x80
		frame = append(frame, 0xff, 0x81, 0x88, 0) // which looks like frames
	}
	return append(frame, payload...)
}

// FuzzFrames has one law: however a sequence of frames is cut into pieces, frames
// knows at the end of each piece whether a frame ends there, and whether a Close
// has passed.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{1, 3, 2, 126, 3, 9, 0, 8, 0}, []byte{1})
	f.Add([]byte{0x81, 125, 0x41, 126, 0x82, 200, 9, 0}, []byte{2, 0, 7, 200})
	f.Add([]byte{8, 2, 1, 1}, []byte{1, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, script, cuts []byte) {
		var stream []byte
		ends := map[int]bool{0: true}
		closed := -1
		for len(script) >= 2 && len(stream) < 1<<16 {
			kind, size := script[0], int(script[1])
			script = script[2:]
			lengthBytes := []int{0, 2, 8}[kind>>4%3]
			if lengthBytes == 0 {
				size %= 126
			}
			stream = append(stream, frameOf(kind&0xf, kind&0x80 != 0, lengthBytes, bytes.Repeat([]byte{0x88}, size))...)
			ends[len(stream)] = true
			if kind&0xf == opClose && closed < 0 {
				closed = len(stream)
			}
		}
		var follower frames
		at := 0
		for i := 0; at < len(stream); i++ {
			n := 1
			if len(cuts) > 0 {
				n = int(cuts[i%len(cuts)]) + i/len(cuts)%2 // zero at times, but not for ever
			}
			n = min(n, len(stream)-at)
			follower.follow(stream[at : at+n])
			at += n
			if follower.between() != ends[at] {
				t.Fatalf("at %d of %x: between frames is %v", at, stream, follower.between())
			}
			if want := closed >= 0 && at >= closed; follower.closed != want {
				t.Fatalf("at %d of %x: closed is %v", at, stream, follower.closed)
			}
		}
	})
}

// TestNoFrames: what is not made of frames costs no more, and length fields that
// no sender may use (the first bit of eight bytes) end no frame.
func TestNoFrames(t *testing.T) {
	var f frames
	f.follow(append([]byte{0x82, 127}, bytes.Repeat([]byte{0xff}, 1<<16)...))
	if f.between() || f.closed {
		t.Errorf("%+v", f)
	}
}

func TestGoingAwayIsAWholeFrame(t *testing.T) {
	for _, masked := range []bool{false, true} {
		var f frames
		frame := goingAway(masked)
		f.follow(frame)
		if !f.between() || !f.closed || frame[1]&0x80 != 0 != masked {
			t.Errorf("masked %v: %x leaves %+v", masked, frame, f)
		}
	}
}

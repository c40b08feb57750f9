package proxy

import (
	"crypto/rand"
	"encoding/binary"
)

// frames follows the frames of one direction of a WebSocket (RFC 6455, section
// 5.2) and keeps nothing of them: what passes is not changed, it only has to be
// known where one frame ends and the next has not begun, for that is where a
// frame of our own fits. A direction that is not made of frames never comes there
// again, or by accident; no byte of it is touched either way.
type frames struct {
	header uint8  // how many bytes of a header have passed; 0 within and behind a payload
	opcode uint8  // of this frame
	more   uint8  // how many bytes of the header are to come, behind the second
	mask   uint8  // how many of those are the mask, at their end
	closed bool   // a Close frame has passed
	left   uint64 // of the payload
}

const opClose = 0x8 // RFC 6455, section 11.8

// follow takes the next bytes, in pieces of any size.
func (f *frames) follow(p []byte) {
	for len(p) > 0 {
		if f.header == 0 && f.left > 0 {
			n := min(f.left, uint64(len(p)))
			f.left -= n
			p = p[n:]
		} else {
			f.headerByte(p[0])
			p = p[1:]
		}
		if f.between() && f.opcode == opClose {
			f.closed = true
		}
	}
}

// between reports whether the direction stands between two frames.
func (f *frames) between() bool { return f.header == 0 && f.left == 0 }

func (f *frames) headerByte(b byte) {
	f.header++
	switch {
	case f.header == 1:
		f.opcode = b & 0xf
		return
	case f.header == 2:
		f.begin(b)
	default:
		if f.more > f.mask {
			f.left = f.left<<8 | uint64(b)
		}
		f.more--
	}
	if f.more == 0 {
		f.header = 0
	}
}

// begin takes the byte with the length, or with the length of the length.
func (f *frames) begin(b byte) {
	f.mask = b >> 7 * 4
	f.left, f.more = uint64(b&0x7f), f.mask
	switch f.left {
	case 126:
		f.left, f.more = 0, f.mask+2
	case 127:
		f.left, f.more = 0, f.mask+8
	}
}

// goingAway is a Close frame that says that an endpoint goes down (RFC 6455,
// section 7.4.1), masked if a client sends it (section 5.3).
func goingAway(masked bool) []byte {
	const code, reason = 1001, "letta-dev is stopping"
	payload := append(binary.BigEndian.AppendUint16(nil, code), reason...)
	frame := []byte{0x80 | opClose, byte(len(payload))}
	if !masked {
		return append(frame, payload...)
	}
	frame[1] |= 0x80
	var key [4]byte
	rand.Read(key[:]) // never fails
	frame = append(frame, key[:]...)
	for i, b := range payload {
		frame = append(frame, b^key[i%4])
	}
	return frame
}

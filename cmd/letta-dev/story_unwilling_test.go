package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// An unwilling program is both ends of a WebSocket and of a stream that go on for ever: `unwilling` is the server, and says its
// port; `unwilling PORT` is the client of what listens there. It says "open" once both run, and "asked to close" when the
// WebSocket was, which it does not heed. It stays until its standard input ends.
func unwilling() {
	var err error
	if len(os.Args) > 1 {
		err = beClient("127.0.0.1:" + os.Args[1])
	} else {
		err = beServer()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// The key and its answer are those of RFC 6455, section 1.3.
const (
	toSwitch = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	toStream = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
	streamed = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
)

func beServer() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go serveForEver(c)
		}
	}()
	return nil
}

func serveForEver(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	answer := streamed
	if r.Header.Get("Upgrade") != "" {
		answer = switched
	}
	_, _ = io.WriteString(c, answer)
	_, _ = io.Copy(io.Discard, c)
}

func beClient(address string) error {
	var socket *bufio.Reader
	for _, request := range []string{toStream, toSwitch} {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		socket = bufio.NewReader(c)
		if res, err := http.ReadResponse(socket, nil); err != nil || res.StatusCode >= 400 {
			return fmt.Errorf("not open: %v, %v", res, err)
		}
	}
	fmt.Println("open")
	const goingAway = 0x88 // a Close frame: RFC 6455, section 5.2
	if b, err := socket.ReadByte(); err != nil || b != goingAway {
		return fmt.Errorf("instead of a Close: %#x, %v", b, err)
	}
	fmt.Println("asked to close")
	return nil
}

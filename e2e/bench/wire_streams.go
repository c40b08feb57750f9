package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	streams       = 16 // connections at a time, of echoes and of events
	echoes        = 2000
	eventEvery    = 2 * time.Millisecond
	eventsAStream = 1000
	idlers        = 2000
)

// onEach runs a function on each of some connections at once, and gathers what they measured.
func onEach(n int, run func() ([]time.Duration, error)) (all []time.Duration, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			took, failed := run()
			mu.Lock()
			defer mu.Unlock()
			all, err = append(all, took...), errors.Join(err, failed)
		})
	}
	wg.Wait()
	return all, err
}

// open dials a proxy and asks for a path in the words of a client. Nothing of the answer is read.
func (b *bench) open(address, path, words string) (*tls.Conn, error) {
	conn, err := b.client(address)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, address, words)
	return conn, err
}

const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// webSocket opens one, with nothing of the handshake left to read.
func (b *bench) webSocket(address string) (*tls.Conn, error) {
	conn, err := b.open(address, "/echo", upgrade)
	if err != nil {
		return nil, err
	}
	head := make([]byte, 0, 1024)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		one := make([]byte, 1)
		if _, err := io.ReadFull(conn, one); err != nil {
			return nil, err
		}
		head = append(head, one...)
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		return nil, fmt.Errorf("no WebSocket: %s", head)
	}
	return conn, nil
}

// echoOnce sends a frame of 100 bytes (RFC 6455, section 5.2), masked with zeros, and waits for it.
func echoOnce(conn *tls.Conn) error {
	const size = 100
	if _, err := conn.Write(append([]byte{0x82, 0x80 | size, 0, 0, 0, 0}, make([]byte, size)...)); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 2+size))
	return err
}

func (b *bench) echoLoad(address string) (int, []time.Duration, error) {
	took, err := onEach(streams, func() ([]time.Duration, error) {
		conn, err := b.webSocket(address)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		var took []time.Duration
		for range echoes {
			begin := time.Now()
			if err := echoOnce(conn); err != nil {
				return nil, err
			}
			took = append(took, time.Since(begin))
		}
		return took, nil
	})
	return streams * echoes, took, err
}

func (b *bench) eventLoad(address string) (int, []time.Duration, error) {
	took, err := onEach(streams, func() ([]time.Duration, error) {
		conn, err := b.open(address, "/events", "Accept: text/event-stream\r\nConnection: close\r\n")
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return nil, err
		}
		var took []time.Duration
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if sent, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				at, err := strconv.ParseInt(sent, 10, 64)
				if err != nil {
					return nil, err
				}
				took = append(took, time.Since(time.Unix(0, at)))
			}
		}
		if len(took) != eventsAStream {
			return nil, fmt.Errorf("%d events came of %d", len(took), eventsAStream)
		}
		return took, nil
	})
	return streams * eventsAStream, took, err
}

// idle is what a WebSocket costs that is open and still, in memory that is resident.
func (b *bench) idle(all []peer, upstream string) error {
	upstream = strings.Replace(upstream, "localhost", "127.0.0.1", 1)
	fmt.Printf("%d idle WSS connections: memory each\n", idlers)
	for _, p := range all {
		size, err := b.idleOn(p, upstream)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Printf("  %-18s %.1f KiB\n", p.name, size)
	}
	return nil
}

func (b *bench) idleOn(p peer, upstream string) (float64, error) {
	proxy, err := p.start(b, upstream)
	if err != nil {
		return 0, err
	}
	defer proxy.stop()
	before, err := resident(proxy.pid)
	if err != nil {
		return 0, err
	}
	for range idlers {
		conn, err := b.webSocket(proxy.address)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		if err := echoOnce(conn); err != nil {
			return 0, err
		}
	}
	after, err := resident(proxy.pid)
	return float64(after-before) / idlers, err
}

// resident is the memory of a process and its children, in KiB.
func resident(pid int) (kib int, err error) {
	for _, pid := range family(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
				n, err := strconv.Atoi(f[1])
				if err != nil {
					return 0, err
				}
				kib += n
			}
		}
	}
	return kib, nil
}

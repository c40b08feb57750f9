package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// roleVariable makes a process of this program a server to measure with, so that its CPU is its own.
const roleVariable = "LETTA_DEV_BENCH_ROLE"

// play ends with an error, or not at all.
func play(role string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	fmt.Println(port)
	kind, rest, _ := strings.Cut(role, " ")
	switch kind {
	case "upstream":
		return http.Serve(listener, http.HandlerFunc(answer))
	case "proxy":
		f := strings.Fields(rest)
		return http.ServeTLS(listener, &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(&url.URL{Scheme: "http", Host: f[0]})
				r.Out.Host = r.In.Host
				r.SetXForwarded()
			},
			Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		}, f[1], f[2])
	case "alone":
		f := strings.Fields(rest)
		return http.ServeTLS(listener, http.HandlerFunc(answer), f[0], f[1])
	}
	return errors.New("there is no such role")
}

// answer is the upstream's: small JSON, an echo, or events, each with the time it was sent at.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/echo":
		echo(w, r)
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(eventEvery)
		defer tick.Stop()
		for range eventsAStream {
			<-tick.C
			fmt.Fprintf(w, "data: %d\n\n", time.Now().UnixNano())
			if http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"ok","version":"0.16.8","padding":"`+strings.Repeat("x", 50)+`"}`)
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// role starts a process of this program, and returns its address.
func (b *bench) role(cpu int, role string) (*running, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("taskset", "-c", strconv.Itoa(cpu), self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return nil, fmt.Errorf("the %s did not say where it listens: %w", role, err)
	}
	return &running{"localhost:" + strings.TrimSpace(port), cmd.Process.Pid, stop}, nil
}

// goAlone is what we cannot be cheaper than: net/http's server, which is ours for HTTP/2, with the answer at hand.
func (b *bench) goAlone(string) (*running, error) {
	cert, key := b.pair()
	return b.role(0, "alone "+cert+" "+key)
}

func (b *bench) goPeer(upstream string) (*running, error) {
	cert, key := b.pair()
	return b.role(0, "proxy "+upstream+" "+cert+" "+key)
}

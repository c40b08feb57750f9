package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// turns is how often each proxy is measured, in turn with the others: this machine is not ours alone.
const turns = 5

// A load is put on a proxy. It returns how many units of work were done, and the time that each of some took.
type load struct {
	name, unit string
	upstream   string // which one it needs
	floor      []peer // to measure beside the others
	run        func(b *bench, address string) (n int, took []time.Duration, err error)
}

// figures are of one proxy under one load, a value each turn.
type figures struct{ cpu, p50, p99 []float64 }

// wire measures the CPU that each proxy needs for a unit of work: on one CPU, under the same load from the other one.
func (b *bench) wire() error {
	if err := exec.Command("taskset", "-a", "-p", "-c", "1", strconv.Itoa(os.Getpid())).Run(); err != nil {
		return fmt.Errorf("keeping to the second CPU: %w", err)
	}
	cert, key := b.pair()
	if _, err := b.timed("certs", "create", "--cert-file", cert, "--key-file", key, "localhost"); err != nil {
		return err
	}
	upstreams := map[string]*running{}
	for name, start := range map[string]func() (*running, error){
		"static":  b.staticUpstream,
		"dynamic": func() (*running, error) { return b.role(1, "upstream") },
	} {
		up, err := start()
		if err != nil {
			return err
		}
		defer up.stop()
		upstreams[name] = up
	}
	all := peers()
	for _, l := range []load{
		{"HTTPS/1.1, small JSON", "request", "static", nil, (*bench).http1Load},
		{"HTTPS/2, small JSON", "request", "static", []peer{{"Go, no upstream", (*bench).goAlone}}, (*bench).http2Load},
		{"WSS echo", "round trip", "dynamic", nil, (*bench).echoLoad},
		{"SSE over HTTPS/1.1", "event", "dynamic", nil, (*bench).eventLoad},
	} {
		if err := b.compare(l, append(all, l.floor...), upstreams[l.upstream].address); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return b.idle(all, upstreams["dynamic"].address)
}

// compare puts a load on each proxy in turn.
func (b *bench) compare(l load, all []peer, upstream string) error {
	upstream = strings.Replace(upstream, "localhost", "127.0.0.1", 1)
	found := make([]figures, len(all))
	for turn := range turns {
		for i, p := range all {
			if err := b.measure(&found[i], l, p, upstream); err != nil {
				return fmt.Errorf("%s, turn %d: %w", p.name, turn, err)
			}
		}
	}
	base := found[min(1, len(found)-1)] // nginx
	fmt.Printf("%s: CPU a %s; latency p50, p99; and beside %s\n", l.name, l.unit, all[min(1, len(all)-1)].name)
	for i, f := range found {
		fmt.Printf("  %-18s %6.1f µs  %6.0f µs  %6.0f µs   ratio %.2f  %.2f  %.2f\n", all[i].name, middle(f.cpu), middle(f.p50), middle(f.p99),
			ratio(f.cpu, base.cpu), ratio(f.p50, base.p50), ratio(f.p99, base.p99))
	}
	return nil
}

// ratio is the median of the ratios of each turn, which a neighbour on the machine disturbs less than the ratio of medians.
func ratio(a, b []float64) float64 {
	var r []float64
	for i := range a {
		r = append(r, a[i]/b[i])
	}
	return middle(r)
}

func (b *bench) measure(f *figures, l load, p peer, upstream string) error {
	proxy, err := p.start(b, upstream)
	if err != nil {
		return err
	}
	defer proxy.stop()
	if _, _, err := l.run(b, proxy.address); err != nil { // warm
		return err
	}
	before, err := cpuOf(family(proxy.pid))
	if err != nil {
		return err
	}
	n, took, err := l.run(b, proxy.address)
	if err != nil {
		return err
	}
	after, err := cpuOf(family(proxy.pid))
	if err != nil {
		return err
	}
	slices.Sort(took)
	f.cpu = append(f.cpu, float64((after-before).Microseconds())/float64(n))
	f.p50 = append(f.p50, float64(took[len(took)/2].Nanoseconds())/1e3)
	f.p99 = append(f.p99, float64(took[len(took)*99/100].Nanoseconds())/1e3)
	return nil
}

// http1Load lets wrk ask for three seconds over 16 connections, and takes its percentiles.
func (b *bench) http1Load(address string) (int, []time.Duration, error) {
	script := filepath.Join(b.home, "wrk.lua")
	const report = `done = function(s, l, r) io.write("N ", s.requests, " ", s.errors.status + s.errors.connect + s.errors.read, "\n")
for i = 1, 100 do io.write("P ", l:percentile(math.min(i, 99.9)), "\n") end end`
	if err := os.WriteFile(script, []byte(report), 0o600); err != nil {
		return 0, nil, err
	}
	out, err := exec.Command("wrk", "-t", "1", "-c", "16", "-d", "3s", "-s", script, "https://"+address+"/v1/health/").Output()
	if err != nil {
		return 0, nil, err
	}
	m := regexp.MustCompile(`(?m)^N (\d+) (\d+)`).FindSubmatch(out)
	if m == nil || string(m[2]) != "0" {
		return 0, nil, fmt.Errorf("wrk had failures: %s", out)
	}
	n, err := strconv.Atoi(string(m[1]))
	var took []time.Duration
	for _, p := range regexp.MustCompile(`(?m)^P ([0-9.]+)`).FindAllSubmatch(out, -1) {
		us, parseErr := strconv.ParseFloat(string(p[1]), 64)
		err = cmp.Or(err, parseErr)
		took = append(took, time.Duration(us*1e3))
	}
	return n, took, err
}

// http2Load asks over 4 connections with 8 streams each.
func (b *bench) http2Load(address string) (int, []time.Duration, error) {
	log := filepath.Join(b.home, "h2load.log")
	if err := os.RemoveAll(log); err != nil {
		return 0, nil, err
	}
	const n = 20000
	out, err := exec.Command("h2load", "-n", strconv.Itoa(n), "-c", "4", "-m", "8", "-t", "1", "--log-file", log, "https://"+address+"/v1/health/").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte(fmt.Sprintf("%d succeeded", n))) || !bytes.Contains(out, []byte("h2")) {
		return 0, nil, fmt.Errorf("h2load: %w: %s", err, out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return 0, nil, err
	}
	var took []time.Duration
	for line := range strings.Lines(string(text)) { // time, status, microseconds
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		us, err := strconv.Atoi(f[2])
		if err != nil {
			return 0, nil, err
		}
		took = append(took, time.Duration(us)*time.Microsecond)
	}
	if len(took) == 0 {
		return 0, nil, errors.New("h2load logged nothing")
	}
	return n, took, nil
}

// staticUpstream is nginx too where it is there: the cheapest there is.
func (b *bench) staticUpstream() (*running, error) {
	if _, err := exec.LookPath("nginx"); err != nil {
		return b.role(1, "upstream")
	}
	return b.configured("1", "nginx", fmt.Sprintf(`daemon off; worker_processes 1; user root; pid %[1]s/static.pid; error_log %[1]s/static.log;
events { worker_connections 1024; } http { access_log off; keepalive_requests 100000000; client_body_temp_path %[1]s/sbody; proxy_temp_path %[1]s/sproxy;
fastcgi_temp_path %[1]s/sfastcgi; uwsgi_temp_path %[1]s/suwsgi; scgi_temp_path %[1]s/sscgi;
server { listen ADDRESS; location / { default_type application/json; return 200 '{"status":"ok","version":"0.16.8","padding":"%[2]s"}'; } } }
`, b.home, strings.Repeat("x", 50)), "-p", b.home, "-c")
}

// client dials a proxy as its clients do.
func (b *bench) client(address string) (*tls.Conn, error) {
	config, err := b.tlsClient()
	if err != nil {
		return nil, err
	}
	return tls.Dial("tcp", address, config)
}

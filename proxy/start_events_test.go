package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The waiting page learns each stage when it comes, and the end.
func TestStartIsTold(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, nil)
	g.each(t, func(t *testing.T, w wire) {
		box.set(migrating(clock))
		res, err := w.client.Do(w.request(t, "GET", startPath, nil, "Accept: text/event-stream"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		events := bufio.NewReader(res.Body)
		wantEvent(t, events, "stage", `"stage":"Stage migrate · "`)
		box.set(State{Phase: Starting, Stage: `<b>`, Since: clock})
		wantEvent(t, events, "stage", `"stage":"Stage \u003cb\u003e · "`)
		box.set(State{Phase: Down})
		wantEvent(t, events, "over", "down")
		if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
			t.Errorf("after the end: %q, %v", rest, err)
		}
	})
}

// The page says how long there is to wait, as far as that is known.
func TestWaitingPageKnowsTheLastStart(t *testing.T) {
	box := newStateBox(migrating(clock))
	g := startWith(t, box, nil)
	g.each(t, func(t *testing.T, w wire) {
		for last, want := range map[time.Duration]string{0: `</span> s<span id="last"></span> · this page`, 14400 * time.Millisecond: `</span> s<span id="last"> · the last start took 14 s</span> · this page`} {
			state := migrating(clock)
			state.LastStart = last
			box.set(state)
			if res, body := w.do(t, "GET", "/", nil, "Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"); res.StatusCode != 503 || !strings.Contains(body, want) {
				t.Errorf("%v: %d %s", last, res.StatusCode, body)
			}
		}
	})
}

func TestStartOfAServerThatIsThere(t *testing.T) {
	g := start(t, echo(), nil)
	g.each(t, func(t *testing.T, w wire) {
		if res, body := w.do(t, "GET", startPath, nil); res.StatusCode != 200 || body != "event: over\ndata: ready\n\n" {
			t.Errorf("%d %q", res.StatusCode, body)
		}
	})
}

// A page that waits does not hold up the stop.
func TestStartEndsWithTheProxy(t *testing.T) {
	for i := range 3 {
		g := startWith(t, newStateBox(migrating(clock)), nil)
		w := g.wires(g.addr)[i]
		t.Run(w.name, func(t *testing.T) {
			res, err := w.client.Do(w.request(t, "GET", startPath, nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			events := bufio.NewReader(res.Body)
			wantEvent(t, events, "stage", "migrate")
			if err := g.stop(); err != nil {
				t.Error(err)
			}
			if rest, err := io.ReadAll(events); err != nil || len(rest) > 0 {
				t.Errorf("at the end: %q, %v", rest, err)
			}
		})
	}
}

func wantEvent(t *testing.T, events *bufio.Reader, name, data string) {
	t.Helper()
	var got [3]string
	for i := range got {
		line, err := events.ReadString('\n')
		if err != nil {
			t.Fatalf("instead of the event %s: %v", name, err)
		}
		got[i] = line
	}
	if got[0] != "event: "+name+"\n" || !strings.Contains(got[1], data) || got[2] != "\n" {
		t.Errorf("got %q, want %s with %q", got, name, data)
	}
}

// A real browser comes again by itself once the server is there: told by the proxy, and without JavaScript by asking.
func TestBrowserReloadsWhenTheServerIsThere(t *testing.T) {
	chromium := needsBrowser(t)
	if !inStillNetwork(t) {
		return
	}
	for _, c := range []struct {
		name, scripts string
	}{{"told by the proxy", "true"}, {"without JavaScript", "false"}} {
		t.Run(c.name, func(t *testing.T) {
			came := make(chan string, 10)
			box := newStateBox(migrating(clock))
			g := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Sec-Fetch-Dest") == "document" {
					came <- r.URL.Path
				}
				fmt.Fprintln(w, "there")
			}), func(c *Config) { c.REST.State = box.get })
			defer openBrowser(t, chromium, "https://"+g.addr+"/docs", "--blink-settings=scriptEnabled="+c.scripts)()
			<-box.asked // by the page
			<-box.asked // by its script, or by the page again
			box.set(State{Phase: Ready})
			select {
			case path := <-came:
				if path != "/docs" {
					t.Errorf("it asked for %q", path)
				}
			case <-time.After(patience):
				t.Fatal("it did not come again")
			}
			if told := slices.ContainsFunc(gather(g), func(a Access) bool { return a.Path == startPath }); told != (c.scripts == "true") {
				t.Errorf("told by the proxy: %v", told)
			}
		})
	}
}

// gather returns the records there are.
func gather(g *rig) (all []Access) {
	for len(g.accesses) > 0 {
		all = append(all, <-g.accesses)
	}
	return all
}

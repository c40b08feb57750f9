package proxy

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

func TestTableOfNothingAskedFor(t *testing.T) {
	g := start(t, echo(), nil)
	table := g.proxy.Policy()
	table.Removed = table.Removed[:2] // the rest is long
	b, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"names":["letta.localhost","*.letta.localhost","localhost","127.0.0.0/8","::1"],"origins":["https://app.letta.com"],` +
		`"refusedMethods":["CONNECT","TRACE"],"forwarded":["X-Forwarded-For","X-Forwarded-Proto","X-Forwarded-Host","X-Forwarded-Port","Via"],"removed":["X-Forwarded*","Forwarded"],` +
		`"routes":[{"path":"/","upstream":"letta-server:8283"}],"requestHeaders":[],"responseHeaders":[],"cors":[],` +
		`"maxBody":0,"rate":"","gzip":false,"maxAge":0}`
	if string(b) != want {
		t.Errorf("%s\nwant %s", b, want)
	}
}

func TestTableShowsWhatIsAskedFor(t *testing.T) {
	g := start(t, echo(), func(c *Config) {
		routed("127.0.0.1:3000", "/a/", "/a/longer/=http://@/base")(c)
		c.Hosts = []string{"letta.test"}
		c.Policy.CORS = []string{"https://my.app"}
		c.Policy.Request = []policy.Header{{Name: "Authorization", Value: "Bearer secret"}, {Name: "X-Team", Value: "blue"}, {Name: "Cookie"}, {Name: "Set-Cookie", Value: "a=b"}, {Name: "X-Api-Key", Value: "k"}}
		c.Policy.Response = []policy.Header{{Name: "X-Frame-Options", Value: "DENY"}}
		c.Policy.Rate, c.Policy.MaxBody = policy.Rate{Requests: 600, Seconds: 60}, 1024
	})
	got := g.proxy.Policy()
	want := []policy.Route{{Path: "/a/longer/", Upstream: "http://127.0.0.1:3000/base"}, {Path: "/a/", Upstream: "letta-server:8283"}, {Path: "/", Upstream: "letta-server:8283"}}
	if !reflect.DeepEqual(got.Routes, want) {
		t.Errorf("routes %+v", got.Routes)
	}
	if want := []policy.Header{{Name: "Authorization", Value: "***"}, {Name: "X-Team", Value: "blue"}, {Name: "Cookie"}, {Name: "Set-Cookie", Value: "***"}, {Name: "X-Api-Key", Value: "***"}}; !reflect.DeepEqual(got.Request, want) {
		t.Errorf("headers %+v", got.Request)
	}
	if !slices.Contains(got.Names, "letta.test") || !slices.Contains(got.Origins, "https://my.app") {
		t.Errorf("%+v", got)
	}
	b, _ := json.Marshal(got)
	var again Table
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, got) || strings.Contains(string(b), "secret") {
		t.Errorf("%s became %+v, %v", b, again, err)
	}
	if g.proxy.table.Request[0].Value != "Bearer secret" {
		t.Error("the table in force has lost its header")
	}
}

// What an upstream is told about the client is what the table says, no more and no less.
func TestForwardedFieldsAreThoseOfTheTable(t *testing.T) {
	server := echoServer(t)
	for _, routes := range [][]string{nil, {"/letta/"}, {"/=http://@"}} {
		g := start(t, echo(), routed(server, routes...))
		for _, w := range g.wires(g.addr) {
			_, body := w.do(t, "GET", "/letta/x", nil)
			var sent []string
			for name := range hear(t, body).Header {
				if strings.HasPrefix(name, "X-Forwarded") || name == "Via" {
					sent = append(sent, name)
				}
			}
			told := g.proxy.Policy().Forwarded
			slices.Sort(sent)
			slices.Sort(told)
			if !slices.Equal(sent, told) {
				t.Errorf("%s: sent %q, the table says %q", w.name, sent, told)
			}
		}
	}
}

// A table is made of what was asked for, which it leaves as it is.
func TestTableLeavesItsConfigAlone(t *testing.T) {
	routes := []policy.Route{{Path: "/a/"}, {Path: "/a/longer/"}}
	c := Config{Policy: policy.Rules{Routes: routes}}
	newTable(&c)
	if routes[0].Path != "/a/" || routes[0].Upstream != "" {
		t.Errorf("%+v", routes)
	}
}

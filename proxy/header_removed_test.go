package proxy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// liars are fields that servers believe of their proxy, each with who does.
func liars() []string {
	return []string{
		"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Client-Cert", "X-Forwarded-User", "X-ForwardedFor", // all
		"Forwarded", "Forwarded-For", "X-Forward-For", "X-Forwarder-For", "X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP", "X-Cluster-Client-IP", // Rails, django-ipware, request-ip
		"X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "Remote-Addr", "X-ProxyUser-Ip", "Proxy-Client-IP", "WL-Proxy-Client-IP", "WL-Proxy-SSL", // Java, PHP
		"CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Visitor", "Fastly-Client-IP", "Fastly-SSL", "Fly-Client-IP", "Fly-Forwarded-Proto", // hosts
		"X-Azure-ClientIP", "X-Azure-SocketIP", "X-Appengine-User-IP", "X-Envoy-External-Address", "X-Envoy-Original-Path",
		"Remote-User", "Remote-User-Name", "X-Remote-User", "X-Remote-Group", "X-WebAuth-User", "Tailscale-User-Login", // Authelia, Kubernetes, Grafana
		"X-SSL-Client-Cert", "X-SSL-Client-Verify", "SSL-Client-Cert", "X-Client-Cert", "X-Client-DN", "X-Client-Verify", "X-ARR-ClientCert", "MS-ASPNETCORE-CLIENTCERT",
		"X-Original-URL", "X-Original-URI", "X-Original-Host", "X-Original-For", "X-Original-Proto", "X-Original-Forwarded-For", "X-Rewrite-URL", // ASP.NET, Symfony
		"X-Host", "X-HTTP-Host-Override", "X-Scheme", "X-URL-Scheme", "X-ARR-SSL", "Front-End-Https", "X-Script-Name", "Script-Name", "Path-Info", // Rack, Flask, gunicorn
		"X-Original-Method", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", // Rack, express, ASP.NET, Laravel
		"X-Sendfile-Type", "X-Accel-Mapping", "Proxy",
	}
}

func TestNobodySpeaksForTheProxy(t *testing.T) {
	up := startRecorder(t)
	g := startAt(t, up.addr, nil)
	var fields []string
	for _, name := range liars() {
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ReplaceAll(strings.ToLower(name), "-", "_"), strings.ReplaceAll(name, "-", ".")} {
			fields = append(fields, spelling+": 6.6.6.6")
		}
	}
	g.each(t, func(t *testing.T, w wire) {
		before := len(strings.Join(up.heard(), ""))
		w.do(t, "GET", "/", nil, fields[:len(fields)/2]...) // 256 are the most
		w.do(t, "GET", "/", nil, fields[len(fields)/2:]...)
		for line := range strings.SplitSeq(strings.Join(up.heard(), "")[before:], "\r\n") {
			if strings.Contains(line, "6.6.6.6") {
				t.Errorf("the upstream got %q", line)
			}
		}
	})
}

// What is like them, and what Letta and its clients live by.
func TestWhatAClientMaySay(t *testing.T) {
	for _, name := range []string{
		"user_id", "Authorization", "X-BARE-PASSWORD", "X-Letta-Source", "X-Project", "X-Client-Version", "X-Client-ID", "X-Stainless-Package-Version",
		"X-Stainless-Retry-Count", "X-Requested-With", "X-Request-ID", "X-Correlation-ID", "X-API-Key", "X-Auth-Token", "X-HTTP-Version", "X-Originality",
		"X-Forward", "CF-Ray", "X-Real", "Traceparent", "Cookie", "Path", "Remote", "Host-Override", "Git-Protocol", "", "X", "-", "x--",
		"Forwarded-For-A-Name-Longer-Than-All", "X-HTTP-Method-Override-Not", "X-Originally-Posted",
	} {
		if isForwarding(name) {
			t.Errorf("%q is dropped", name)
		}
	}
}

func TestKnownNamesFit(t *testing.T) {
	for _, name := range liars() {
		if !isForwarding(name) {
			t.Errorf("%q passes", name)
		}
	}
}

// What is taken away from clients stands in the table and in the manual, all of it and nothing else.
func TestRemovedFieldsAreTold(t *testing.T) {
	manual, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, name := range removedFields() {
		stem := strings.TrimSuffix(name, "*")
		told[strings.ToLower(strings.TrimSuffix(stem, "-"))] = true
		if !isForwarding(stem) && !isForwarding(stem+"X") {
			t.Errorf("%s passes", name)
		}
		if stem != name && !isForwarding(stem+"Whatever-Else") {
			t.Errorf("%s: not all of them are removed", name)
		}
		if !strings.Contains(string(manual), name) {
			t.Errorf("%s is not in doc.go", name)
		}
	}
	code, err := os.ReadFile("header_removed.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, _ := strings.Cut(string(code), "func forwardingFamily")
	for _, quoted := range regexp.MustCompile(`"[a-z][a-z-]*"`).FindAllString(rules, -1) {
		if name := strings.Trim(quoted, `"`); !told[name] {
			t.Errorf("%s is removed, and nothing tells", name)
		}
	}
}

// A field that is taken away from clients can be set by the policy.
func TestPolicySetsWhatClientsMayNotSay(t *testing.T) {
	g := start(t, echo(), func(c *Config) { c.Policy.Request = []policy.Header{{Name: "X-Forwarded-User", Value: "ours"}} })
	g.each(t, func(t *testing.T, w wire) {
		_, body := w.do(t, "GET", "/", nil, "X-Forwarded-User: theirs", "X_Forwarded_User: theirs")
		if got := hear(t, body).Header.Values("X-Forwarded-User"); !slices.Equal(got, []string{"ours"}) || strings.Contains(body, "theirs") {
			t.Errorf("%q: %s", got, body)
		}
	})
}

package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// optionsOf are the options of a command line.
func optionsOf(t *testing.T, args ...string) *policyOptions {
	t.Helper()
	o, cmd := &policyOptions{}, &cobra.Command{}
	o.flags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if err := o.check("letta-dev up", nil); err != nil {
		t.Fatal(err)
	}
	return o
}

// Every flag stands in the place of the file's setting of its name, and of no other.
func TestFlagsStandAboveTheFile(t *testing.T) {
	file := policy.Rules{
		Routes: []policy.Route{{Path: "/file/"}}, Request: []policy.Header{{Name: "X-File", Value: "1"}}, Response: []policy.Header{{Name: "X-File", Value: "2"}},
		MaxBody: 1, Rate: policy.Rate{Requests: 1, Seconds: 1}, Gzip: true, MaxAge: 1,
	}
	if got := optionsOf(t).over(file, nil); !reflect.DeepEqual(got, file) {
		t.Errorf("no flags: %+v", got)
	}
	for _, test := range []struct {
		args   []string
		change func(*policy.Rules)
	}{
		{[]string{"--route", "/a/", "--route", "/b/=http://h"}, func(r *policy.Rules) { r.Routes = []policy.Route{{Path: "/a/"}, {Path: "/b/", Upstream: "http://h"}} }},
		{[]string{"--header", "A: b", "--header", "C:"}, func(r *policy.Rules) { r.Response = []policy.Header{{Name: "A", Value: "b"}, {Name: "C"}} }},
		{[]string{"--request-header", "A: b, c"}, func(r *policy.Rules) { r.Request = []policy.Header{{Name: "A", Value: "b, c"}} }},
		{[]string{"--max-body", "2k"}, func(r *policy.Rules) { r.MaxBody = 2048 }},
		{[]string{"--rate", "60/m"}, func(r *policy.Rules) { r.Rate = policy.Rate{Requests: 60, Seconds: 60} }},
		{[]string{"--gzip=false"}, func(r *policy.Rules) { r.Gzip = false }},
		{[]string{"--cache", "1m"}, func(r *policy.Rules) { r.MaxAge = 60 }},
	} {
		want := file
		test.change(&want)
		if got := optionsOf(t, test.args...).over(file, nil); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", test.args, got, want)
		}
	}
	if got := optionsOf(t).over(file, []string{"https://my.app"}); !slices.Equal(got.CORS, []string{"https://my.app"}) {
		t.Errorf("CORS %q", got.CORS)
	}
}

// The background process is told the policy through a pipe.
func TestPolicyGoesThroughThePipe(t *testing.T) {
	rules := optionsOf(t, "--route", "/a/=http://h", "--header", "A: b", "--rate", "20/s", "--max-body", "1g", "--gzip", "--cache", "1h").over(policy.Rules{}, []string{"https://a"})
	b, err := json.Marshal(serveConfig{Policy: rules})
	if err != nil {
		t.Fatal(err)
	}
	var told serveConfig
	if err := json.Unmarshal(b, &told); err != nil || !reflect.DeepEqual(told.Policy, rules) {
		t.Errorf("%+v became %+v, %v", rules, told.Policy, err)
	}
}

package redact

import (
	"strings"
	"testing"
)

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"/a":                            "/a",
		"/a?":                           "/a?",
		"/a?q=1":                        "/a?q=1",
		"/a?token=x":                    "/a?token=***",
		"/a?TOKEN=x&b=2":                "/a?TOKEN=***&b=2",
		"/a?b=2;api_key=x;c=3":          "/a?b=2;api_key=***;c=3",
		"/a?to%6Ben=x":                  "/a?to%6Ben=***",
		"/a?x-api-key=x=y":              "/a?x-api-key=***",
		"/a?client_secret=x&password=y": "/a?client_secret=***&password=***",
		"/a?access_token=x?token=y":     "/a?access_token=***",
		"/a?code=x&state=y":             "/a?code=***&state=y",
		"/a?token":                      "/a?token",
		"/a?&&token=":                   "/a?&&token=***",
		"/cb#access_token=x":            "/cb",
		"http://me:x@localhost/a@b":     "http://***@localhost/a@b",
		"/a?u=http://me@x/":             "/a?u=***",
		"/a?u=http://x/@me":             "/a?u=http://x/@me",
		"/a?r=https%3A%2F%2Fx%2Fcb%3Ftoken%3Ds&b=1": "/a?r=***&b=1",
		"/a?next=%2Fcb%3Fapi_key%3Ds%26b%3D1":       "/a?next=***",
		"/a?next=%2Fcb%3Fb%3D1":                     "/a?next=%2Fcb%3Fb%3D1",
		"/a?x=1%26token=s":                          "/a?x=***",
		"/a?token%3Ds":                              "/a?***",
		"/a%3Bjsessionid%3Ds/b":                     "/***/b",
		"/a?q={%22api_key%22:%22s%22}":              "/a?q=***",
		"/a?q={%22name%22:%22s%22}":                 "/a?q={%22name%22:%22s%22}",
		"/a%20b?q=%C3%A9":                           "/a%20b?q=%C3%A9",
		"/a?%2574oken=x":                            "/a?%2574oken=***",
		"/a?to%ken%zz=x":                            "/a?to%ken%zz=x",
		"/a?%74oken%=x":                             "/a?%74oken%=***",
		"/a?password=x;y&b=2":                       "/a?password=***&b=2", // to a server that divides at & alone
		"/a?a;token=x;c=3&b=2":                      "/a?a;token=***&b=2",
		"/a?token;=x":                               "/a?token;=***",
		"/a?next=/cb?token=x":                       "/a?next=/cb?token=***",
		"/x;token=abc":                              "/x;token=***",
		"/a;jsessionid=x/b?token;=x":                "/a;jsessionid=***/b?token;=***",
		"/a;v=1;Token=x;b=2/c;d=3":                  "/a;v=1;Token=***;b=2/c;d=3",
		"/a;to%6Ben=x/b":                            "/a;to%6Ben=***/b",
		"/token=x/b":                                "/token=***/b",
		"/a;v=1,2/b=c":                              "/a;v=1,2/b=c",
		"http://h/a;token=x":                        "http://h/a;token=***",
		"http://u:p/w@h/":                           "http://***@h/",
		"http://u:p#w@h/":                           "http://***@h/",
		"http://u:p?w=@h:80/":                       "http://***@h:80/",
		"u:p@h:80":                                  "***@h:80",
		"h:80":                                      "h:80",
		"http://[::1]:80/@a":                        "http://[::1]:80/@a",
		"http://h:80/@a?u=b@c":                      "http://h:80/@a?u=b@c",
		"ws://h/ws?token=x":                         "ws://h/ws?token=***",
		"*":                                         "*",
		"":                                          "",
		"/a?passphrase=x&bearer=y":                  "/a?passphrase=***&bearer=***",
	} {
		if got := URL(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestHeader(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Pass": true, "Authorization": true, "X-BARE-PASSWORD": true, "set-cookie": true, "X-Api-Key": true, "X-Session": true, "x-pass": true,
		"X-Team": false, "Access-Control-Allow-Credentials": false, "X-Frame-Options": false,
	} {
		if Header(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

// A secret that stands behind its name never survives, whatever is around it and wherever a server divides parameters, and
// nothing else changes.
func FuzzURL(f *testing.F) {
	f.Add("q=1", "x")
	f.Add("a&b;c=%zz", "?#")
	f.Add("a;b=1/c", ":80/")
	f.Add("?", "@")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "5ecre7"
		if strings.Contains(before+after, secret) {
			t.Skip()
		}
		name := "token" + strings.NewReplacer("=", "", "&", "").Replace(after) // to a server that divides at & alone
		for _, s := range []string{
			"/?" + before + "&token=" + secret, "/?" + before + ";token=" + secret + ";" + after, "/?" + before + "&" + name + "=" + secret,
			"/" + before + ";token=" + secret + "/" + after, "/?token=" + after + ";" + secret, "http://u:" + secret + after + "@h/" + before,
		} {
			if s == "/?token="+after+";"+secret && strings.ContainsAny(after, "&?") {
				continue // that is another parameter's
			}
			if got := URL(s); strings.Contains(got, secret) {
				t.Errorf("%q keeps the secret: %q", s, got)
			}
		}
		if plain := "/" + strings.NewReplacer("=", "", "#", "").Replace(before); URL(plain) != plain {
			t.Errorf("%q became %q", plain, URL(plain))
		}
	})
}

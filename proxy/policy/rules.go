// Package policy is what a person may ask of the proxy beyond carrying requests: routes, header fields, CORS, limits,
// compression and caching. It reads each setting from its text, strictly, and finds where two of them contradict each other,
// so that a file and a command line are held to the same rules. It does nothing with a request: package proxy does.
//
//	routes:  [{path: /letta/, upstream: http://127.0.0.1:3000}]
//	headers: {request: {X-Team: blue}, response: {X-Frame-Options: DENY}}
//	cors:    {origins: [https://my-app.example]}
//	limits:  {body: 10MB, rate: 20/s}
//	gzip:    true
//	cache:   1h
package policy

import "fmt"

// Rules are the settings. The zero value asks for nothing.
type Rules struct {
	Routes   []Route  `json:"routes"`
	Request  []Header `json:"requestHeaders"`  // of requests, on their way to the upstream
	Response []Header `json:"responseHeaders"` // of every answer
	CORS     []string `json:"cors"`            // origins that the proxy answers for
	MaxBody  int64    `json:"maxBody"`         // of a request, in bytes; 0: any
	Rate     Rate     `json:"rate"`            // of each client
	Gzip     bool     `json:"gzip"`
	MaxAge   int      `json:"maxAge"` // of static files, in seconds; 0: as the upstream says
}

// An Error is a setting that cannot be used, or that contradicts another.
type Error struct {
	Setting string // as its path in a file: "routes.1.path"
	Problem string
	Advice  string // what to write instead
}

// Error is the problem.
func (e *Error) Error() string { return e.Problem }

// Hint is what to write instead.
func (e *Error) Hint() string { return e.Advice }

func wrong(setting, advice, format string, args ...any) error {
	return &Error{setting, fmt.Errorf(format, args...).Error(), advice}
}

// Check returns an *Error for the first setting that cannot be used.
func (r *Rules) Check() error {
	for _, check := range []func() error{r.checkRoutes, r.checkHeaders, r.checkLimits} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

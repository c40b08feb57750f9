package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// serviceURL is an address a person can use.
type serviceURL struct {
	URL  string `json:"url"`
	Note string `json:"note"`
}

// serviceURLs are the addresses to show, from what is bound: a port that could not be had is in none of them. host may put another
// host in the place of the usual one.
func serviceURLs(bound []boundAddress, secure bool, host func(usual string) string) []serviceURL {
	has := map[int]bool{}
	var other, ws []int
	for _, b := range bound {
		if b.Missing != "" || has[b.Port] {
			continue
		}
		has[b.Port] = true
		switch {
		case b.WebSocket:
			ws = append(ws, b.Port)
		case b.Port != 80 && b.Port != 443:
			other = append(other, b.Port)
		}
	}
	scheme, wsScheme, standard := "https", "wss", 443
	if !secure {
		scheme, wsScheme, standard = "http", "ws", 80
	}
	var urls []serviceURL
	if has[standard] {
		urls = append(urls, serviceURL{scheme + "://" + host("letta.localhost"), "API, docs at /docs"})
	}
	for _, p := range other {
		note := "API"
		if p == orchestrator.RESTPort {
			note = "for app.letta.com; http works on the same port"
		}
		urls = append(urls, serviceURL{fmt.Sprintf("%s://%s:%d", scheme, host("localhost"), p), note})
	}
	for _, p := range ws {
		urls = append(urls, serviceURL{fmt.Sprintf("%s://%s:%d", wsScheme, host("letta.localhost"), p), "WebSocket API"})
	}
	return urls
}

// withHosts adds the hosts that somebody asked for to the usual addresses, each where the first of a scheme is. A wildcard is no host.
func withHosts(usual []serviceURL, hosts []string) []serviceURL {
	urls := slices.Clone(usual)
	for _, host := range hosts {
		done := map[string]bool{}
		for _, known := range usual {
			u, err := url.Parse(known.URL)
			if err != nil || done[u.Scheme] || strings.HasPrefix(host, "*.") {
				continue
			}
			done[u.Scheme] = true
			note := known.Note
			if strings.HasPrefix(u.Scheme, "http") {
				note = "API" // what else the note says is of the usual host
			}
			port := strings.TrimPrefix(u.Host, bracketed(u.Hostname()))
			u.Host = bracketed(host) + port
			if !slices.ContainsFunc(urls, func(shown serviceURL) bool { return shown.URL == u.String() }) {
				urls = append(urls, serviceURL{u.String(), note})
			}
		}
	}
	return urls
}

package sse

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// request is the request of one connection; a redirect derives another one from it.
type request struct {
	url     *url.URL
	method  string
	body    string
	headers []headerField
}

// bytes is the request as HTTP/1.1.
func (r *request) bytes(cookies []*http.Cookie) []byte {
	var b bytes.Buffer
	host := r.url.Host
	for _, field := range r.headers {
		if field.name == "Host" {
			host = field.value
		}
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.url.RequestURI(), host)
	if user := r.url.User; user != nil {
		password, _ := user.Password()
		credentials := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		fmt.Fprintf(&b, "Authorization: Basic %s\r\n", credentials)
	}
	for _, field := range r.headers {
		if field.name != "Host" && field.name != "Content-Length" {
			fmt.Fprintf(&b, "%s: %s\r\n", field.name, field.value)
		}
	}
	if len(cookies) > 0 {
		pairs := make([]string, len(cookies))
		for i, cookie := range cookies {
			pairs[i] = cookie.Name + "=" + cookie.Value
		}
		fmt.Fprintf(&b, "Cookie: %s\r\n", strings.Join(pairs, "; "))
	}
	if r.body != "" || (r.method != http.MethodGet && r.method != http.MethodHead) {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	b.WriteString("\r\n")
	b.WriteString(r.body)
	return b.Bytes()
}

// address is what to dial.
func (r *request) address() string {
	port := r.url.Port()
	if port == "" {
		if port = "80"; r.url.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(r.url.Hostname(), port)
}

// redirected is the request of a redirect; nil when the answer is none.
func (r *request) redirected(answer *http.Response) (*request, error) {
	switch answer.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	location := answer.Header.Get("Location")
	if location == "" {
		return nil, nil
	}
	target, err := r.url.Parse(location)
	if err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" {
		return nil, fmt.Errorf("redirected to %q, which is not an http or https URL", location)
	}
	next := &request{url: target, method: r.method, body: r.body}
	if answer.StatusCode < http.StatusTemporaryRedirect && r.method != http.MethodHead {
		next.method, next.body = http.MethodGet, ""
	}
	for _, field := range r.headers {
		// No credentials for another host.
		if target.Host != r.url.Host && (field.name == "Authorization" || field.name == "Cookie" || field.name == "Host") {
			continue
		}
		next.headers = append(next.headers, field)
	}
	return next, nil
}

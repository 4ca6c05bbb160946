package sse

import (
	"fmt"
	"net/http/cookiejar"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/sobek"
	"go.k6.io/k6/js/common"
	"go.k6.io/k6/js/modules/k6/http"
	"go.k6.io/k6/lib"
	"go.k6.io/k6/metrics"
)

// params are the arguments of open(), checked.
type params struct {
	url     *url.URL
	method  string
	body    string
	headers []headerField
	jar     *cookiejar.Jar
	tags    metrics.TagsAndMeta
	// For the whole of open(); 0: none.
	timeout time.Duration
	native  nativeParams
}

// nativeParams are unknown to xk6-sse.
type nativeParams struct {
	reconnect bool
	// Zero: never.
	closeAt time.Time
	// Nil: not measured.
	latency numberPath
	// Unix ms; 0: no limit.
	latencyFromMs int64
	latencyToMs   int64
	afterLive     bool
	// Nil: not checked.
	sequence numberPath
}

type headerField struct {
	name  string
	value string
}

const lastEventIDHeader = "Last-Event-Id"

func parseArguments(
	rt *sobek.Runtime, state *lib.State, arguments []sobek.Value,
) (*params, sobek.Callable, error) {
	if len(arguments) != 2 && len(arguments) != 3 {
		return nil, nil, errArguments
	}
	setup, ok := sobek.AssertFunction(arguments[len(arguments)-1])
	if !ok {
		return nil, nil, errNoSetup
	}
	address, err := url.Parse(arguments[0].String())
	if err != nil {
		return nil, nil, fmt.Errorf("sse.open(): %w", err)
	}
	if (address.Scheme != "http" && address.Scheme != "https") || address.Host == "" {
		return nil, nil, fmt.Errorf("sse.open(): %q is not an http or https URL", address)
	}
	p := &params{url: address, method: "GET", jar: state.CookieJar, tags: state.Tags.GetCurrentValues()}
	p.setHeader("Accept", "text/event-stream")
	if agent := state.Options.UserAgent.String; agent != "" {
		p.setHeader("User-Agent", agent)
	}
	if len(arguments) == 3 && !common.IsNullish(arguments[1]) {
		if err := p.parse(rt, arguments[1].ToObject(rt)); err != nil {
			return nil, nil, fmt.Errorf("sse.open(): %w", err)
		}
	}
	if err := p.check(); err != nil {
		return nil, nil, fmt.Errorf("sse.open(): %w", err)
	}
	p.setSystemTags(state.Options.SystemTags)
	return p, setup, nil
}

func (p *params) parse(rt *sobek.Runtime, object *sobek.Object) error {
	for _, key := range object.Keys() {
		value := object.Get(key)
		if common.IsNullish(value) {
			continue
		}
		switch key {
		case "method":
			p.method = strings.ToUpper(strings.TrimSpace(value.String()))
		case "body":
			p.body = strings.TrimSpace(value.String())
		case "headers":
			headers := value.ToObject(rt)
			for _, name := range headers.Keys() {
				p.setHeader(name, headers.Get(name).String())
			}
		case "tags":
			if err := common.ApplyCustomUserTags(rt, &p.tags, value); err != nil {
				return fmt.Errorf("tags: %w", err)
			}
		case "jar":
			jar, ok := value.Export().(*http.CookieJar)
			if !ok {
				return fmt.Errorf("jar: not an http.CookieJar")
			}
			p.jar = jar.Jar
		case "timeout":
			timeout, err := time.ParseDuration(value.String())
			if err != nil || timeout < 0 {
				return fmt.Errorf("timeout: %q is not a duration like 90s", value)
			}
			p.timeout = timeout
		case "native":
			if err := p.native.parse(value.ToObject(rt)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *nativeParams) parse(object *sobek.Object) error {
	for _, key := range object.Keys() {
		value := object.Get(key)
		if common.IsNullish(value) {
			continue
		}
		switch key {
		case "reconnect":
			n.reconnect = value.ToBoolean()
		case "closeAtMs":
			n.closeAt = time.UnixMilli(value.ToInteger())
		case "latency":
			n.latency = parseNumberPath(value.String())
		case "latencyFromMs":
			n.latencyFromMs = value.ToInteger()
		case "latencyToMs":
			n.latencyToMs = value.ToInteger()
		case "afterLive":
			n.afterLive = value.ToBoolean()
		case "sequence":
			n.sequence = parseNumberPath(value.String())
		default:
			// No other module reads it, so it is misspelt, and would silently disable a measurement.
			return fmt.Errorf("native.%s is not known", key)
		}
	}
	return nil
}

func (p *params) setHeader(name, value string) {
	name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
	for i := range p.headers {
		if p.headers[i].name == name {
			p.headers[i].value = value
			return
		}
	}
	p.headers = append(p.headers, headerField{name, value})
}

func (p *params) header(name string) string {
	for _, field := range p.headers {
		if field.name == name {
			return field.value
		}
	}
	return ""
}

func (p *params) check() error {
	if p.method == "" || strings.ContainsAny(p.method, " \t\r\n") {
		return fmt.Errorf("method: %q is none", p.method)
	}
	for _, field := range p.headers {
		if field.name == "" || strings.ContainsAny(field.name, " \t\r\n:") || strings.ContainsAny(field.value, "\r\n\x00") {
			return fmt.Errorf("headers: %q: %q cannot be sent", field.name, field.value)
		}
	}
	return nil
}

// setSystemTags sets the tags of k6/http: a given name replaces the URL too, so that many URLs are one time series.
func (p *params) setSystemTags(enabled *metrics.SystemTagSet) {
	name, ok := p.tags.Tags.Get(metrics.TagName.String())
	if !ok {
		name = p.url.Redacted()
		p.tags.SetSystemTagOrMetaIfEnabled(enabled, metrics.TagName, name)
	}
	p.tags.SetSystemTagOrMetaIfEnabled(enabled, metrics.TagURL, name)
	p.tags.SetSystemTagOrMetaIfEnabled(enabled, metrics.TagMethod, p.method)
}

package sse

import (
	"slices"
	"strings"

	"github.com/grafana/sobek"
	"go.k6.io/k6/js/common"
)

// response is what open() returns.
func (s *stream) response() sobek.Value {
	rt := s.client.rt
	headers := make([]member, 0, len(s.headers))
	for name, values := range s.headers {
		headers = append(headers, member{name, strings.Join(values, ", ")})
	}
	slices.SortFunc(headers, func(a, b member) int { return strings.Compare(a.name, b.name) })
	failure := ""
	if s.failure != nil {
		failure = s.failure.Error()
	}
	counted := s.measure.stats
	var firstEventMs any
	if counted.firstEventMs >= 0 {
		firstEventMs = counted.firstEventMs
	}
	return toObject(rt, []member{
		{"url", s.params.url.String()},
		{"status", s.status},
		{"headers", toObject(rt, headers)},
		{"error", failure},
		{"stats", toObject(rt, []member{
			{"connects", counted.connects},
			{"reconnects", counted.reconnects},
			{"events", counted.events},
			{"comments", counted.comments},
			{"bytes", counted.bytes},
			{"gaps", counted.gaps},
			{"lost", counted.lost},
			{"duplicates", counted.duplicates},
			{"firstEventMs", firstEventMs},
			{"lastEventId", s.lastEventID},
		})},
	})
}

type member struct {
	name  string
	value any
}

func toObject(rt *sobek.Runtime, members []member) *sobek.Object {
	object := rt.NewObject()
	for _, m := range members {
		if err := object.Set(m.name, m.value); err != nil {
			common.Throw(rt, err)
		}
	}
	return object
}

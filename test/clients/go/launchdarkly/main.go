package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/launchdarkly/eventsource"

	. "kafka-sse-gateway/test/clients/report"
)

func main() {
	url, token, readTimeout := URL(), Token, ReadTimeout()

	// #region docs
	stream, err := eventsource.SubscribeWithURL(url,
		eventsource.StreamOptionHTTPClient(&http.Client{Transport: Bearer{Token: token}}),
		eventsource.StreamOptionCanRetryFirstConnection(-1),
		eventsource.StreamOptionReadTimeout(readTimeout),
		eventsource.StreamOptionUseBackoff(30*time.Second),
		// Without it, errors wait in a channel until they are read, and a 4xx is retried forever.
		eventsource.StreamOptionErrorHandler(func(err error) eventsource.StreamErrorHandlerResult {
			var refused eventsource.SubscriptionError
			isRefusal := errors.As(err, &refused) && refused.Code >= 400 && refused.Code < 500
			if isRefusal {
				Stop(err)
			}
			return eventsource.StreamErrorHandlerResult{CloseNow: isRefusal}
		}))
	if err != nil {
		return // a 4xx; anything else is retried
	}
	Connected()
	for event := range stream.Events {
		switch event.Event() {
		case "":
			Handle(event.Data(), event.Id())
		case "gateway.gap", "gateway.reset":
			Incomplete(event.Data())
		}
	}
	// #endregion
}

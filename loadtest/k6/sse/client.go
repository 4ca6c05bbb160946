package sse

import (
	"strings"

	"github.com/grafana/sobek"
)

// client is passed to the setup function of open(): the handlers of one stream. All of it runs on the goroutine of the
// VU, as JavaScript must.
type client struct {
	rt     *sobek.Runtime
	closed bool

	onOpen    []sobek.Callable
	onError   []sobek.Callable
	onEvent   []sobek.Callable
	onComment []sobek.Callable
	// By event name; nil without handlers.
	onNamed map[string][]sobek.Callable
}

// unnamed is the name that EventSource gives to an event without one.
const unnamed = "message"

// object is the client as JavaScript sees it.
func (c *client) object() (*sobek.Object, error) {
	object := c.rt.NewObject()
	for name, value := range map[string]any{"on": c.on, "close": c.close, "native": true} {
		if err := object.Set(name, value); err != nil {
			return nil, err
		}
	}
	return object, nil
}

// on is client.on(name, handler). Like xk6-sse it takes any name, and ignores anything but a function.
func (c *client) on(call sobek.FunctionCall) sobek.Value {
	handler, ok := sobek.AssertFunction(call.Argument(1))
	if !ok {
		return sobek.Undefined()
	}
	switch name := call.Argument(0).String(); name {
	case "open":
		c.onOpen = append(c.onOpen, handler)
	case "error":
		c.onError = append(c.onError, handler)
	case "event":
		c.onEvent = append(c.onEvent, handler)
	case "comment":
		c.onComment = append(c.onComment, handler)
	default:
		if event, found := strings.CutPrefix(name, "event:"); found {
			if c.onNamed == nil {
				c.onNamed = map[string][]sobek.Callable{}
			}
			c.onNamed[event] = append(c.onNamed[event], handler)
		}
	}
	return sobek.Undefined()
}

// close is client.close().
func (c *client) close(sobek.FunctionCall) sobek.Value {
	c.closed = true
	return sobek.Undefined()
}

func (c *client) opened() error {
	return c.call(c.onOpen)
}

func (c *client) failed(reason error) error {
	if len(c.onError) == 0 {
		return nil
	}
	fault := c.rt.NewObject()
	message := c.rt.ToValue(reason.Error())
	if err := fault.Set("error", func(sobek.FunctionCall) sobek.Value { return message }); err != nil {
		return err
	}
	return c.call(c.onError, fault)
}

// event costs one comparison without a handler.
func (c *client) event(b *block) error {
	if c.onEvent == nil && c.onNamed == nil {
		return nil
	}
	var named []sobek.Callable
	if len(b.name) == 0 {
		named = c.onNamed[unnamed]
	} else {
		named = c.onNamed[string(b.name)]
	}
	if c.onEvent == nil && named == nil {
		return nil
	}
	event, err := c.eventObject(b)
	if err != nil {
		return err
	}
	if err := c.call(c.onEvent, event); err != nil {
		return err
	}
	return c.call(named, event)
}

func (c *client) comment(text []byte) error {
	if c.onComment == nil {
		return nil
	}
	event, err := c.eventObject(&block{comment: text})
	if err != nil {
		return err
	}
	return c.call(c.onComment, event)
}

func (c *client) eventObject(b *block) (*sobek.Object, error) {
	object := c.rt.NewObject()
	for _, member := range [...]struct {
		name string
		text []byte
	}{{"id", b.id}, {"name", b.name}, {"data", b.data}, {"comment", b.comment}} {
		if err := object.Set(member.name, string(member.text)); err != nil {
			return nil, err
		}
	}
	return object, nil
}

// call calls handlers until one throws or closes the stream.
func (c *client) call(handlers []sobek.Callable, arguments ...sobek.Value) error {
	for _, handler := range handlers {
		if c.closed {
			return nil
		}
		if _, err := handler(sobek.Undefined(), arguments...); err != nil {
			return err
		}
	}
	return nil
}

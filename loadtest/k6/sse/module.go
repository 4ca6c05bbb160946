// Package sse is the k6 module k6/x/sse: Server-Sent Events with the API of phymbert/xk6-sse.
package sse

import (
	"context"
	"errors"

	"github.com/grafana/sobek"
	"go.k6.io/k6/js/common"
	"go.k6.io/k6/js/modules"
)

func init() {
	modules.Register("k6/x/sse", New())
}

// Module is instantiated by k6 for each VU.
type Module struct {
	batches sampleBatches
}

// New returns a module that is not registered.
func New() *Module {
	return &Module{}
}

// NewModuleInstance is called once for each VU that imports the module.
func (m *Module) NewModuleInstance(vu modules.VU) modules.Instance {
	registered, err := registerMetrics(vu.InitEnv().Registry)
	if err != nil {
		common.Throw(vu.Runtime(), err)
	}
	return &instance{vu: vu, metrics: registered, batches: &m.batches}
}

type instance struct {
	vu      modules.VU
	metrics *streamMetrics
	batches *sampleBatches
}

// Exports implements modules.Instance.
func (i *instance) Exports() modules.Exports {
	rt := i.vu.Runtime()
	exported := rt.NewObject()
	if err := exported.Set("open", i.open); err != nil {
		common.Throw(rt, err)
	}
	return modules.Exports{Default: exported}
}

var errInitContext = common.NewInitContextError("sse.open() has no VU in the init context: call it in the VU's function")

// open is sse.open(url, params?, setup).
func (i *instance) open(call sobek.FunctionCall) sobek.Value {
	rt := i.vu.Runtime()
	state := i.vu.State()
	if state == nil {
		common.Throw(rt, errInitContext)
	}
	p, setup, err := parseArguments(rt, state, call.Arguments)
	if err != nil {
		common.Throw(rt, err)
	}
	s := newStream(i, state, p)
	err = s.run(setup)
	if i.vu.Context().Err() != nil {
		// k6 does the same concurrently; here it is certain that no code after open() mistakes the end of the VU for the
		// end of the stream.
		rt.Interrupt(context.Canceled)
		return sobek.Undefined()
	}
	if err != nil {
		common.Throw(rt, err)
	}
	return s.response()
}

var (
	errArguments = errors.New("sse.open(url, params?, setup): takes two or three arguments")
	errNoSetup   = errors.New("sse.open(url, params?, setup): the last argument is not a function")
)

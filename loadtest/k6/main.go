// Command k6 is k6 with this repository's own k6/x/sse.
package main

import (
	"go.k6.io/k6/cmd"

	_ "kafka-sse-gateway/loadtest/k6/sse"
)

func main() {
	cmd.Execute()
}

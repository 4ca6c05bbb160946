package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const script = `
import sse from 'k6/x/sse';
import { Trend } from 'k6/metrics';
export const options = {
	vus: 3, iterations: 3,
	thresholds: { sse_event: ['count==6'], sse_event_latency: ['p(95)<60000'], sse_gaps: ['count==3'] },
};
// The module's own metric, as a script may define it.
new Trend('sse_event_latency', true);
export default function () {
	const response = sse.open(__ENV.URL, {
		native: { latency: 'payload.date', sequence: 'n', closeAtMs: Date.now() + Number(__ENV.HOLD_MS) },
	}, (client) => client.on('event', () => console.log('seen')));
	console.log('after open ' + response.status);
}
export const handleSummary = (data) => ({ stdout: JSON.stringify(data.metrics) });
`

type summary map[string]struct {
	Values map[string]float64
}

// k6 as it is built, from its command line to its summary.
func TestBinary(t *testing.T) {
	directory := t.TempDir()
	binary := filepath.Join(directory, "k6")
	output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", output)
	file := filepath.Join(directory, "script.js")
	require.NoError(t, os.WriteFile(file, []byte(script), 0o600))

	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, n := range []int{1, 3} {
			_, _ = fmt.Fprintf(w, "id: %d\ndata: {\"n\":%d,\"payload\":{\"date\":%d}}\n\n", n, n, time.Now().UnixMilli())
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)

	run := func(holdMs int) *exec.Cmd {
		command := exec.Command(binary, "run", "--quiet", "--address", "", file)
		command.Env = append(os.Environ(), "URL="+s.URL, fmt.Sprintf("HOLD_MS=%d", holdMs),
			"K6_NO_USAGE_REPORT=true", "K6_AUTO_EXTENSION_RESOLUTION=false")
		return command
	}
	check := func(t *testing.T, output []byte) {
		t.Helper()
		var metrics summary
		require.NoError(t, json.Unmarshal(output, &metrics), "%s", output)
		assert.Equal(t, 6.0, metrics["sse_event"].Values["count"])
		assert.Equal(t, 3.0, metrics["sse_gaps"].Values["count"])
		assert.Equal(t, 3.0, metrics["http_reqs"].Values["count"])
		assert.Positive(t, metrics["data_received"].Values["count"])
		assert.Contains(t, metrics, "sse_event_latency")
	}

	t.Run("names the module", func(t *testing.T) {
		version, err := exec.Command(binary, "version").Output()
		require.NoError(t, err)
		assert.Contains(t, string(version), "k6/x/sse [js]")
	})
	t.Run("runs a script", func(t *testing.T) {
		command := run(500)
		var log bytes.Buffer
		command.Stderr = &log
		output, err := command.Output()
		require.NoError(t, err, "%s", log.String())
		check(t, output)
		assert.Contains(t, log.String(), "after open 200")
	})
	t.Run("keeps the samples of streams that Ctrl-C ends", func(t *testing.T) {
		command := run(60_000)
		var output bytes.Buffer
		command.Stdout = &output
		stderr, err := command.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, command.Start())
		// When all has arrived, the signal; the rest is read to the end.
		log, seen := "", 0
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			log += lines.Text() + "\n"
			if strings.Contains(lines.Text(), "seen") {
				if seen++; seen == 6 {
					require.NoError(t, command.Process.Signal(syscall.SIGINT))
				}
			}
		}
		err = command.Wait()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		// k6's code for a test that was aborted from outside.
		assert.Equal(t, 105, exit.ExitCode(), "%s", log)
		check(t, output.Bytes())
		assert.NotContains(t, log, "after open")
	})
}

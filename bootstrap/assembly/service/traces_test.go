package service

import (
	"strings"
	"testing"

	"timesheets/bootstrap/assembly"
)

func TestMistakesAboutTracesAreToldWithAllOthers(t *testing.T) {
	t.Parallel()
	_, err := ReadConfig(assembly.Environment{"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "AUTH0_DOMAIN=x.example.com"})
	for _, name := range []string{"DATABASE_URL", "AUTH0_AUDIENCE", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not told of: %v", name, err)
		}
	}
}

// A tracer that is nil, in an interface that is not, would be called.
func TestWithoutTracesNothingIsInstalled(t *testing.T) {
	t.Parallel()
	if tracer := TraceStatements(nil); tracer != nil {
		t.Errorf("statements are seen by %T", tracer)
	}
	if requests := TraceRequests(nil); requests.Tracer != nil || requests.Propagator != nil {
		t.Errorf("requests are seen by %T", requests.Tracer)
	}
}

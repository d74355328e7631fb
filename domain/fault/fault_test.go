package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"timesheets/domain/fault"
)

func TestAKindIsFoundThroughEveryWrapping(t *testing.T) {
	t.Parallel()
	f := fault.Wrap(io.ErrUnexpectedEOF, fault.Unavailable, "database_unreachable", "The database does not answer.")
	err := fmt.Errorf("upload: %w", f)
	if !errors.Is(err, fault.Unavailable) {
		t.Error("the kind is lost")
	}
	if errors.Is(err, fault.Internal) {
		t.Error("another kind is found")
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if got := fault.Of(err); got != f {
		t.Errorf("Of gave %v", got)
	}
}

func TestAnErrorWithoutAFaultIsInternalAndSaysNothingToClients(t *testing.T) {
	t.Parallel()
	f := fault.Of(errors.New("pq: password=secret"))
	if f.Kind != fault.Internal || f.Code != "internal" {
		t.Errorf("got %s %s", f.Kind, f.Code)
	}
	if f.Text != fault.Of(io.EOF).Text {
		t.Errorf("the text depends on the cause: %q", f.Text)
	}
	if fault.Of(nil) != nil {
		t.Error("Of(nil) is not nil")
	}
}

func TestWithAndAfterLeaveTheOriginalAlone(t *testing.T) {
	t.Parallel()
	f := fault.New(fault.Conflict, "conflict", "No.")
	g := f.With("correction_id", "1").With("import_id", "2").After(7)
	if len(f.Extra) != 0 || f.RetryAfter != 0 {
		t.Error("the original changed")
	}
	if len(g.Extra) != 2 || g.RetryAfter != 7 {
		t.Errorf("got %v %v", g.Extra, g.RetryAfter)
	}
}

//go:build machine

package localpostgres

import (
	"os"
	"strings"
	"testing"
)

// These need a Docker Engine that has the image TEST_POSTGRES_IMAGE.

func image() string { return os.Getenv("TEST_POSTGRES_IMAGE") }

func TestAContainerHaltsAndResumesLikeAnyServer(t *testing.T) {
	t.Parallel()
	for _, disposable := range []bool{true, false} {
		s, err := Start(t.Context(), Options{Order: []Source{Docker}, Image: image(), Disposable: disposable, MaxConnections: 37})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			if tryConnection(t.Context(), s.URL()) == nil {
				t.Error("the stopped server accepts connections")
			}
		})
		if !strings.HasSuffix(s.Description(), "in Docker, image "+image()) {
			t.Errorf("got %q", s.Description())
		}
		if got := ask(t, s.URL(), "SHOW max_connections"); got != "37" {
			t.Errorf("got max_connections %s, want 37", got)
		}
		execute(t, s.URL(), "CREATE TABLE t (n int)")
		for _, how := range []Halt{Fast, Immediate, Killed} {
			execute(t, s.URL(), "INSERT INTO t VALUES (1)")
			if err := s.Halt(t.Context(), how); err != nil {
				t.Fatal(err)
			}
			if err := s.Resume(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := ask(t, s.URL(), "SELECT count(*)::text FROM t"); got != "3" {
			t.Errorf("got %s rows, want 3", got)
		}
	}
}

func TestKillingTheStarterEndsTheContainer(t *testing.T) {
	t.Parallel()
	elsewhere := startElsewhere(t, Options{Order: []Source{Docker}, Image: image(), Disposable: true})
	if got := ask(t, elsewhere.url, "SELECT 'here'"); got != "here" {
		t.Errorf("got %s", got)
	}
	elsewhere.kill()
	eventually(t, "the server is gone", func() bool { return tryConnection(t.Context(), elsewhere.url) != nil })
}

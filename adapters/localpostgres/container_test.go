package localpostgres

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
)

// madeUp holds an entry point that says "up" with its arguments and "down" when
// it is told to end.
const madeUp = "testdata/image"

// supervise runs the supervisor as a container of an image would, of which image
// is the folder of the entry point.
func supervise(t *testing.T, image string) (cmd *exec.Cmd, orders io.WriteCloser, said *bufio.Reader) {
	t.Helper()
	image, err := filepath.Abs(image)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("/bin/sh", "-c", supervisor, "supervisor", "-c", "max_connections=7")
	cmd.Env = []string{"PATH=" + image + ":/usr/bin:/bin", "PGDATA=" + t.TempDir()}
	orders, err = cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	if err := read.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		read.Close()
	})
	return cmd, orders, bufio.NewReader(read)
}

func TestTheSupervisorObeysAndEndsWithItsInput(t *testing.T) {
	t.Parallel()
	cmd, orders, said := supervise(t, madeUp)
	expect := func(want string) {
		t.Helper()
		if got, err := said.ReadString('\n'); strings.TrimSpace(got) != want {
			t.Fatalf("got %q (%v), want %q", got, err, want)
		}
	}
	expect("up postgres -c max_connections=7")
	fmt.Fprintln(orders, "TERM")
	expect("down TERM")
	fmt.Fprintln(orders, "RUN")
	expect("up postgres -c max_connections=7")
	orders.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the supervisor ended with %v", err)
	}
	// In a container that is the end of all; here the server is told by hand.
	pid, err := os.ReadFile(filepath.Join(strings.TrimPrefix(cmd.Env[1], "PGDATA="), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("kill", "-TERM", strings.TrimSpace(string(pid))).Run(); err != nil {
		t.Error(err)
	}
	expect("down TERM")
}

func TestTheSupervisorRefusesAnImageThatIsNoPostgreSQL(t *testing.T) {
	t.Parallel()
	cmd, _, said := supervise(t, t.TempDir())
	words, _ := io.ReadAll(said)
	if err := cmd.Wait(); err == nil || !strings.Contains(string(words), "not a PostgreSQL image") {
		t.Errorf("got %v, %q", err, words)
	}
}

func TestAnImageIsPulledOnlyWhenItIsMissingAndNotForEver(t *testing.T) {
	t.Parallel()
	missing := func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message":"No such image"}`)
	}
	patient := patience{total: time.Minute, stall: time.Minute}
	stalls := patience{total: time.Minute, stall: 100 * time.Millisecond}
	ends := patience{total: 3 * time.Second, stall: 2 * time.Second} // what comes puts only the second off
	for _, tt := range []struct {
		name    string
		inspect func(http.ResponseWriter)
		pull    func(http.ResponseWriter, *http.Request)
		limit   patience
		want    string // in the error; "" for none
	}{
		{
			"an image that is there is not pulled",
			func(w http.ResponseWriter) { fmt.Fprint(w, `{"Id":"sha256:1"}`) },
			func(http.ResponseWriter, *http.Request) { t.Error("pulled") },
			patient,
			"",
		},
		{
			"a pull that succeeds",
			missing,
			func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintln(w, `{"status":"Pulling"}`)
				fmt.Fprintln(w, `{"status":"Done"}`)
			},
			patient,
			"",
		},
		{
			"a registry that refuses",
			missing,
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprint(w, `{"message":"no such host"}`)
			},
			patient,
			"no such host",
		},
		{
			"a pull that fails half way",
			missing,
			func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintln(w, `{"status":"Pulling"}`)
				fmt.Fprintln(w, `{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}`)
			},
			patient,
			"manifest unknown",
		},
		{
			"a registry that never answers",
			missing,
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			stalls,
			"nothing came for 100ms",
		},
		{
			"a pull that stops half way",
			missing,
			func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintln(w, `{"status":"Pulling"}`)
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			},
			stalls,
			"nothing came for 100ms",
		},
		{
			"a pull without end",
			missing,
			func(w http.ResponseWriter, r *http.Request) {
				for r.Context().Err() == nil {
					fmt.Fprintln(w, `{"status":"Pulling"}`)
					_ = http.NewResponseController(w).Flush()
					<-time.After(time.Millisecond)
				}
			},
			ends,
			"not done after 3s",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/json"):
					tt.inspect(w)
				case strings.HasSuffix(r.URL.Path, "/images/create"):
					tt.pull(w, r)
				default:
					w.Header().Set("Api-Version", "1.44")
				}
			}))
			defer engine.Close()
			docker, err := client.New(client.WithHost("tcp://" + engine.Listener.Addr().String()))
			if err != nil {
				t.Fatal(err)
			}
			defer docker.Close()
			err = fetch(t.Context(), docker, "postgres:17-alpine", tt.limit)
			if tt.want == "" && err != nil {
				t.Errorf("got %v", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

package postgres_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/adapters/localpostgres"
	"timesheets/adapters/postgres"
	"timesheets/domain/fault"
	"timesheets/test/pgtest"
)

func openPool(t *testing.T, c postgres.Config) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestAConfigThatCanNeverWorkIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	const good = "postgres://u:s3cret@h/d"
	for _, tt := range []struct {
		name   string
		config postgres.Config
		want   string // the fault's code
	}{
		{"no URL", postgres.Config{}, "database_url_missing"},
		{"no URL at all", postgres.Config{URL: "s3cret"}, "database_url_unreadable"},
		{"a URL of something else", postgres.Config{URL: "mysql://u:s3cret@h/d"}, "database_url_unreadable"},
		{"a special character in the password", postgres.Config{URL: "postgres://u:s3cret%zz@h/d"}, "database_url_unreadable"},
		{"a slash in the password", postgres.Config{URL: "postgres://u:s3cret/s3cret@h/d"}, "database_url_unreadable"},
		{"a port that is none", postgres.Config{URL: "postgres://u:s3cret@h:s3cret/d"}, "database_url_unreadable"},
		{"an unknown sslmode", postgres.Config{URL: good + "?sslmode=s3cret"}, "database_url_unreadable"},
		{"a quote that never ends", postgres.Config{URL: "host=h password='s3cret"}, "database_url_unreadable"},
		{"a pool without room", postgres.Config{URL: good, MaxConnections: -1}, "database_pool_size"},
		{"a pool that is huge", postgres.Config{URL: good, MaxConnections: 1001}, "database_pool_size"},
		{"more at least than at most", postgres.Config{URL: good, MaxConnections: 2, MinConnections: 3}, "database_pool_size"},
		{"a negative lifetime", postgres.Config{URL: good, MaxLifetime: -time.Second}, "database_pool_lifetime"},
	} {
		_, err := postgres.Open(t.Context(), tt.config)
		var f *fault.Error
		if !errors.As(err, &f) {
			t.Errorf("%s: got %v, want a fault", tt.name, err)
			continue
		}
		if f.Kind != fault.Invalid || f.Code != tt.want {
			t.Errorf("%s: got %s %s, want %s", tt.name, f.Kind, f.Code, tt.want)
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the password is in the error: %v", tt.name, err)
		}
	}
}

func TestNobodyWatchesStatementsUnlessAskedTo(t *testing.T) {
	t.Parallel()
	if tracer := openPool(t, postgres.Config{URL: "postgres://h/d"}).Config().ConnConfig.Tracer; tracer != nil {
		t.Errorf("statements are seen by %T", tracer)
	}
}

func TestNoConnectionErrorHoldsThePassword(t *testing.T) {
	t.Parallel()
	server, err := pgx.ParseConfig(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, url := range []string{
		"postgres://nobody:s3cret@" + net.JoinHostPort(server.Host, strconv.Itoa(int(server.Port))) + "/" + server.Database,
		"postgres://nobody:s3cret@" + closed.Addr().String() + "/d",
	} {
		err := openPool(t, postgres.Config{URL: url}).Ping(t.Context())
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAPoolOpensWhileTheDatabaseIsDownAndWorksOnceItIsUp(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	if err := server.Halt(t.Context(), localpostgres.Fast); err != nil {
		t.Fatal(err)
	}
	pool := openPool(t, postgres.Config{URL: server.URL(), MinConnections: 1})
	if err := pool.Ping(t.Context()); err == nil {
		t.Error("a ping of the halted server succeeds")
	}
	if err := server.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := pool.Ping(t.Context()); err != nil {
		t.Errorf("the server is up: %v", err)
	}
}

func TestSessionsSayWhoTheyAreAndLiveInUTC(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	for want, config := range map[string]postgres.Config{
		"timesheets":          {URL: url},
		"timesheets api pod7": {URL: url + "&timezone=Asia/Tokyo", ApplicationName: "timesheets api pod7"},
	} {
		pool := openPool(t, config)
		var zone, name string
		if err := pool.QueryRow(t.Context(), "SELECT current_setting('timezone'), current_setting('application_name')").Scan(&zone, &name); err != nil {
			t.Fatal(err)
		}
		if zone != "UTC" || name != want {
			t.Errorf("got zone %q and name %q, want UTC and %q", zone, name, want)
		}
	}
}

func TestTimesComeOutInUTC(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Database(t)})
	want := time.Date(2026, 11, 22, 9, 30, 0, 123456000, time.UTC)
	var one time.Time
	var several []time.Time
	err := pool.QueryRow(t.Context(), "SELECT $1::timestamptz, ARRAY[$1::timestamptz]", want.In(time.FixedZone("", 7200))).Scan(&one, &several)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range append(several, one) {
		if got != want { // with ==, which compares locations too
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestAPoolSendsNothingThatAPoolerRefuses(t *testing.T) {
	t.Parallel()
	// What PgBouncer accepts of startup parameters beside user and database,
	// see its option ignore_startup_parameters.
	accepted := []string{"client_encoding", "datestyle", "timezone", "standard_conforming_strings", "application_name"}
	config := openPool(t, postgres.Config{URL: "postgres://u@h/d"}).Config().ConnConfig
	for parameter := range config.RuntimeParams {
		if !slices.Contains(accepted, parameter) {
			t.Errorf("the startup parameter %s is refused by poolers", parameter)
		}
	}
	if config.DefaultQueryExecMode != pgx.QueryExecModeCacheDescribe {
		t.Errorf("got mode %s: behind a transaction pooler, named statements get lost", config.DefaultQueryExecMode)
	}
}

func TestThePoolIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		config   postgres.Config
		max, min int32
		lifetime time.Duration
	}{
		{"by default", postgres.Config{}, 10, 0, 30 * time.Minute},
		{"as told", postgres.Config{MaxConnections: 3, MinConnections: 2, MaxLifetime: time.Hour}, 3, 2, time.Hour},
	} {
		tt.config.URL = "postgres://u@127.0.0.1:1/d"
		got := openPool(t, tt.config).Config()
		if got.MaxConns != tt.max || got.MinConns != tt.min || got.MaxConnLifetime != tt.lifetime {
			t.Errorf("%s: got %d, %d, %s", tt.name, got.MaxConns, got.MinConns, got.MaxConnLifetime)
		}
		if got.ConnConfig.ConnectTimeout == 0 || got.PingTimeout == 0 {
			t.Errorf("%s: connecting or pinging may take for ever", tt.name)
		}
	}
	patient := openPool(t, postgres.Config{URL: "postgres://u@127.0.0.1:1/d?connect_timeout=60"}).Config()
	if got := patient.ConnConfig.ConnectTimeout; got != time.Minute {
		t.Errorf("got a connect timeout of %s, want the URL's", got)
	}
}

func TestAConnectionToADemotedPrimaryLeavesThePool(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Database(t), MaxConnections: 1})
	// session runs a statement on the pool's one connection and tells which it was.
	session := func(statement string) (pid uint32) {
		t.Helper()
		err := pool.AcquireFunc(t.Context(), func(conn *pgxpool.Conn) error {
			_, err := conn.Exec(t.Context(), statement)
			pid = conn.Conn().PgConn().PID()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	first := session("SELECT 1")
	if again := session("SELECT 1"); again != first {
		t.Fatalf("a good connection was dropped")
	}
	// What a reload with default_transaction_read_only does to open sessions.
	if demoted := session("SET default_transaction_read_only = on"); demoted != first {
		t.Fatalf("a good connection was dropped")
	}
	if next := session("SELECT 1"); next == first {
		t.Error("the read-only connection stayed in the pool")
	}
}

func TestATransactionIsBoundedAndLeavesNoTrace(t *testing.T) {
	t.Parallel()
	pool := openPool(t, postgres.Config{URL: pgtest.Database(t), MaxConnections: 1})
	const settings = "SELECT concat_ws(' ', current_setting('lock_timeout'), current_setting('statement_timeout'), " +
		"current_setting('idle_in_transaction_session_timeout'), current_setting('jit'), current_setting('transaction_isolation'), current_setting('transaction_read_only'))"
	for _, tt := range []struct {
		name string
		run  func(context.Context, *pgxpool.Pool, func(postgres.Querier) error) error
		want string
	}{
		{"an ordinary one", postgres.InTx, "2s 30s 10s off read committed off"},
		{"a snapshot", postgres.InSnapshot, "2s 30s 10s off repeatable read on"},
	} {
		// It begins with a statement of its own, or with what is first asked.
		var single, batched string
		if err := tt.run(t.Context(), pool, func(tx postgres.Querier) error { return tx.QueryRow(t.Context(), settings).Scan(&single) }); err != nil {
			t.Fatal(err)
		}
		if err := tt.run(t.Context(), pool, func(tx postgres.Querier) error {
			var b pgx.Batch
			b.Queue(settings).QueryRow(func(row pgx.Row) error { return row.Scan(&batched) })
			return tx.SendBatch(t.Context(), &b).Close()
		}); err != nil {
			t.Fatal(err)
		}
		if single != tt.want || batched != tt.want {
			t.Errorf("%s: got %q and %q, want %q", tt.name, single, batched, tt.want)
		}
	}
	var after string
	if err := pool.QueryRow(t.Context(), settings).Scan(&after); err != nil {
		t.Fatal(err)
	}
	if want := "0 0 0 on read committed off"; after != want {
		t.Errorf("after the transactions: got %q, want %q", after, want)
	}
}

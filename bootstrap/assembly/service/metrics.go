package service

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"timesheets/adapters/auth0"
	"timesheets/application/precedence"
)

// poolMetrics shows how the database connections are used.
func poolMetrics(pool *pgxpool.Pool) []prometheus.Collector {
	gauge := func(name, help string, read func(*pgxpool.Stat) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "timesheets_database_" + name, Help: help},
			func() float64 { return read(pool.Stat()) })
	}
	counter := func(name, help string, read func(*pgxpool.Stat) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "timesheets_database_" + name, Help: help},
			func() float64 { return read(pool.Stat()) })
	}
	return []prometheus.Collector{
		gauge("connections", "Open connections.", func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) }),
		gauge("connections_in_use", "Connections in use.", func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) }),
		gauge("connections_max", "Most connections that may be open.", func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) }),
		counter("acquire_waits_total", "Times that a request had to wait for a connection.", func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) }),
		counter("acquire_wait_seconds_total", "Time that requests waited for a connection.", func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() }),
	}
}

// waitMetrics shows how much batches stand back.
func waitMetrics(way *precedence.RightOfWay) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "timesheets_batches_waited_seconds_total", Help: "Time that batches stood back because somebody was writing by hand.",
	}, func() float64 { return way.Waited().Seconds() })
}

// tokenMetrics shows how tokens fare, and how old the keys are.
func tokenMetrics(v *auth0.Verifier) []prometheus.Collector {
	return []prometheus.Collector{tokenCollector{v}}
}

// tokenCollector reads all of a verifier's counts at one moment.
type tokenCollector struct{ verifier *auth0.Verifier }

var (
	tokensProven    = prometheus.NewDesc("timesheets_tokens_proven_total", "Tokens whose signature was checked and held.", nil, nil)
	tokensKnown     = prometheus.NewDesc("timesheets_tokens_known_total", "Tokens that were remembered from a moment ago.", nil, nil)
	tokensUndecided = prometheus.NewDesc("timesheets_tokens_undecided_total", "Tokens that could not be judged for want of keys.", nil, nil)
	tokensRefused   = prometheus.NewDesc("timesheets_tokens_refused_total", "Tokens refused, by reason.", []string{"reason"}, nil)
	keysHeld        = prometheus.NewDesc("timesheets_signing_keys", "Signing keys, or secrets, held now.", nil, nil)
	keyAge          = prometheus.NewDesc("timesheets_signing_keys_age_seconds", "Time since the held keys were last confirmed.", nil, nil)
	keyFetches      = prometheus.NewDesc("timesheets_signing_keys_fetches_total", "Times the keys were asked for.", nil, nil)
	keyFailures     = prometheus.NewDesc("timesheets_signing_keys_fetch_failures_total", "Times that brought nothing.", nil, nil)
)

// Describe is part of prometheus.Collector.
func (tokenCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tokensProven, tokensKnown, tokensUndecided, tokensRefused, keysHeld, keyAge, keyFetches, keyFailures} {
		to <- d
	}
}

// Collect is part of prometheus.Collector.
func (c tokenCollector) Collect(to chan<- prometheus.Metric) {
	s := c.verifier.Stats()
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	counter(tokensProven, s.Proven)
	counter(tokensKnown, s.CacheHits)
	counter(tokensUndecided, s.Undecided)
	for reason, n := range s.Refused {
		counter(tokensRefused, n, string(reason))
	}
	to <- prometheus.MustNewConstMetric(keysHeld, prometheus.GaugeValue, float64(s.Keys))
	to <- prometheus.MustNewConstMetric(keyAge, prometheus.GaugeValue, s.KeyAge.Seconds())
	counter(keyFetches, s.KeyFetches)
	counter(keyFailures, s.KeyFetchFailures)
}

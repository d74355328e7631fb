package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts requests. Its labels are patterns, known methods, statuses
// and codes, so that no client can make new series.
type metrics struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	problems *prometheus.CounterVec
	inFlight prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "timesheets_http_requests_total",
			Help: "Requests answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "timesheets_http_request_duration_seconds",
			Help:    "From a request that is read to its answer, exports to their last byte.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "method"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "timesheets_http_problems_total",
			Help: "Answers of status 400 and above, by the problem's code.",
		}, []string{"code"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "timesheets_http_requests_in_flight",
			Help: "Requests that are being answered.",
		}),
	}
	for _, collector := range []prometheus.Collector{m.requests, m.took, m.problems, m.inFlight} {
		if err := registry.Register(collector); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) observe(x *exchange, status int, took time.Duration) {
	method := x.method
	if !isRoutable(method) {
		method = "other"
	}
	m.requests.WithLabelValues(x.route, method, strconv.Itoa(status)).Inc()
	m.took.WithLabelValues(x.route, method).Observe(took.Seconds())
	if x.code != "" {
		m.problems.WithLabelValues(x.code).Inc()
	}
}

// MetricsServer serves /metrics, from what registry gathers, and /healthz, for
// which it has a connection however many clients hold; nothing else. It belongs on
// an address of its own, which only the operator reaches; the caller calls its
// Serve and Shutdown.
func MetricsServer(registry prometheus.Gatherer) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	mux.HandleFunc("GET "+livenessPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typeJSON)
		_ = json.MarshalWrite(w, health{"ok"}) // who is gone needs no answer
	})
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    maxHeader,
	}
}

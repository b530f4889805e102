package obs

import (
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics counts what happens. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	inFlight   *prometheus.GaugeVec
	bytes      *prometheus.CounterVec
	tokens     *prometheus.CounterVec
	firstToken *prometheus.HistogramVec

	// Handles by operation and by model: finding a label's counter in a Vec costs a hash and a lock.
	ops    sync.Map // string → *opHandles
	models sync.Map // string → *modelHandles
}

// classes of answers; 499 is a client that went away, which is nobody's error.
var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx", "canceled"}

type opHandles struct {
	class    [len(classes)]prometheus.Counter
	seconds  prometheus.Observer
	inFlight prometheus.Gauge
	bytes    prometheus.Counter
}

type modelHandles struct {
	prompt, cached, completion prometheus.Counter
	firstToken                 prometheus.Observer
}

// Answers take from a millisecond (a list) to minutes (a long text).
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 180, 600}

// NewMetrics returns the metrics of a process, with those of the Go runtime and the process itself.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_requests_total",
			Help: "Requests by operation and class of answer."}, []string{"op", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "parley_request_seconds",
			Help: "Time from a request to the end of its answer.", Buckets: buckets}, []string{"op"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "parley_requests_in_flight",
			Help: "Requests being answered."}, []string{"op"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_response_bytes_total",
			Help: "Bytes of answers' bodies."}, []string{"op"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_tokens_total",
			Help: "Tokens by served model: prompt, cached (of the prompt, not computed again), completion."}, []string{"model", "kind"}),
		firstToken: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "parley_first_token_seconds",
			Help: "Time from a request to the first token of its answer.", Buckets: buckets}, []string{"model"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "parley_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()}})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.inFlight, m.bytes, m.tokens, m.firstToken, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *Metrics) op(op string) *opHandles {
	if h, ok := m.ops.Load(op); ok {
		return h.(*opHandles)
	}
	h := &opHandles{seconds: m.seconds.WithLabelValues(op), inFlight: m.inFlight.WithLabelValues(op), bytes: m.bytes.WithLabelValues(op)}
	for i, c := range classes {
		h.class[i] = m.requests.WithLabelValues(op, c)
	}
	got, _ := m.ops.LoadOrStore(op, h)
	return got.(*opHandles)
}

// RequestStarted counts a request in; op is the route's operation.
func (m *Metrics) RequestStarted(op string) { m.op(op).inFlight.Inc() }

// RequestDone counts a request out: the status sent (499 when the client had gone), how long it took,
// the bytes of the body. Streams are told apart by their operation's time alone.
func (m *Metrics) RequestDone(op string, status int, took time.Duration, bytes int64, _ bool) {
	h := m.op(op)
	h.inFlight.Dec()
	class := status/100 - 1
	if status == 499 {
		class = len(classes) - 1
	}
	if class < 0 || class >= len(classes) {
		class = 4
	}
	h.class[class].Inc()
	h.seconds.Observe(took.Seconds())
	h.bytes.Add(float64(bytes))
}

func (m *Metrics) model(model string) *modelHandles {
	if h, ok := m.models.Load(model); ok {
		return h.(*modelHandles)
	}
	got, _ := m.models.LoadOrStore(model, &modelHandles{
		prompt: m.tokens.WithLabelValues(model, "prompt"), cached: m.tokens.WithLabelValues(model, "cached"),
		completion: m.tokens.WithLabelValues(model, "completion"), firstToken: m.firstToken.WithLabelValues(model),
	})
	return got.(*modelHandles)
}

// Tokens counts the tokens of one answer; model is the served model's name, never what a client wrote.
func (m *Metrics) Tokens(model string, prompt, cached, completion int) {
	h := m.model(model)
	h.prompt.Add(float64(prompt))
	h.cached.Add(float64(cached))
	h.completion.Add(float64(completion))
}

// FirstToken notes how long the first token of an answer took.
func (m *Metrics) FirstToken(model string, took time.Duration) {
	m.model(model).firstToken.Observe(took.Seconds())
}

// WatchKeeper has the figures of kept bodies called at each scrape. Call it once.
func (m *Metrics) WatchKeeper(stats func() (waiting, kept, dropped int64)) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_retention_waiting_bytes", Help: "Bodies of requests in memory that are not written yet."},
			func() float64 { waiting, _, _ := stats(); return float64(waiting) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "parley_retention_kept_total", Help: "Requests whose bodies were kept."},
			func() float64 { _, kept, _ := stats(); return float64(kept) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "parley_retention_dropped_total", Help: "Requests whose bodies found no room, or could not be written."},
			func() float64 { _, _, dropped := stats(); return float64(dropped) }),
	)
}

// EngineStatus is the state of one model, as WatchEngine reports it.
type EngineStatus struct {
	Model          string
	Ready          bool
	Active, Queued int
}

// WatchEngine has status called at each scrape. Call it once.
func (m *Metrics) WatchEngine(status func() []EngineStatus) {
	gauge := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("parley_engine_"+name, help, []string{"model"}, nil)
	}
	m.registry.MustRegister(&engineCollector{status,
		gauge("active", "Sequences that a model works on."), gauge("queued", "Requests that wait for a model."),
		gauge("ready", "1 when the model is loaded.")})
}

type engineCollector struct {
	status                func() []EngineStatus
	active, queued, ready *prometheus.Desc
}

func (c *engineCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.active
	ch <- c.queued
	ch <- c.ready
}

func (c *engineCollector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.status() {
		ready := 0.0
		if s.Ready {
			ready = 1
		}
		ch <- prometheus.MustNewConstMetric(c.active, prometheus.GaugeValue, float64(s.Active), s.Model)
		ch <- prometheus.MustNewConstMetric(c.queued, prometheus.GaugeValue, float64(s.Queued), s.Model)
		ch <- prometheus.MustNewConstMetric(c.ready, prometheus.GaugeValue, ready, s.Model)
	}
}

// DBStats are the database's figures, as WatchDB reports them.
type DBStats struct {
	Open, InUse   int
	WriterWaiting int64
	Waits         int64
}

// WatchDB has stats called at each scrape. Call it once.
func (m *Metrics) WatchDB(stats func() DBStats) {
	gauge := func(name, help string, labels prometheus.Labels, value func(DBStats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return value(stats()) })
	}
	const conns, help = "parley_db_connections", "Connections to the database."
	m.registry.MustRegister(
		gauge(conns, help, prometheus.Labels{"state": "in_use"}, func(s DBStats) float64 { return float64(s.InUse) }),
		gauge(conns, help, prometheus.Labels{"state": "idle"}, func(s DBStats) float64 { return float64(s.Open - s.InUse) }),
		gauge("parley_db_writer_waiting", "Transactions that wait for SQLite's writer.", nil, func(s DBStats) float64 { return float64(s.WriterWaiting) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "parley_db_waits_total", Help: "Times that a query waited for a connection."},
			func() float64 { return float64(stats().Waits) }),
	)
}

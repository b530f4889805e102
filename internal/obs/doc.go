// Package obs is how Parley is observed: logs (log/slog), metrics (Prometheus) and traces
// (OpenTelemetry).
//
// Logs: NewLogger masks keys, bearer tokens and passwords in messages and attributes, so that a
// careless line does no harm; it is a net, not a licence. Prompts and answers are never logged.
//
// Metrics: one Metrics per process, passed to those who count. Labels are operations of the route
// table and served models: never ids, users or texts. Counting is a few atomic additions.
//
//	parley_requests_total{op,class}              requests by operation and class: 2xx … 5xx, canceled
//	parley_request_seconds{op}                   time to the end of the answer
//	parley_requests_in_flight{op}
//	parley_response_bytes_total{op}
//	parley_tokens_total{model,kind}              kind: prompt, cached (of the prompt), completion
//	parley_first_token_seconds{model}            from the request to the first token
//	parley_engine_active{model}, _queued, _ready what the pool knows of a loaded model
//	parley_db_connections{state}, parley_db_writer_waiting, parley_db_waits_total
//	parley_build_info{version,go}
//
// Traces: off unless OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is set; the standard OTEL_*
// variables configure the rest. Span costs nothing while they are off.
package obs

package obs

import (
	"context"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracing holds the tracer while traces are on.
var tracing atomic.Pointer[trace.Tracer]

// StartTracing sends traces by OTLP over HTTP if the environment, read through getenv, asks for it;
// otherwise it does nothing. stop sends what is left. It may be called again after stop.
func StartTracing(ctx context.Context, version string, getenv func(string) string) (stop func(context.Context) error, err error) {
	nothing := func(context.Context) error { return nil }
	if getenv("OTEL_SDK_DISABLED") == "true" || getenv("OTEL_TRACES_EXPORTER") == "none" ||
		getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nothing, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := getenv(name); p != "" && p != "http/protobuf" {
			return nil, fmt.Errorf("%s=%s is not supported: set it to http/protobuf (port 4318 as a rule)", name, p)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	// Later ones win: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES over our own name.
	res, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "parley"), attribute.String("service.version", version)),
		resource.WithHost(), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	return startTracing(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res)), nil
}

func startTracing(opts ...sdktrace.TracerProviderOption) (stop func(context.Context) error) {
	provider := sdktrace.NewTracerProvider(opts...)
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	tracer := provider.Tracer("github.com/parley-ai/parley")
	tracing.Store(&tracer)
	return func(ctx context.Context) error {
		tracing.CompareAndSwap(&tracer, nil)
		return provider.Shutdown(ctx)
	}
}

// Span starts a span, child of the one in ctx. Call end with the operation's error when it is over:
//
//	ctx, end := obs.Span(ctx, "chats.Create", attribute.String("model", m))
//	defer func() { end(err) }()
//
// Names are operations; attributes hold no prompt, answer or secret.
func Span(ctx context.Context, name string, attrs ...attribute.KeyValue) (_ context.Context, end func(error)) {
	tracer := tracing.Load()
	if tracer == nil {
		return ctx, noEnd
	}
	ctx, span := (*tracer).Start(ctx, name, trace.WithAttributes(attrs...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, Redact(err.Error()))
		}
		span.End()
	}
}

func noEnd(error) {}

// Extract returns ctx with the trace that a request's headers carry (traceparent), if traces are on.
func Extract(ctx context.Context, header propagation.TextMapCarrier) context.Context {
	if tracing.Load() == nil {
		return ctx
	}
	return otel.GetTextMapPropagator().Extract(ctx, header)
}

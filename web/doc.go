// Package web is Parley's browser app and the handler that serves it.
//
// The app is React and TypeScript under src/, built by Vite into dist/ (`make web`). With the build
// tag `web` that folder is embedded in the binary; without it `go build` needs no Node, and a page
// says how to build the app.
//
// What is served:
//
//	/assets/…      files whose names carry a content hash: cached for ever
//	/theme.js, …   other built files: revalidated by ETag
//	page paths     index.html, for every path that a browser navigates to and that no file answers
//
// Invariants: paths of the APIs (/v1/…, /api/…) are never answered with a page; every page forbids
// inline scripts, framing and referrers; brotli and gzip variants made at build time are used when
// the client accepts them.
package web

package backup

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/parley-ai/parley/internal/httpapi"
)

// AdminRoutes are the operator's, on the admin socket alone: a backup has everybody's data in it.
func (s *Source) AdminRoutes() []httpapi.Route {
	return []httpapi.Route{{
		Method: http.MethodGet, Path: "/admin/backup", Op: "adminBackup", Tag: "Admin",
		Summary: "A backup of the installation as a file. Without a manifest at its end it was cut short.",
		Query:   Query{}, Produces: "application/zstd", Handle: s.serve,
	}}
}

// Query are the parameters of GET /admin/backup.
type Query struct {
	Files *bool `query:"files" doc:"Files of the home, too." default:"true"`
	Key   bool  `query:"key" doc:"With the installation's key, which opens what is sealed in the database." default:"false"`
}

func (s *Source) serve(w http.ResponseWriter, r *http.Request) error {
	q, err := httpapi.Query[Query](r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zstd")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="parley-%s.backup"`, s.Clock.Now().UTC().Format("20060102-150405")))
	// Longer than other answers may take; a client that takes nothing ends it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), longest)
	defer cancel()
	_, err = s.Write(ctx, w, Options{Files: q.Files == nil || *q.Files, Key: q.Key})
	return err
}

// longest is how long a backup may take.
const longest = 24 * time.Hour

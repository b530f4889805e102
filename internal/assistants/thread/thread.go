package thread

import (
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/store"
)

// Store keeps threads and what is in them. Its methods with a store.Q or store.Tx are pieces of somebody's transaction.
type Store struct {
	db    *store.DB
	clock clock.Clock
}

// NewStore returns a store over the database.
func NewStore(db *store.DB, c clock.Clock) *Store { return &Store{db: db, clock: c} }

package server

import (
	"github.com/parley-ai/parley/internal/billing"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/retention"
)

// Routes are those of the network, for the tests of who may do what.
func (s *Server) Routes() []httpapi.Route { return s.api.Routes() }

// Identity tells who sends a request.
func (s *Server) Identity() *identity.Service { return s.identity }

// Retention keeps bodies of requests.
func (s *Server) Retention() *retention.Service { return s.keeper }

// Billing closes months.
func (s *Server) Billing() *billing.Service { return s.billing }
